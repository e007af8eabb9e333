"""`mutoscope desk`: what staff do for a workspace, alone or as a proposal.

The commands are functions that `attach` gives to a group, so that the desk is one group whichever
modules its commands stand in.
"""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import typer

from mutoscope.cli.desk_acting import Acting, act
from mutoscope.cli.options import id_of, takes

Kind = Annotated[str, typer.Argument(help="A kind of credit, such as video.")]
Credits = Annotated[int, typer.Argument(min=1, help="How many.")]
Expires = Annotated[
    str | None, typer.Option(help="When they lapse, in UTC unless it has an offset.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchOptions(Acting):
    """For which workspace, why, and as whom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantOptions(Acting):
    """What is given to which workspace, why, and as whom."""

    kind: Kind
    amount: Credits
    expires: Expires = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions(Acting):
    """Of which job how many credits are given back, why, and as whom."""

    job_id: Annotated[
        UUID,
        typer.Argument(
            metavar="JOB", help="The job's id: `mutoscope jobs WORKSPACE`.",
            parser=id_of("job", remedy="`mutoscope jobs WORKSPACE` tells them"),
        ),
    ]  # fmt: skip
    amount: Annotated[
        int | None, typer.Argument(min=1, metavar="[CREDITS]", help="How many; else all of them.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustOptions(Acting):
    """What is corrected in which direction, why, and as whom."""

    direction: Annotated[str, typer.Argument(help="up or down.")]
    kind: Kind
    amount: Credits
    expires: Expires = None


@takes(SwitchOptions)
def enable(asked: SwitchOptions) -> None:
    """Let a workspace buy credits."""
    act(asked, "enable_purchases", {})


@takes(SwitchOptions)
def disable(asked: SwitchOptions) -> None:
    """Let a workspace buy no credits any more."""
    act(asked, "disable_purchases", {})


@takes(GrantOptions)
def goodwill(asked: GrantOptions) -> None:
    """Give credits that lapse on the next billing date, within the month's budget."""
    data = {"kind": asked.kind, "credits": asked.amount}
    act(asked, "goodwill", data, instants={"expires_at": asked.expires})


@takes(JobOptions)
def refund_job(asked: JobOptions) -> None:
    """Give back the credits that a finished job captured, once."""
    act(asked, "refund_job", {"job_id": str(asked.job_id), "credits": asked.amount})


@takes(AdjustOptions)
def adjust(asked: AdjustOptions) -> None:
    """Correct a balance, up or down."""
    data = {"kind": asked.kind, "credits": asked.amount, "direction": asked.direction}
    act(asked, "adjust", data, instants={"expires_at": asked.expires})


def attach(group: typer.Typer) -> None:
    """Give these commands to a group."""
    for command in (enable, disable, goodwill, refund_job, adjust):
        group.command()(command)
