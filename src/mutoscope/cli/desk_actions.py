"""`mutoscope desk`: what staff do for a workspace, alone or as a proposal.

The commands are functions that `attach` gives to a group, so that the desk is one group whichever
modules its commands stand in.
"""

import json
from dataclasses import dataclass
from typing import Annotated
from uuid import uuid4

import typer

from mutoscope.app import proposals
from mutoscope.app.desk import DeskOrder, Done, Proposed
from mutoscope.bootstrap import House
from mutoscope.cli.as_staff import As, PasswordFile, Reason, Who, as_staff
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, WorkspaceId, instant, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, tell

Key = Annotated[str | None, typer.Option(help="The same key again is the same action.")]
Kind = Annotated[str, typer.Argument(help="A kind of credit, such as video.")]
Credits = Annotated[int, typer.Argument(min=1, help="How many.")]
Expires = Annotated[
    str | None, typer.Option(help="When they lapse, in UTC unless it has an offset.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchOptions:
    """For which workspace, why, and as whom."""

    workspace_id: WorkspaceId
    reason: Reason
    acting: As = None
    password_file: PasswordFile = None
    key: Key = None
    is_json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantOptions:
    """What is given to which workspace, why, and as whom."""

    workspace_id: WorkspaceId
    kind: Kind
    amount: Credits
    reason: Reason
    expires: Expires = None
    acting: As = None
    password_file: PasswordFile = None
    key: Key = None
    is_json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustOptions:
    """What is corrected in which direction, why, and as whom."""

    workspace_id: WorkspaceId
    direction: Annotated[str, typer.Argument(help="up or down.")]
    kind: Kind
    amount: Credits
    reason: Reason
    expires: Expires = None
    acting: As = None
    password_file: PasswordFile = None
    key: Key = None
    is_json: Json = False


Options = SwitchOptions | GrantOptions | AdjustOptions


@takes(SwitchOptions)
def enable(asked: SwitchOptions) -> None:
    """Let a workspace buy credits."""
    _act(asked, "enable_purchases", {})


@takes(SwitchOptions)
def disable(asked: SwitchOptions) -> None:
    """Let a workspace buy no credits any more."""
    _act(asked, "disable_purchases", {})


@takes(GrantOptions)
def goodwill(asked: GrantOptions) -> None:
    """Give credits that lapse on the next billing date, within the month's budget."""
    _act(asked, "goodwill", {"kind": asked.kind, "credits": asked.amount, **_expiry(asked.expires)})


@takes(AdjustOptions)
def adjust(asked: AdjustOptions) -> None:
    """Correct a balance, up or down."""
    data = {"kind": asked.kind, "credits": asked.amount, "direction": asked.direction}
    _act(asked, "adjust", {**data, **_expiry(asked.expires)})


def attach(group: typer.Typer) -> None:
    """Give these commands to a group."""
    for command in (enable, disable, goodwill, adjust):
        group.command()(command)


def _expiry(text: str | None) -> dict[str, str]:
    return {} if text is None else {"expires_at": instant(text, zone="UTC").isoformat()}


def _act(asked: Options, action: str, data: dict[str, object]) -> None:
    order = DeskOrder(
        action=action, workspace_id=asked.workspace_id, data=data, reason=asked.reason,
        key=asked.key or str(uuid4()),
    )  # fmt: skip
    who = Who(name=asked.acting, password_file=asked.password_file)

    async def acted(house: House) -> Done | Proposed:
        return await as_staff(
            house, who, lambda actor: proposals.act(house.studio, actor, order=order)
        )

    _show(in_house(acted), is_json=asked.is_json)


def _show(found: Done | Proposed, *, is_json: bool) -> None:
    if isinstance(found, Proposed):
        if is_json:
            print_json({"state": "proposed", "proposal": found.proposal})
            return
        tell("This takes two people: somebody else has to approve it with `proposal approve`.")
        console().print(f"proposal {found.proposal.proposal_id}")
        return
    line = found.line
    if is_json:
        data = json.loads(line.data)
        told = {"sequence": line.sequence, "action": line.action, "by": found.by, "at": line.at}
        print_json({"state": "done", **told, "data": data, "is_replay": found.is_replay})
        return
    console().print(f"{line.action} done by {found.by}: line {line.sequence} of the audit")
