"""`mutoscope audit`: what staff did, exported and proved; reasons that have to be forgotten."""

import json
from typing import Annotated, Any, Final
from uuid import UUID

import typer
from rich.markup import escape

from mutoscope.app import audit as audits
from mutoscope.app.audit import AuditVerification
from mutoscope.bootstrap import House, own_connection
from mutoscope.cli.as_staff import As, PasswordFile, Reason, Who, as_staff
from mutoscope.cli.files import STREAM, Out, lines_written
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json
from mutoscope.cli.plain import json_line, print_json
from mutoscope.cli.screen import console, table, tell
from mutoscope.domain import instants
from mutoscope.domain.audit import OPERATOR, AuditHead, operator_name
from mutoscope.domain.staff import StaffAction
from mutoscope.storage import audit as rows
from mutoscope.storage.audit import AuditFilters, Told

FOUND: Final = 6
SHOWN_MAX: Final = 1_000
NEWEST: Final = 2**63 - 1

commands = typer.Typer()
audit = typer.Typer(help="Read and prove what staff did.", no_args_is_help=True)
commands.add_typer(audit, name="audit")


@audit.command(name="list")
def list_lines(
    *,
    workspace: Annotated[UUID | None, typer.Option(help="One workspace alone.")] = None,
    action: Annotated[StaffAction | None, typer.Option(help="One action alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=SHOWN_MAX, help="How many.")] = 50,
    is_json: Json = False,
) -> None:
    """List the latest actions of staff: who, what, why."""
    filters = AuditFilters(workspace_id=workspace, action=action)

    async def read(house: House) -> tuple[Told, ...]:
        async with house.studio.reading() as connection:
            return await rows.page(connection, filters=filters, before=NEWEST, limit=limit)

    found = in_house(read)
    if is_json:
        print_json([plain_line(told) for told in found])
        return
    made = table(">line", "when", "who", "what", "?!workspace", "why", "??data")
    for told in found:
        line = plain_line(told)
        unsaid = "erased" if told.line.reason_digest else "-"
        made.add_row(
            str(line["sequence"]), instants.told(told.line.at), line["name"] or "-",
            line["action"], str(line["workspace_id"] or "-"), escape(line["reason"] or unsaid),
            escape(told.line.data),
        )  # fmt: skip
    console().print(made)


@audit.command()
def export(*, out: Out = STREAM, is_json: Json = False) -> None:
    """Write every line in order as JSON, with its hash, for whoever audits you."""

    async def lines(house: House) -> list[str]:
        async with own_connection(house) as connection, connection.transaction():
            return [
                json_line(plain_line(told))
                async for part in rows.parts(connection)
                for told in part
            ]

    lines_written(in_house(lines), out=out, is_json=is_json)


@audit.command()
def verify(
    *,
    head: Annotated[
        str | None, typer.Option(help="LINE:HASH as an earlier verification told it.")
    ] = None,
    is_json: Json = False,
) -> None:
    """Compute every hash anew, and tell what is not as it was written."""
    known = None if head is None else _head(head)

    async def proved(house: House) -> AuditVerification:
        async with (
            own_connection(house) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            return await audits.verify_audit(connection, known=known)

    found = in_house(proved)
    if is_json:
        print_json(found)
    else:
        verdict = "clean" if found.is_clean else "not clean"
        console().print(
            f"{verdict}: {found.lines:,} lines, {found.erased_reasons:,} reasons erased. Note the "
            f"head elsewhere: {found.sequence}:{found.head.hex()}"
        )
        for each in found.findings:
            console().print(each.sentence(), markup=False)
    if not found.is_clean:
        raise typer.Exit(FOUND)


@audit.command()
def erase(
    line: Annotated[int, typer.Argument(help="The line whose reason has to be forgotten.")],
    *,
    reason: Reason,
    acting: As = None,
    password_file: PasswordFile = None,
    is_json: Json = False,
) -> None:
    """Erase the text of a reason; the line stays, and so does its hash."""
    who = Who(name=acting, password_file=password_file)

    async def erased(house: House) -> None:
        await as_staff(
            house, who,
            lambda actor: audits.erase_reason(house.studio, actor, sequence=line, reason=reason),
        )  # fmt: skip

    in_house(erased)
    if is_json:
        print_json({"sequence": line, "reason": None})
        return
    tell(f"The reason of line {line} is erased.")


def plain_line(told: Told) -> dict[str, Any]:
    """Return a line with who acted and why."""
    line = told.line
    return {
        **line._asdict(),
        "data": json.loads(line.data),
        "name": operator_name(told.reason) if line.staff_id == OPERATOR else told.name,
        "reason": None if told.reason is None else told.reason.text,
    }


def _head(text: str) -> AuditHead:
    sequence, _, digest = text.partition(":")
    try:
        return AuditHead(int(sequence), bytes.fromhex(digest))
    except ValueError:
        remedy = f"{text!r} is no head: write LINE:HASH, as `audit verify` tells it"
        raise typer.BadParameter(remedy) from None
