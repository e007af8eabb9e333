"""`mutoscope cap` and `usage`: what members and projects may use, and have used."""

import sys
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape

from mutoscope.app import caps
from mutoscope.app.usage import By, Usage, UsageWish
from mutoscope.app.usage import usage as used
from mutoscope.bootstrap import House
from mutoscope.cli.opening import in_house, zone_of
from mutoscope.cli.options import Json, WorkspaceId, id_of, instant, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, table, told
from mutoscope.documents.usage_table import usage_csv
from mutoscope.domain.caps import CapStanding, Subject
from mutoscope.storage.caps import Cap

Whose = Annotated[Subject, typer.Argument(metavar="SUBJECT", help="member or project.")]
SubjectId = Annotated[
    UUID,
    typer.Argument(
        metavar="ID", help="The member's or the project's id.",
        parser=id_of("member or project", remedy="`member list` and `project list` tell them"),
    ),
]  # fmt: skip
Kind = Annotated[str, typer.Argument(metavar="KIND", help="image or video.")]
Acting = Annotated[UUID | None, typer.Option("--by", help="The owner who does so.")]

commands = typer.Typer()
cap = typer.Typer(help="Cap what a member or a project may use.", no_args_is_help=True)
commands.add_typer(cap, name="cap")


@dataclass(frozen=True, slots=True, kw_only=True)
class CapOptions:
    """Whose use of which credits is capped, and at how many."""

    workspace: WorkspaceId
    subject: Whose
    subject_id: SubjectId
    kind: Kind
    credits: Annotated[int, typer.Argument(min=0, help="Credits in a billing period.")]
    by: Acting = None
    is_json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageOptions:
    """Which use is told, and how."""

    workspace: WorkspaceId
    by: Annotated[By, typer.Option(help="member, project, tool or day.")] = By.MEMBER
    kind: Annotated[str | None, typer.Option(help="Credits of one kind: image, video.")] = None
    period: Annotated[
        int | None, typer.Option(min=0, help="A billing period from 0; else the one that runs.")
    ] = None
    since: Annotated[str | None, typer.Option(help="From an instant on, with --until.")] = None
    until: Annotated[str | None, typer.Option(help="Before an instant.")] = None
    is_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False
    is_json: Json = False


@cap.command(name="set")
@takes(CapOptions)
def set_cap(asked: CapOptions) -> None:
    """Cap what a member or a project may use of a kind in a billing period."""
    wanted = Cap(asked.subject, asked.subject_id, asked.kind, asked.credits)

    async def is_set(house: House) -> tuple[tuple[CapStanding, ...], str]:
        found = await caps.set_cap(
            house.studio, workspace_id=asked.workspace, cap=wanted, by=asked.by
        )
        return (found,), await zone_of(house, asked.workspace)

    _show(*in_house(is_set), is_json=asked.is_json)


@cap.command(name="list")
def list_caps(workspace: WorkspaceId, *, is_json: Json = False) -> None:
    """List the caps of a workspace, and what is used of each in the period that runs."""

    async def listed(house: House) -> tuple[tuple[CapStanding, ...], str]:
        found = await caps.list_caps(house.studio, workspace_id=workspace)
        return found, await zone_of(house, workspace)

    _show(*in_house(listed), is_json=is_json)


@cap.command(name="remove")
def remove_cap(
    workspace: WorkspaceId,
    subject: Whose,
    subject_id: SubjectId,
    kind: Kind,
    *,
    by: Acting = None,
    is_json: Json = False,
) -> None:
    """Let a member or a project use as much as the wallet has."""
    wanted = Cap(subject, subject_id, kind, 0)
    in_house(lambda house: caps.remove_cap(house.studio, workspace_id=workspace, cap=wanted, by=by))
    if is_json:
        print_json({"subject": subject, "subject_id": subject_id, "kind": kind, "cap": None})
        return
    console().print(f"no cap on {kind} credits of the {subject} {subject_id}")


@commands.command()
@takes(UsageOptions)
def usage(asked: UsageOptions) -> None:
    """Tell who used how many credits for what: held, captured, given back, metered."""

    async def read(house: House) -> tuple[Usage, str]:
        zone = await zone_of(house, asked.workspace)
        wish = UsageWish(
            by=asked.by, kind=asked.kind, index=asked.period,
            starts_at=instant(asked.since, zone=zone) if asked.since else None,
            ends_at=instant(asked.until, zone=zone) if asked.until else None,
        )  # fmt: skip
        return await used(house.studio, workspace_id=asked.workspace, wish=wish), zone

    found, zone = in_house(read)
    if asked.is_json:
        print_json(found)
    elif asked.is_csv:
        sys.stdout.write(usage_csv(found))
    else:
        _show_usage(found, zone=zone)


def _show(found: tuple[CapStanding, ...], zone: str, *, is_json: bool) -> None:
    if is_json:
        print_json(found)
        return
    made = table("whose", "!id", "wallet", ">cap", ">used", ">remaining", "until")
    for each in found:
        made.add_row(
            each.subject, str(each.subject_id), each.kind, f"{each.cap:,}", f"{each.used:,}",
            f"{each.remaining:,}", told(each.period.ends_at, zone=zone),
        )  # fmt: skip
    console().print(made)


def _show_usage(found: Usage, *, zone: str) -> None:
    span = f"{told(found.starts_at, zone=zone)} to {told(found.ends_at, zone=zone)}"
    made = table(
        found.by, "wallet", ">held", ">captured", ">given back", ">metered", ">used", ">jobs",
        title=span,
    )  # fmt: skip
    for row in found.rows:
        named = row.name or row.subject or "-"
        figures = (row.held, row.captured, row.given_back, row.metered, row.used, row.jobs)
        made.add_row(escape(named), row.kind, *[f"{figure:,}" for figure in figures])
    console().print(made)
