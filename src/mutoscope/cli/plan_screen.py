"""How a workspace's plan looks in a terminal: its state, its dates, what is to be paid."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from rich.markup import escape

from mutoscope.app import pay_links
from mutoscope.app.demo import DEMO, NOT_CHARGED
from mutoscope.app.plan_now import NextCharge, plan_now
from mutoscope.app.studio import Studio
from mutoscope.app.terms import granted_when_paid
from mutoscope.app.trial_end import TrialEnd
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, money, table, tell, told
from mutoscope.cli.starting import amounts_told, ended_told, terms_told
from mutoscope.domain.calendar import billing_day
from mutoscope.domain.money import money_text
from mutoscope.domain.subscriptions import HAS_PLAN, Scheduled, State, Subscription
from mutoscope.storage import parked
from mutoscope.storage.payments import Payment, PaymentRequest
from mutoscope.storage.workspaces import Workspace

SHORTEST_MONTH: Final = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A workspace's plan as it stands: its state, what is to pay and how, and what came for it.

    `trial_ended` just ended with the plan's start, `trial_ends` are credits that end with it.
    """

    state: State
    workspace: Workspace
    next_charge: NextCharge | None
    suspends_at: datetime | None
    begins_at: datetime | None
    requests: tuple[PaymentRequest, ...]
    links: tuple[str, ...]
    parked: tuple[Payment, ...]
    trial_ended: tuple[TrialEnd, ...] = ()
    trial_ends: Mapping[str, int] = field(default_factory=dict)


async def shown_of(studio: Studio, workspace_id: UUID) -> Shown:
    """Return a workspace's plan as it stands.

    :raises UnknownWorkspace: when there is no such workspace.
    """
    now = await plan_now(studio, workspace_id=workspace_id)
    async with studio.reading() as connection:
        came = await parked.of_requests(
            connection, workspace_id=workspace_id,
            requests=[each.request_id for each in now.requests],
        )  # fmt: skip
    return Shown(
        state=now.state, workspace=now.workspace, next_charge=now.next_charge,
        suspends_at=now.suspends_at, begins_at=now.begins_at, requests=now.requests, parked=came,
        links=tuple(pay_links.pay_link(studio, each, at=now.at) for each in now.requests),
    )  # fmt: skip


def show_plan(shown: Shown, *, is_json: bool) -> None:
    """Print a plan."""
    if is_json:
        print_json(shown)
        return
    screen = console()
    for name, text in _facts(shown):
        screen.print(f"{name:<13} {text}", markup=False)
    for ended in shown.trial_ended:
        screen.print(ended_told(ended), markup=False)
    if shown.trial_ends:
        screen.print(f"{amounts_told(shown.trial_ends)} of the trial end when it is paid")
    if not shown.requests:
        return
    made = table("!to pay", "what", ">amount", ">credited", "due", "!pay at")
    for request, link in zip(shown.requests, shown.links, strict=True):
        made.add_row(
            str(request.request_id), escape(request.title), money(request.money()),
            money_text(request.credited, request.taxed.currency) if request.credited else "-",
            told(request.due_at, zone=shown.workspace.zone), link,
        )  # fmt: skip
    screen.print(made)
    for each in shown.parked:
        sum_told = money_text(each.amount, each.currency)
        tell(f"{sum_told} came for {each.request_id} and waits for staff, since it does not fit.")


def paid_grant_told(studio: Studio, workspace: Workspace, *, at: datetime) -> str:
    """Return a sentence about credits that no wallet shows yet: they come with a payment."""
    found = workspace.subscription
    coming = None if found is None else granted_when_paid(found, catalog=studio.catalog)
    if found is None or coming is None or not coming.credits:
        return ""
    when, credits_told = told(coming.at, zone=workspace.zone), amounts_told(coming.credits)
    if coming.at <= at:
        return f"{credits_told} wait for the payment that has been due since {when}."
    return f"On {when} {credits_told} come, once they are paid: they are not counted before."


def _facts(shown: Shown) -> Iterator[tuple[str, str]]:
    workspace, found = shown.workspace, shown.workspace.subscription
    yield "workspace", f"{workspace.name} ({workspace.workspace_id})"
    yield "state", _state(shown)
    if found is None or shown.state not in HAS_PLAN:
        return
    yield "plan", f"{found.plan}, {_paid(found.months_per_charge)}"
    if found.allowances:
        yield "credits", f"{amounts_told(found.allowances)} a month"
    yield _billing_date(found, is_to_begin=shown.begins_at is not None)
    if found.gateway == DEMO:
        yield "charged", NOT_CHARGED
    elif shown.next_charge is not None:
        yield "next charge", _charge(shown.next_charge, zone=found.zone)
    if found.scheduled is not None:
        yield "scheduled", _scheduled(found.scheduled, found)
        yield from (("agreed", each) for each in terms_told(found.scheduled.agreed))
    if found.cancels_at is not None:
        yield "ends", f"{told(found.cancels_at, zone=found.zone)} (undo takes it back)"
        if found.scheduled is not None and found.cancels_at <= found.scheduled.at:
            yield "waits", "what is scheduled begins only if the end is taken back"


def _state(shown: Shown) -> str:
    """Return where a plan stands, and what comes of that."""
    workspace, found = shown.workspace, shown.workspace.subscription
    if shown.state is State.TRIAL:
        return f"trial, until {told(workspace.trial_ends_at, zone=workspace.zone)}"
    if found is not None and shown.state is State.PAST_DUE:
        since, until = (told(at, zone=found.zone) for at in (found.past_due_at, shown.suspends_at))
        return f"past due since {since}: suspended on {until} unless it is paid"
    if found is not None and shown.state is State.SUSPENDED:
        since, until = (told(at, zone=found.zone) for at in (found.suspended_at, found.charge_at))
        return f"suspended since {since}: the plan ends on {until} unless it is paid"
    return shown.state


def _charge(charge: NextCharge, *, zone: str) -> str:
    at = told(charge.at, zone=zone)
    if charge.total is None or charge.currency is None:
        return f"{at}, at a price that is not agreed yet"
    return f"{at}, {money_text(charge.total, charge.currency)}, tax and all"


def _scheduled(scheduled: Scheduled, found: Subscription) -> str:
    begins = told(scheduled.at, zone=found.zone)
    zone = (
        "" if scheduled.zone == found.zone else f", billing dates by the clock of {scheduled.zone}"
    )
    return f"{scheduled.plan}, {_paid(scheduled.months_per_charge)}{zone}, from {begins}"


def _paid(months_per_charge: int) -> str:
    return "paid monthly" if months_per_charge == 1 else "paid yearly, credits monthly"


def _billing_date(found: Subscription, *, is_to_begin: bool) -> tuple[str, str]:
    day = billing_day(anchor=found.anchor())
    began = told(found.anchor_at, zone=found.zone)
    if is_to_begin:
        return "begins on", began
    short = ", or the month's last day where it is shorter" if day > SHORTEST_MONTH else ""
    return "billing date", f"day {day} of each month{short}, since the plan began on {began}"
