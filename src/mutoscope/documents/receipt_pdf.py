"""A receipt as PDF."""

import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Final

import typst

from mutoscope.app.receipt_page import ReceiptPage
from mutoscope.documents.letters import font_folders, replacements

TEMPLATE: Final = Path(__file__).with_name("receipt.typ")
STANDARD: Final = "ua-1"


def receipt_pdf(page: ReceiptPage, *, fonts: Path) -> bytes:
    """Return a receipt as the content of a PDF file.

    :raises FontMissing: when it has letters that cannot be printed.
    """
    text = json.dumps(asdict(page), ensure_ascii=False)
    text = text.translate(replacements([text], fonts=fonts))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        shutil.copy(TEMPLATE, place / TEMPLATE.name)
        (place / "receipt.json").write_text(text, encoding="utf-8")
        printed: bytes = typst.compile(
            place / TEMPLATE.name, root=place, timestamp=0, pdf_standards=STANDARD,
            font_paths=font_folders(fonts),
        )  # fmt: skip
    return printed
