"""`mutoscope desk facts`: what staff see of a workspace beside its threads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import typer
from rich.markup import escape
from rich.table import Table

from mutoscope.app import inbox
from mutoscope.app.inbox import Facts
from mutoscope.cli.desk_acting import Looking, looked
from mutoscope.cli.desk_waiting import next_of, why
from mutoscope.cli.options import WorkspaceId, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import balances_table, console, lots_table, money, table, told
from mutoscope.domain.money import money_text
from mutoscope.domain.offers import Money
from mutoscope.domain.transfer_words import transfer_words
from mutoscope.storage.disputes import Dispute

FACT_WIDTH: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside(Looking):
    """Of which workspace facts are shown, and to whom."""

    workspace: WorkspaceId


@takes(Beside)
def facts(asked: Beside) -> None:
    """Show what you need beside a thread: plan, billing date, credits, jobs, money, purchases."""
    found = looked(asked, lambda house: inbox.facts_of(house.studio, workspace_id=asked.workspace))
    if asked.is_json:
        print_json(found)
        return
    screen = console()
    for name, text in _facts(found):
        screen.print(f"{name:<{FACT_WIDTH}} {text}", markup=False)
    for made in _tables(found):
        screen.print(made)


def attach(group: typer.Typer) -> None:
    """Give this command to a group."""
    group.command()(facts)


def _facts(found: Facts) -> list[tuple[str, str]]:
    workspace, standing = found.workspace, found.standing
    zone = workspace.zone
    enabled_at = standing.purchases_enabled_at
    facts = [
        ("workspace", f"{workspace.workspace_id}  {workspace.name}"),
        ("e-mail", workspace.email or "-"),
        ("plan", found.plan if standing.state is None else f"{found.plan}, {standing.state}"),
    ]
    if found.begins_at is not None:
        facts.append(("begins on", told(found.begins_at, zone=zone)))
    if found.period is not None:
        facts.append(("billing date", told(found.period.ends_at, zone=zone)))
    if standing.cancels_at is not None:
        facts.append(("plan ends", told(standing.cancels_at, zone=zone)))
    if standing.closed_at is not None:
        facts.append(("closed", told(standing.closed_at, zone=zone)))
    facts += [
        ("debt", f"{money_text(each.amount, each.currency)}, {each.title}: a lost dispute")
        for each in found.debts
    ]
    facts += [("dispute", _dispute(each, zone=zone)) for each in found.disputes]
    since = "not enabled" if enabled_at is None else f"enabled {told(enabled_at, zone=zone)}"
    return [*facts, ("may buy", since)]


def _dispute(dispute: Dispute, *, zone: str) -> str:
    """Return of how much a dispute is, and how it stands: since when, or when it was decided."""
    since = told(dispute.closed_at or dispute.opened_at, zone=zone)
    amount = money_text(dispute.amount, dispute.currency)
    return f"{dispute.state}, {since}: {amount} over {dispute.gateway}, {dispute.reference}"


def _tables(found: Facts) -> Iterator[Table]:
    """Return the tables below the facts; of what there may be none, only those with a row."""
    zone = found.workspace.zone
    yield balances_table(
        balances=found.balances, zone=zone, title="Credits", unlimited=found.unlimited
    )
    yield lots_table(balances=found.balances, zone=zone)
    for made in (_jobs(found), _requests(found), _parked(found), _purchases(found)):
        if made.rows:
            yield made


def _jobs(found: Facts) -> Table:
    made = table("!job", "tool", "state", ">credits held", "since", title="Open jobs")
    for job in found.jobs:
        since = told(job.created_at, zone=found.workspace.zone)
        made.add_row(str(job.job_id), job.tool, job.state, f"{job.price:,}", since)
    return made


def _requests(found: Facts) -> Table:
    """Return what the workspace has to pay: the words name a request on a bank statement."""
    made = table("asked", "!words", ">amount", "what", "over", "due", title="To pay")
    zone = found.workspace.zone
    for each in found.requests:
        made.add_row(
            told(each.created_at, zone=zone), transfer_words(request_id=each.request_id),
            money(each.money()), escape(each.title), each.gateway, told(each.due_at, zone=zone),
        )  # fmt: skip
    return made


def _parked(found: Facts) -> Table:
    """Return the payments that wait for staff, and what can be done about each."""
    made = table(
        "received", ">amount", "!reference", "!for", "why", "!next, with --reason",
        title="Parked payments",
    )  # fmt: skip
    for waits in found.parked:
        payment = waits.payment
        total = Money(amount=payment.amount, currency=payment.currency)
        words = payment.request_id and transfer_words(request_id=payment.request_id)
        made.add_row(
            told(payment.received_at, zone=found.workspace.zone), money(total),
            escape(payment.reference), words or "-", escape(why(waits)), next_of(waits),
        )  # fmt: skip
    return made


def _purchases(found: Facts) -> Table:
    made = table("!purchase", "state", ">credits", "kind", ">price", "ordered", title="Purchases")
    for each in found.purchases:
        made.add_row(
            str(each.purchase_id), each.state, f"{each.credits:,}", each.kind,
            money(Money(amount=each.price, currency=each.currency)),
            told(each.ordered_at, zone=found.workspace.zone),
        )  # fmt: skip
    return made
