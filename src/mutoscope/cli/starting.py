"""What commands ask before a plan starts, tell of the trial after it, and of agreed terms."""

import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from uuid import UUID

import typer

from mutoscope.app.subscribe import NewPlan
from mutoscope.app.trial_end import StartPreview, TrialEnd, preview_start
from mutoscope.bootstrap import House
from mutoscope.cli.opening import in_house, zone_of
from mutoscope.cli.options import instant
from mutoscope.cli.screen import money
from mutoscope.domain.agreed import Agreed


def began_at(text: str | None, *, workspace_id: UUID) -> datetime | None:
    """Return when a plan was agreed to begin, as it was written: in the workspace's zone.

    :raises typer.BadParameter: when it is no instant.
    :raises UnknownWorkspace: when there is no such workspace.
    """
    if not text:
        return None
    return instant(text, zone=in_house(lambda house: zone_of(house, workspace_id)))


def confirm_start(workspace_id: UUID, new: NewPlan, *, yes: bool) -> None:
    """Ask before a plan starts, naming its price and the trial's credits that end."""
    if yes or not sys.stdin.isatty():
        return

    async def previewed(house: House) -> StartPreview:
        return await preview_start(house.studio, workspace_id=workspace_id, new=new)

    preview = in_house(previewed)
    question = f"{new.plan} starts on account now: {start_told(preview)} Go"
    typer.confirm(question, abort=True, err=True)


def start_told(preview: StartPreview) -> str:
    """Return what a start costs, grants and ends, as a sentence."""
    price, span = "an agreed price", "month" if preview.months == 1 else "year"
    if preview.price is not None:
        is_free = not preview.price.amount
        price = "nothing is charged" if is_free else f"{money(preview.price)} net a {span}"
    ends = amounts_told(preview.trial_ends)
    lost = f"; {ends} of the trial end" if ends else ""
    return f"{price}, {amounts_told(preview.credits) or 'no credits'} a month{lost}."


def amounts_told(credits_by_kind: Mapping[str, int]) -> str:
    """Return credits by kind as words."""
    told = " and ".join(f"{amount:,} {kind}" for kind, amount in credits_by_kind.items())
    return f"{told} credits" if told else ""


def ended_told(ended: TrialEnd) -> str:
    """Return what ended of the trial, with the ledger's line that says so."""
    line = f"{ended.kind} line {ended.sequence}, {ended.namespace}:{ended.key}"
    return f"{ended.credits:,} {ended.kind} credits of the trial ended ({line})"


def terms_told(agreed: Agreed | None) -> Iterator[str]:
    """Yield what was agreed and is to begin with what is scheduled."""
    if agreed is None:
        return
    if agreed.allowances:
        yield f"{amounts_told(agreed.allowances)} a month"
    if agreed.price is not None:
        yield f"{money(agreed.price)} a charge, net"
    if agreed.can_purchase is not None:
        yield "may buy credits" if agreed.can_purchase else "may not buy credits"
