"""How a command of the desk acts: as whom, under which key, and what it tells of what was done."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID, uuid4

import typer
from rich.markup import escape

from mutoscope.app import proposals
from mutoscope.app.desk import DeskOrder, Done, Proposed
from mutoscope.bootstrap import House
from mutoscope.cli.as_staff import As, PasswordFile, Reason, Who, in_house_as
from mutoscope.cli.opening import zone_of
from mutoscope.cli.options import Json, WorkspaceId, id_of, instant
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, tell
from mutoscope.domain.desk import goodwill_offer
from mutoscope.domain.money import money_text
from mutoscope.domain.staff import Actor, StaffAction, require

T = TypeVar("T")
Key = Annotated[str | None, typer.Option(help="The same key again is the same action.")]
ThreadId = Annotated[
    UUID | None,
    typer.Option(
        "--thread", metavar="THREAD", help="A thread's id; else the one every workspace has.",
        parser=id_of("thread", remedy="`mutoscope desk inbox` tells them"),
    ),
]  # fmt: skip

_MONEY: Final = {
    "price": "{} net", "price_per_1000": "{} net for 1,000 credits", "total": "{} tax and all",
    "amount": "{}",
}  # fmt: skip
"""How money is told: what was agreed, what is billed for it, what moved."""

_PARKED: Final = (
    "The payment is parked, since it does not fit ({reason}). Use it for another request with "
    "`mutoscope desk use-payment`, or give it back with `mutoscope desk return-payment`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """The options of what the desk only reads: as whom."""

    acting: As = None
    password_file: PasswordFile = None
    is_json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """The options that every action of the desk has: for whom, why, as whom, under which key."""

    workspace_id: WorkspaceId
    reason: Reason
    acting: As = None
    password_file: PasswordFile = None
    thread: ThreadId = None
    key: Key = None
    is_json: Json = False


def act(
    asked: Acting, action: str, data: Mapping[str, object],
    *, instants: Mapping[str, str | None] | None = None,
) -> None:  # fmt: skip
    """Do something at the desk, and tell what came of it; instants are in the workspace's zone."""
    order = DeskOrder(
        action=action, workspace_id=asked.workspace_id, data=data, reason=asked.reason,
        key=asked.key or str(uuid4()), thread_id=asked.thread,
    )  # fmt: skip
    written = {name: text for name, text in (instants or {}).items() if text is not None}

    async def acted(house: House, actor: Actor) -> Done | Proposed:
        if not written:
            return await proposals.act(house.studio, actor, order=order)
        zone = await zone_of(house, asked.workspace_id)
        read = {name: instant(text, zone=zone).isoformat() for name, text in written.items()}
        return await proposals.act(house.studio, actor, order=replace(order, data={**data, **read}))

    show(in_house_as(who_of(asked), acted), is_json=asked.is_json)


def looked(asked: Looking, read: Callable[[House], Awaitable[T]]) -> T:
    """Return what somebody of the staff reads at the desk.

    :raises Refusal: when nobody is signed in, or it is refused.
    """

    async def seen(house: House, actor: Actor) -> T:
        require(actor, StaffAction.VIEW)
        return await read(house)

    return in_house_as(who_of(asked), seen)


def who_of(asked: Acting | Looking) -> Who:
    """Return who a command acts as."""
    return Who(name=asked.acting, password_file=asked.password_file)


def show(found: Done | Proposed, *, is_json: bool) -> None:
    """Tell what came of an action of the desk."""
    if isinstance(found, Proposed):
        if is_json:
            print_json({"state": "proposed", "proposal": found.proposal})
            return
        proposal_id = found.proposal.proposal_id
        tell(
            "This takes two people: somebody else has to approve it with "
            f"`mutoscope proposal approve {proposal_id} --reason …`."
        )
        console().print(f"proposal {proposal_id}")
        return
    line = found.line
    data = json.loads(line.data)
    if is_json:
        told = {"sequence": line.sequence, "action": line.action, "by": found.by, "at": line.at}
        print_json({
            "state": "done", **told, "data": data, "is_replay": found.is_replay,
            "offer": goodwill_offer(data),
        })  # fmt: skip
        return
    console().print(
        f"{line.action} done by {escape(found.by)}: line {line.sequence} of the audit{_moved(data)}"
    )
    if line.workspace_id is not None:
        tell_offer(data, workspace_id=line.workspace_id)
    if data.get("outcome") == "parked":
        tell(_PARKED.format(reason=data["outcome_reason"].replace("_", " ")))
    if line.action == "confirm_payment" and data.get("outcome") == "returned":
        tell("The workspace is closed: the payment goes back, and `desk waiting` shows the refund.")


def tell_offer(data: Mapping[str, Any], *, workspace_id: UUID) -> None:
    """Tell how to give goodwill in the place of credits that lapsed as they were given back."""
    offer = goodwill_offer(data)
    if offer is not None:
        tell(
            f"{data['lapsed']:,} {data['kind']} credits lapsed at once. To give as many to the "
            f"next billing date: `mutoscope desk goodwill {workspace_id} {data['kind']} "
            f"{data['lapsed']} --key {offer.key} --reason …`"
        )


def _moved(data: Mapping[str, Any]) -> str:
    """Return what moved, as it stands behind the line."""
    moved = []
    for name, words in _MONEY.items():
        if name in data and "currency" in data:
            moved.append(words.format(money_text(data[name], data["currency"])))
    if "kind" in data and "credits" in data:
        moved.append(f"{data['credits']:,} {data['kind']} credits")
    moved += [f"{name[:-3]} {data[name]}" for name in ("payment_id", "refund_id") if name in data]
    return f" ({', '.join(moved)})" if moved else ""
