"""Lines, parties and taxes as JSON: how rows keep what is never asked about one by one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from mutoscope.domain.invoices import InvoiceLine, Party, Taxed, Treatment


def taxed_text(taxed: Taxed) -> str:
    """Return what is taxed as JSON, for a row that keeps it."""
    return json.dumps(asdict(taxed), ensure_ascii=False)


def taxed_from(text: str) -> Taxed:
    """Return what `taxed_text` wrote."""
    found = json.loads(text)
    return Taxed(
        **found | {"buyer": party_from(found["buyer"]), "treatment": Treatment(found["treatment"])}
    )


def lines_text(lines: Iterable[InvoiceLine]) -> str:
    """Return lines as JSON, as `invoice_lines` and `payment_requests.lines` take them."""
    return json.dumps(
        [
            asdict(line)
            | {"ordinal": ordinal, "starts_at": _iso(line.starts_at), "ends_at": _iso(line.ends_at)}
            for ordinal, line in enumerate(lines, start=1)
        ],
        ensure_ascii=False,
    )


def lines_from(text: str) -> tuple[InvoiceLine, ...]:
    """Return what `lines_text` wrote."""
    return tuple(
        InvoiceLine(
            code=line["code"], text=line["text"], amount=line["amount"],
            starts_at=_instant(line.get("starts_at")), ends_at=_instant(line.get("ends_at")),
        )
        for line in json.loads(text)
    )  # fmt: skip


def party_from(plain: Mapping[str, Any]) -> Party:
    """Return a party from its plain data."""
    return Party(**{**plain, "address": tuple(plain["address"])})


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
