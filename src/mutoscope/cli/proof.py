"""`mutoscope verify` and `checkpoint`: proofs of the ledger that need not be believed."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer
from rich.console import Console

from mutoscope.app import checkpoint as checkpoints
from mutoscope.app.verify import Verification
from mutoscope.app.verify import verify as verified
from mutoscope.bootstrap import House, own_connection
from mutoscope.cli.files import STREAM, Out, lines_written, text_of
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json
from mutoscope.cli.plain import plain, print_json
from mutoscope.cli.screen import bars, console, counted
from mutoscope.domain.checkpoint import Signed, public_key_of
from mutoscope.domain.findings import Finding, Findings
from mutoscope.storage.verification import Scope

FOUND: Final = 6
DIGITS_SHOWN: Final = 16

commands = typer.Typer()
checkpoint = typer.Typer(help="Sign the heads of wallets and audit, or export them.")
commands.add_typer(checkpoint, name="checkpoint", no_args_is_help=True)


@commands.command()
def verify(
    *,
    workspace: Annotated[UUID | None, typer.Option(help="One workspace alone.")] = None,
    is_chain: Annotated[bool, typer.Option("--chain", help="The hash chains alone.")] = False,
    against: Annotated[
        Path | None, typer.Option(help="Hold the ledger against exported checkpoints too.")
    ] = None,
    is_json: Json = False,
) -> None:
    """Replay the ledger, check it and the audit with their hash chains, and sign the answer."""
    scope = Scope(workspace_id=workspace, is_full=not is_chain)

    async def proved(house: House) -> tuple[Verification, Findings | None]:
        answer = await verification(house, scope=scope)
        held = None if against is None else await _held_against(house, against)
        return answer, held

    answer, held = in_house(proved)
    listed = [*answer.findings, *(held.listed if held else ())]
    if is_json:
        extra = {"against": plain(held.listed)} if held else {}
        print_json(json.loads(answer.text()) | extra)
    else:
        show_verification(answer, listed=listed)
    if listed:
        raise typer.Exit(FOUND)


@checkpoint.command()
def take(*, is_json: Json = False) -> None:
    """Sign the heads of the audit and of the wallets that moved since the last checkpoint."""

    async def taken(house: House) -> Signed:
        studio = house.studio
        async with own_connection(house) as connection:
            return await checkpoints.take(
                connection, private_key=house.signing_key, at=studio.clock.now()
            )

    signed = in_house(taken)
    if is_json:
        print_json(signed)
        return
    found = signed.checkpoint
    console().print(
        f"Checkpoint {found.number} of {found.wallets:,} wallets, digest {found.digest().hex()}"
    )


@checkpoint.command()
def export(
    *,
    number: Annotated[int | None, typer.Option(help="One checkpoint alone.")] = None,
    out: Out = STREAM,
    is_json: Json = False,
) -> None:
    """Write checkpoints as lines of JSON, to be kept where the operator cannot change them."""

    async def lines(house: House) -> list[str]:
        async with own_connection(house) as connection:
            return [f"{line}\n" async for line in checkpoints.export(connection, number=number)]

    lines_written(in_house(lines), out=out, is_json=is_json)


async def verification(house: House, *, scope: Scope) -> Verification:
    """Verify behind a progress bar and return the signed answer."""
    with bars() as progress:
        task = progress.add_task("verifying", total=None)

        def hear(entries: int) -> None:
            progress.update(task, description=f"{entries:,} lines verified")

        async with own_connection(house) as connection:
            return await verified(
                connection, scope=scope, private_key=house.signing_key,
                now=house.studio.clock.now, progress=hear,
            )  # fmt: skip


def show_verification(
    answer: Verification, *, listed: list[Finding], screen: Console | None = None
) -> None:
    """Show an answer: what was read, what is wrong, who signed."""
    screen = screen or console()
    what = "every credit explained" if answer.is_full else "every hash in its place"
    audit = f", {counted(answer.audit_lines, 'audit line')}" if answer.audit_lines else ""
    verdict = f"[bold green]clean[/]: {what}" if not listed else "[bold red]not clean[/]"
    screen.print(
        f"{verdict}. {answer.wallets:,} wallets, {answer.entries:,} lines, {answer.lots:,} lots, "
        f"{answer.holds:,} holds{audit}."
    )
    if listed:
        for one in listed:
            screen.print(one.sentence(), markup=False)
    screen.print(
        f"Signed by key {answer.public_key.hex()[:DIGITS_SHOWN]}..., "
        f"signature {answer.signature.hex()[:DIGITS_SHOWN]}..."
    )


async def _held_against(house: House, path: Path) -> Findings:
    text = await asyncio.to_thread(text_of, path)
    async with own_connection(house) as connection:
        return await checkpoints.check_against(
            connection, lines=_lines(text), public_key=public_key_of(house.signing_key)
        )


async def _lines(text: str) -> AsyncIterator[str]:
    for line in text.splitlines():
        yield line
