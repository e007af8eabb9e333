"""`mutoscope verify` and `checkpoint`: proofs of the ledger that need not be believed."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer
from rich.console import Console

from mutoscope.app import checkpoint as checkpoints
from mutoscope.app.checkpoint import Export
from mutoscope.app.verify import Verification, check_answer
from mutoscope.app.verify import verify as verified
from mutoscope.bootstrap import House, own_connection
from mutoscope.cli.files import STREAM, Out, lines_written, text_of
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import bars, console, counted
from mutoscope.domain.checkpoint import KEY_LENGTH, Signed, public_key_of
from mutoscope.storage.verification import Scope

FOUND: Final = 6
DIGITS_SHOWN: Final = 16

commands = typer.Typer()
checkpoint = typer.Typer(help="Sign the heads of wallets and audit, or export them.")
commands.add_typer(checkpoint, name="checkpoint", no_args_is_help=True)


def written_key(text: str) -> bytes:
    """Return the public key that a person wrote.

    :raises typer.BadParameter: when it is none.
    """
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_LENGTH:
        remedy = f"write {2 * KEY_LENGTH} hexadecimal digits, as `checkpoint take --json` tells it"
        raise typer.BadParameter(f"{text!r} is no public key: {remedy}")
    return key


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """What is verified, against what, and whose signatures count."""

    workspace: Annotated[UUID | None, typer.Option(help="One workspace alone.")] = None
    is_chain: Annotated[bool, typer.Option("--chain", help="The hash chains alone.")] = False
    against: Annotated[
        Path | None, typer.Option(help="Hold the ledger against exported checkpoints too.")
    ] = None
    check: Annotated[
        Path | None, typer.Option(help="Only check a signed answer, without any database.")
    ] = None
    public_key: Annotated[
        bytes | None,
        typer.Option(
            metavar="HEX", parser=written_key,
            help="Who should have signed the file; without it, this studio or the key it names.",
        ),
    ] = None  # fmt: skip
    is_json: Json = False


@commands.command()
@takes(VerifyOptions)
def verify(asked: VerifyOptions) -> None:
    """Replay the ledger, check it and the audit with their hash chains, and sign the answer.

    With `--check FILE` it only tells whether an answer, as --json printed it, is what was signed.
    """
    if asked.check is not None:
        _check(asked.check, asked)
        return
    if asked.public_key is not None and asked.against is None:
        raise typer.BadParameter("--public-key goes with --against FILE or --check FILE")
    scope = Scope(workspace_id=asked.workspace, is_full=not asked.is_chain)
    lines = None if asked.against is None else text_of(asked.against).splitlines()

    async def proved(house: House) -> Verification:
        key = asked.public_key or public_key_of(house.signing_key)
        export = None if lines is None else Export(lines=_given(lines), public_key=key)
        return await verification(house, scope=scope, export=export)

    answer = in_house(proved)
    if asked.is_json:
        print_json(json.loads(answer.text()))
    else:
        show_verification(answer)
    if not answer.is_clean:
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


async def verification(house: House, *, scope: Scope, export: Export | None = None) -> Verification:
    """Verify behind a progress bar and return the signed answer."""
    with bars() as progress:
        task = progress.add_task("verifying", total=None)

        def hear(entries: int) -> None:
            progress.update(task, description=f"{entries:,} lines verified")

        async with own_connection(house) as connection:
            return await verified(
                connection, scope=scope, private_key=house.signing_key,
                now=house.studio.clock.now, progress=hear, export=export,
            )  # fmt: skip


def show_verification(answer: Verification, *, screen: Console | None = None) -> None:
    """Show an answer: what was read, what is wrong, who signed."""
    screen = screen or console()
    what = "every credit explained" if answer.is_full else "every hash in its place"
    audit = f", {counted(answer.audit_lines, 'audit line')}" if answer.audit_lines else ""
    verdict = f"[bold green]clean[/]: {what}" if answer.is_clean else "[bold red]not clean[/]"
    screen.print(
        f"{verdict}. {answer.wallets:,} wallets, {answer.entries:,} lines, {answer.lots:,} lots, "
        f"{answer.holds:,} holds{audit}."
    )
    if answer.against is not None:
        against = counted(answer.against.checkpoints, "checkpoint")
        screen.print(f"Held against {against} of key {_shown(answer.against.public_key)}.")
    for one in answer.findings:
        screen.print(one.sentence(), markup=False)
    screen.print(f"Signed by key {_shown(answer.public_key)}, signature {_shown(answer.signature)}")


def _check(file: Path, asked: VerifyOptions) -> None:
    """Tell whether an answer is as it was signed; it exits as if the answer were new."""
    if asked.workspace or asked.is_chain or asked.against:
        raise typer.BadParameter("--check reads no ledger: it goes with --public-key alone")
    text = text_of(file)
    is_signed = check_answer(text, public_key=asked.public_key)
    answer = json.loads(text) if is_signed else {}
    is_clean = bool(answer.get("is_clean"))
    if asked.is_json:
        told = {"is_signed": is_signed, "is_clean": is_clean if is_signed else None,
                "public_key": answer.get("public_key")}  # fmt: skip
        print_json(told)
    elif is_signed:
        verdict = "clean" if is_clean else "not clean"
        console().print(f"As it was signed by key {answer['public_key']}: {verdict}.")
    else:
        console().print("Not as it was signed: the answer, its signature or its key is another.")
    if not is_clean:
        raise typer.Exit(FOUND)


async def _given(lines: Sequence[str]) -> AsyncIterator[str]:
    for line in lines:
        yield line


def _shown(digest: bytes) -> str:
    return f"{digest.hex()[:DIGITS_SHOWN]}..."
