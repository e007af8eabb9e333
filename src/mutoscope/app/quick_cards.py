"""Quick questions of the chat: each is answered at once by a card, or opens a request to staff.

Invariant: question and answer are written together, and asked again under the same key they are the
same. The surprising choice: a request for credits has no state of its own. It is open until staff
enable purchases for the workspace, which is a fact of the workspace.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID, uuid5

from mutoscope.app.chat import post
from mutoscope.app.terms import granted_when_paid
from mutoscope.domain.billing_words import date_told, is_clamped, why
from mutoscope.domain.calendar import billing_day
from mutoscope.domain.chat import (
    HOUSE,
    NAMESPACE,
    Author,
    Card,
    ChatMessage,
    NewMessage,
    default_thread_id,
    id_from_key,
)
from mutoscope.domain.chat_links import calendar_link
from mutoscope.domain.offers import Basis
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.subscriptions import State
from mutoscope.storage import balances, chat, inbox, workspaces

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from mutoscope.app.studio import Studio
    from mutoscope.domain.balance import Balance
    from mutoscope.domain.calendar import Period
    from mutoscope.domain.offers import Allowance, Plan
    from mutoscope.domain.subscriptions import Subscription
    from mutoscope.storage.inbox import Standing
    from mutoscope.storage.workspaces import Workspace


class Question(StrEnum):
    """What can be asked by a press."""

    BILLING_DATE = "billing_date"
    MORE_CREDITS = "more_credits"


WORDS: Final = {
    Question.BILLING_DATE: "When is my billing date?",
    Question.MORE_CREDITS: "I want more credits.",
}


class Asked(NamedTuple):
    """A question, its answer, and whether it was asked before under the same key."""

    question: ChatMessage
    answer: ChatMessage
    is_replay: bool


class _Answer(NamedTuple):
    """What a card says and tells, and whether the creator waits for staff from now on."""

    card: Card
    body: str
    data: dict[str, Any]
    waits: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asker:
    """Who asks: the workspace as it stands now."""

    studio: Studio
    at: datetime
    workspace: Workspace
    standing: Standing
    balances: tuple[Balance, ...]
    request: tuple[UUID, int, datetime] | None


async def ask(
    studio: Studio, *, workspace_id: UUID, thread_id: UUID | None, author: Author,
    question: Question, key: str,
) -> Asked:  # fmt: skip
    """Ask a quick question in a thread, and answer it at once.

    :raises UnknownWorkspace: when there is no such workspace.
    :raises UnknownThread: when the workspace has no such thread.
    :raises KeyReused: when the key was used for something else.
    """
    question_id = id_from_key(workspace_id=workspace_id, key=key)
    asker = await _asker(studio, workspace_id)
    answer = _ANSWERS[question](asker)
    place: dict[str, Any] = {
        "workspace_id": workspace_id, "said_at": asker.at,
        "thread_id": thread_id or default_thread_id(workspace_id=workspace_id),
    }  # fmt: skip
    asked = NewMessage(
        **place, message_id=question_id, author=author, body=WORDS[question], card=Card.QUESTION,
        data={"question": question},
    )  # fmt: skip
    answered = NewMessage(
        **place, message_id=uuid5(question_id, "answer"), author=HOUSE, body=answer.body,
        card=answer.card, data=answer.data, waits=answer.waits,
    )  # fmt: skip
    found, is_replay = await post(studio, (asked, answered))
    if not _is_same(found, asked):
        raise KeyReused(namespace=NAMESPACE, key=key)
    return Asked(found[0], found[1], is_replay)


async def _asker(studio: Studio, workspace_id: UUID) -> _Asker:
    at = studio.clock.now()
    async with studio.reading() as connection:
        return _Asker(
            studio=studio, at=at,
            workspace=await workspaces.get(connection, workspace_id=workspace_id),
            standing=await inbox.standing(connection, workspace_id=workspace_id),
            balances=await balances.balances(
                connection, workspace_id=workspace_id, at=at, now=at
            ),
            request=await chat.open_request(connection, workspace_id=workspace_id),
        )  # fmt: skip


def _is_same(found: tuple[ChatMessage, ...], asked: NewMessage) -> bool:
    if len(found) != len(Asked._fields) - 1 or found[0].card != Card.QUESTION:
        return False
    return found[0].thread_id == asked.thread_id and found[0].data in (asked.data, None)


def _billing_date(asker: _Asker) -> _Answer:
    """Tell the exact date, why it is that day, what comes next, and where the calendar is."""
    workspace, period = asker.workspace, asker.workspace.period_at(at=asker.at)
    subscription = workspace.subscription
    if subscription is not None and (begins_at := workspace.begins_at(at=asker.at)) is not None:
        date = _date(begins_at, subscription.zone, workspace.zone)
        body = f"Your plan begins on {date}: that is your first billing date."
        return _Answer(Card.BILLING_DATE, body, {"state": "begins", "next_at": _iso(begins_at)})
    if subscription is None or period is None:
        body = "You have no billing date yet: it is fixed on the day on which you start a plan."
        none = {"state": "none", "trial_ends_at": _iso(workspace.trial_ends_at)}
        return _Answer(Card.BILLING_DATE, body, none)
    anchor = subscription.anchor()
    date = _date(period.ends_at, anchor.zone, workspace.zone)
    charge_at, ends_at = _charge_at(subscription, period), _ends_at(subscription)
    data: dict[str, Any] = {
        "state": "fixed", "plan": subscription.plan, "day": billing_day(anchor=anchor),
        "next_at": _iso(period.ends_at), "charge_at": None if ends_at else _iso(charge_at),
        "anchor_at": _iso(anchor.at), "billing_zone": anchor.zone, "zone": workspace.zone,
        "is_clamped": is_clamped(anchor=anchor, at=period.ends_at),
        "why": why(anchor=anchor, at=period.ends_at),
        "cancels_at": _iso(asker.standing.cancels_at), "grants": _grants(asker.balances),
        "calendar": _calendar(asker),
    }  # fmt: skip
    parts = [f"Your next billing date is {date}.", str(data["why"])]
    coming = granted_when_paid(subscription, catalog=asker.studio.catalog)
    if data["grants"]:
        parts.append(f"You get {_listed(data['grants'])} then; monthly credits left over lapse.")
    elif coming is not None and coming.at == period.ends_at:
        paid = [{"kind": kind, "credits": each} for kind, each in coming.credits.items()]
        parts.append(
            f"You get {_listed(paid)} then, once they are paid; monthly credits left over lapse."
        )
    if ends_at is not None:
        when = "then"
        if ends_at > period.ends_at:
            when = f"on {_date(ends_at, anchor.zone, workspace.zone)}"
        parts.append(_end_told(subscription, when))
    elif charge_at != period.ends_at:
        parts.append(
            f"Your next payment is due on {_date(charge_at, anchor.zone, workspace.zone)}."
        )
    where = "" if asker.studio.call_backs.url else ", at this studio's address"
    parts.append(f"For your calendar{where}: {data['calendar']}")
    return _Answer(Card.BILLING_DATE, " ".join(parts), data)


def _more_credits(asker: _Asker) -> _Answer:
    """Open a request to staff; or tell which plans there are, or how credits are bought."""
    version = asker.studio.shop_of(asker.workspace, at=asker.at)
    least = version.purchase_credits_min
    packs = [
        {"pack": pack.key, "name": pack.name, "kind": pack.kind, "credits": pack.credits,
         "price": pack.price.amount, "currency": pack.price.currency}
        for pack in version.packs
    ]  # fmt: skip
    if asker.workspace.subscription is None:
        body = (
            f"Credits can be bought beside a plan. Start one first: {_plans_told(version.plans)}."
        )
        plans = [_plan(plan) for plan in version.plans]
        return _Answer(Card.MORE_CREDITS, body, {"state": "needs_plan", "plans": plans})
    data: dict[str, Any] = {"packs": packs, "purchase_credits_min": least}
    if asker.standing.purchases_enabled_at is not None:
        body = (
            "Purchases are enabled for this workspace: `mutoscope purchase packs` lists the packs, "
            "`mutoscope purchase buy` orders one or an amount, and so does the API; or say here "
            f"what you want. The smallest purchase is {least:,} credits."
        )
        return _Answer(Card.MORE_CREDITS, body, {"state": "enabled", **data})
    if asker.request is not None:
        since = asker.request[2]
        body = (
            f"Support has your request of {date_told(since, zone=asker.workspace.zone)} and will "
            "answer in this chat."
        )
        told = {"state": "asked", "since": _iso(since), **data}
        return _Answer(Card.MORE_CREDITS, body, told, waits=True)
    body = (
        "Your request is with support. Once they have enabled purchases for this workspace, you "
        "buy credits with `mutoscope purchase buy` or over the API. "
        f"The smallest purchase is {least:,} credits."
    )
    return _Answer(Card.MORE_CREDITS, body, {"state": "open", **data}, waits=True)


_ANSWERS: Final = {
    Question.BILLING_DATE: _billing_date,
    Question.MORE_CREDITS: _more_credits,
}


def _ends_at(subscription: Subscription) -> datetime | None:
    """Return when the plan ends, as things stand."""
    is_suspended = subscription.state is State.SUSPENDED
    return subscription.charge_at if is_suspended else subscription.cancels_at


def _end_told(subscription: Subscription, when: str) -> str:
    if subscription.state is State.SUSPENDED:
        return f"Your plan is suspended: unless it is paid before, it ends {when}."
    return f"Your plan ends {when}, as you asked."


def _charge_at(subscription: Subscription, period: Period) -> datetime:
    """Return the next instant that is also one of payment."""
    ahead = subscription.charge_index - period.index - 1  # behind while a renewal is late
    return subscription.start(index=period.index + 1 + ahead % subscription.months_per_charge)


def _date(at: datetime, billing_zone: str, zone: str) -> str:
    """Return an instant in the billing zone, and in that of the screens when it is another."""
    told = date_told(at, zone=billing_zone)
    return told if zone == billing_zone else f"{told}, which is {date_told(at, zone=zone)}"


def _grants(found: Iterable[Balance]) -> list[dict[str, Any]]:
    return [
        {"kind": each.kind, "credits": each.next_grant_amount, "at": _iso(each.next_grant_at)}
        for each in found
        if each.next_grant_at is not None
    ]


def _listed(grants: list[dict[str, Any]]) -> str:
    return " and ".join(f"{each['credits']:,} {each['kind']} credits" for each in grants)


def _calendar(asker: _Asker) -> str:
    studio = asker.studio
    link = calendar_link(workspace_id=asker.workspace.workspace_id, key=studio.asset_rules.link_key)
    return f"{studio.call_backs.url}{link}"


def _plan(plan: Plan) -> dict[str, Any]:
    price = plan.price
    return {
        "plan": plan.key, "name": plan.name, "credits": {a.kind: _told(a) for a in plan.allowances},
        "monthly": None if price is None else price.monthly.amount,
        "currency": None if price is None else price.monthly.currency,
        "is_example": price is not None and price.is_example,
    }  # fmt: skip


def _plans_told(plans: Iterable[Plan]) -> str:
    return "; ".join(f"{plan.name} ({_credits_told(plan)} a month)" for plan in plans)


def _credits_told(plan: Plan) -> str:
    return " and ".join(f"{_told(each)} {each.kind} credits" for each in plan.allowances)


def _told(allowance: Allowance) -> str:
    return f"{allowance.credits:,}" if allowance.basis is Basis.FIXED else str(allowance.basis)


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
