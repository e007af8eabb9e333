"""Invoices, credit notes and payment requests as PDF: the same page gives the same bytes."""

import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import typst

from mutoscope.app.invoice_page import InvoicePage
from mutoscope.documents.letters import font_folders, replacements

TEMPLATE: Final = Path(__file__).with_name("invoice.typ")
STANDARD: Final = "ua-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePdf:
    """Prints pages with the fonts of this machine and those of the operator's folder."""

    fonts: Path

    def __call__(self, page: InvoicePage) -> bytes:
        """Return a page as the content of a PDF file.

        :raises FontMissing: when it has letters that cannot be printed.
        """
        return invoice_pdf(page, fonts=self.fonts)


def invoice_pdf(page: InvoicePage, *, fonts: Path) -> bytes:
    """Return a page as the content of a PDF file.

    :raises FontMissing: when it has letters that cannot be printed.
    """
    text = json.dumps(asdict(page), ensure_ascii=False)
    text = text.translate(replacements([text], fonts=fonts))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        shutil.copy(TEMPLATE, place / TEMPLATE.name)
        (place / "invoice.json").write_text(text, encoding="utf-8")
        printed: bytes = typst.compile(
            place / TEMPLATE.name, root=place, timestamp=0, pdf_standards=STANDARD,
            font_paths=font_folders(fonts),
        )  # fmt: skip
    return printed
