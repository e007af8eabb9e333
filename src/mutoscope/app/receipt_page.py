"""A receipt as it is printed: facts in sections, and the lines of the ledger, in plain words.

Invariant: each figure is one of the job's, its attempts' or its entries'; nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from mutoscope.domain.fine_tune import sentence_of

if TYPE_CHECKING:
    from mutoscope.app.receipt import Receipt
    from mutoscope.domain.jobs import JobSpec
    from mutoscope.storage.attempts import Attempt
    from mutoscope.storage.jobs import Job, StoredOutput

Rows = tuple[tuple[str, str], ...]
MICROS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Facts under a heading, each with its name."""

    heading: str
    rows: Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptPage:
    """What is printed; a line is its instant, its words, and the balance and hold after it."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    lines: tuple[tuple[str, str, str, str], ...]


def receipt_page(receipt: Receipt, *, zone: str, is_with_cost: bool = False) -> ReceiptPage:
    """Return a receipt in words, its instants by the zone's clocks.

    With cost it has the orders to providers too, which are for staff.
    """
    job, place = receipt.job, ZoneInfo(zone)
    ordered = receipt.attempts if is_with_cost else ()
    sections = (
        Section(heading="Asked", rows=_asked(job)),
        Section(heading="Delivered", rows=_delivered(receipt.outputs)),
        Section(heading="Price", rows=(*_price(receipt), *_lock(receipt, place))),
        *(Section(heading=f"Order {each.ordinal}", rows=_order(each)) for each in ordered),
        Section(heading="Course", rows=_course(job, place)),
    )
    lines = tuple(
        (_told(line.entry.due_at, place), line.words, f"{line.entry.available:,}",
         f"{line.entry.held:,}")
        for line in receipt.lines
    )  # fmt: skip
    return ReceiptPage(
        title=f"Receipt of {receipt.tool_name}", subtitle=f"job {job.job_id}, {job.state}",
        sections=sections, lines=lines,
    )  # fmt: skip


def drawn_told(receipt: Receipt) -> str:
    """Return what was drawn of which lots, each with the purchase that it came from."""
    draws = (
        f"{each.credits:,} of lot {each.lot}"
        + ("" if each.purchase_id is None else f" (purchase {each.purchase_id})")
        for each in receipt.drawn
    )
    return ", ".join(draws) or "no lot"


def changes_asked(spec: JobSpec) -> Rows:
    """Return what an edit was to change, and of which picture; nothing for what is made anew."""
    if spec.source is None:
        return ()
    changes = sentence_of(spec.adjustments) if spec.adjustments else ""
    told = (("instruction", spec.instruction or ""), ("changes", changes))
    source = f"image {spec.source.ordinal} of job {spec.source.job_id}"
    return (*(each for each in told if each[1]), ("from", source))


def _asked(job: Job) -> Rows:
    spec = job.spec
    seconds = "" if spec.duration_s is None else f", {spec.duration_s} seconds"
    return (
        ("prompt", spec.prompt),
        *changes_asked(spec),
        ("what", f"{spec.images} of {spec.width} x {spec.height} ({spec.ratio}){seconds}"),
        ("seed", str(spec.seed)),
    )


def _delivered(outputs: Iterable[StoredOutput]) -> Rows:
    rows = tuple(
        (
            f"{each.media_type} {each.ordinal}",
            f"{each.width} x {each.height}{_seconds(each.duration_ms)}, SHA-256 {each.asset.hex()}",
        )
        for each in outputs
    )
    return rows or (("nothing", "no file was delivered"),)


def _price(receipt: Receipt) -> Rows:
    job = receipt.job
    return (
        ("rate card", job.version),
        ("held", "unlimited use, at no charge" if job.is_metered else f"{job.price:,} {job.kind}"),
        ("charged", _charged(job)),
        *((("refunded", f"{receipt.refunded:,} {job.kind}"),) if receipt.refunded else ()),
        ("drawn", drawn_told(receipt)),
        *((("reason", job.sentence),) if job.sentence else ()),
    )


def _charged(job: Job) -> str:
    if job.is_metered:
        return "nothing: it is metered"
    return "not yet" if job.captured is None else f"{job.captured:,} {job.kind}"


def _lock(receipt: Receipt, place: ZoneInfo) -> Rows:
    lock = receipt.price_lock
    if lock is None:
        return ()
    span = f"{_told(lock.created_at, place)} to {_told(lock.expires_at, place)}"
    return (("price lock", f"quote {lock.quote_id} by {lock.version}, {span}"),)


def _order(attempt: Attempt) -> Rows:
    return (
        ("provider", f"{attempt.provider}, {attempt.model}"),
        ("its job", attempt.provider_job_id or "none"),
        ("state", str(attempt.state)),
        ("cost by list", _dollars(attempt.list_micros)),
        ("cost for certain", _dollars(attempt.cost_micros)),
        *((("reason", attempt.reason),) if attempt.reason else ()),
    )


def _course(job: Job, place: ZoneInfo) -> Rows:
    known = (
        ("placed", job.created_at), ("due to begin", job.starts_at),
        ("intent recorded", job.submitting_at), ("taken by the provider", job.submitted_at),
        (str(job.state), job.finished_at),
    )  # fmt: skip
    return tuple((name, _told(at, place)) for name, at in known if at is not None)


def _told(at: datetime, place: ZoneInfo) -> str:
    return f"{at.astimezone(place):%Y-%m-%d %H:%M:%S %Z}"


def _seconds(duration_ms: int | None) -> str:
    return "" if duration_ms is None else f", {duration_ms / 1000:g} s"


def _dollars(micros: int | None) -> str:
    return "unknown" if micros is None else f"{micros / MICROS:.6f} USD"
