"""`mutoscope payments`: what gateways told, and both books beside each other."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer
from rich.markup import escape

from mutoscope.app import desk_waiting as waiting
from mutoscope.app.acts import Act
from mutoscope.app.desk_waiting import WaitingPayment
from mutoscope.app.payment_desk import handlers_of
from mutoscope.app.reconcile import Reconciliation, reconcile
from mutoscope.app.studio import MANUAL
from mutoscope.bootstrap import House
from mutoscope.cli.acting import in_house_acting
from mutoscope.cli.desk_acting import Looking, looked
from mutoscope.cli.desk_waiting import next_of, why
from mutoscope.cli.opening import in_house, zone_of
from mutoscope.cli.options import Json, WorkspaceId, instant, takes
from mutoscope.cli.plain import plain, print_json
from mutoscope.cli.proof import FOUND
from mutoscope.cli.screen import console, table, tell, told
from mutoscope.cli.screen import money as amount
from mutoscope.domain.offers import Money
from mutoscope.domain.staff import StaffAction
from mutoscope.storage import payment_events
from mutoscope.storage import payments as stored
from mutoscope.storage.payment_events import StoredEvent
from mutoscope.storage.payments import Payment

SHOWN: Final = 50
SHOWN_MAX: Final = 1_000
COMPARED: Final = timedelta(days=35)
"""How far back books are compared unless an instant is given: a month and its renewals."""

commands = typer.Typer()
payments = typer.Typer(help="List what gateways told, and compare books.", no_args_is_help=True)
commands.add_typer(payments, name="payments")


@commands.callback()
def money() -> None:
    """Look after payments."""


@payments.command()
def events(
    *,
    waiting: Annotated[bool, typer.Option("--waiting", help="Those alone that wait.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=SHOWN_MAX, help="At most so many.")] = SHOWN,
    is_json: Json = False,
) -> None:
    """List what gateways told, the newest first, and what came of it."""

    async def read(house: House) -> tuple[StoredEvent, ...]:
        async with house.studio.reading() as connection:
            return await payment_events.latest(connection, limit=limit, is_waiting=waiting)

    found = in_house(read)
    if is_json:
        print_json(plain(found))
        return
    if not found:
        tell("No event waits." if waiting else "No gateway has told anything yet.")
        return
    made = table("received", "gateway", "!event", "what", "outcome", ">tries", "why it waits")
    for each in found:
        received = told(each.received_at)
        made.add_row(
            received, each.gateway, escape(each.event_id), escape(each.code),
            each.outcome or "waits", str(each.tries), escape(each.reason or ""),
        )  # fmt: skip
    console().print(made)


@payments.command(name="list")
def list_all(workspace_id: WorkspaceId, *, is_json: Json = False) -> None:
    """List the payments of a workspace, the newest first."""

    async def read(house: House) -> tuple[tuple[Payment, ...], str]:
        zone = await zone_of(house, workspace_id)
        async with house.studio.reading() as connection:
            page = await stored.page(connection, workspace_id=workspace_id, limit=SHOWN_MAX)
        return page, zone

    found, zone = in_house(read)
    if is_json:
        print_json(found)
        return
    if not found:
        tell("Nothing was paid yet: `mutoscope desk confirm` confirms a transfer.")
        return
    made = table("!payment", "received", "?gateway", "!reference", ">amount", "?>refunded", "state")
    for each in found:
        total = Money(amount=each.amount, currency=each.currency)
        made.add_row(
            str(each.payment_id), told(each.received_at, zone=zone), each.gateway,
            escape(each.reference), amount(total), amount(replace(total, amount=each.refunded)),
            _state(each),
        )  # fmt: skip
    console().print(made)


@payments.command()
@takes(Looking)
def parked(asked: Looking) -> None:
    """List payments that wait for staff, the eldest first, and what can be done about each."""

    async def read(house: House) -> tuple[WaitingPayment, ...]:
        async with house.studio.reading() as connection:
            return await waiting.parked(connection, limit=SHOWN_MAX)

    found = looked(asked, read)
    if asked.is_json:
        print_json(found)
        return
    if not found:
        tell("No payment waits for you.")
        return
    made = table("received", "gateway", "!reference", ">amount", "why", "!next, with --reason")
    for waits in found:
        each = waits.payment
        total = Money(amount=each.amount, currency=each.currency)
        made.add_row(
            told(each.received_at), each.gateway, escape(each.reference), amount(total),
            escape(why(waits)), next_of(waits),
        )  # fmt: skip
    console().print(made)


@payments.command(name="reconcile")
def compare(
    *,
    gateway: Annotated[str, typer.Option(help="Whose book; the one in use.")] = "",
    since: Annotated[str, typer.Option(help="From this instant on; 35 days ago.")] = "",
    mend: Annotated[bool, typer.Option("--mend", help="Count what was missed.")] = False,
    is_json: Json = False,
) -> None:
    """Compare a gateway's book with the studio's, and list every difference.

    A worker does so by itself, and counts what was missed. It exits with 6 when they differ.
    """
    begins_at = instant(since, zone="UTC") if since else datetime.now(UTC) - COMPARED

    async def compared(house: House, act: Act | None = None) -> Reconciliation:
        name = gateway or house.studio.gateway
        handlers = None if act is None else handlers_of(act)
        return await reconcile(house.studio, gateway=name, since=begins_at, handlers=handlers)

    found = in_house(compared) if not mend else in_house_acting(
        StaffAction.RECONCILE, compared, workspace_id=None, what="payments reconcile --mend"
    )  # fmt: skip
    if is_json:
        print_json({**plain(found), "is_equal": found.is_equal})
    else:
        _show(found)
    if not found.is_equal:
        raise typer.Exit(FOUND)


def _state(payment: Payment) -> str:
    why = "" if payment.reason is None else f" ({payment.reason.replace('_', ' ')})"
    return f"{payment.state}{why}"


def _show(found: Reconciliation) -> None:
    if found.gateway == MANUAL:
        console().print(
            "Transfers have no book that could be read here: staff confirm what stands on the "
            "bank's statement, with `mutoscope desk confirm`."
        )
        return
    count = len(found.differences)
    verdict = "both books are equal" if found.is_equal else f"{count} difference{'s' * (count > 1)}"
    since = told(found.since)
    console().print(
        f"{found.gateway} since {since}: {found.compared:,} payments compared, {verdict}."
    )
    for reference in found.handed_over:
        tell(f"{reference} was missed, and is counted now.")
    if found.foreign:
        tell(f"{found.foreign:,} payments at {found.gateway} were not asked for here.")
    if found.is_equal:
        return
    made = table("!reference", "what", "here", f"at {found.gateway}")
    for each in found.differences:
        made.add_row(
            escape(each.reference), each.what, escape(each.ours or "-"), escape(each.theirs or "-")
        )
    console().print(made)
