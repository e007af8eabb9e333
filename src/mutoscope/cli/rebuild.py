"""`mutoscope rebuild`: balances written anew from the journal, where they are not what it says."""

import sys
from typing import Annotated
from uuid import UUID

import typer

from mutoscope.app.acts import Act
from mutoscope.app.rebuild import Damage, Rebuilt, survey
from mutoscope.app.rebuild import rebuild as rebuilt
from mutoscope.bootstrap import House, own_connection
from mutoscope.cli.acting import in_house_acting
from mutoscope.cli.options import Json, Yes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import bars, console, counted, tell
from mutoscope.domain.staff import StaffAction
from mutoscope.storage.verification import Scope

commands = typer.Typer()


@commands.command()
def rebuild(
    *,
    workspace: Annotated[UUID | None, typer.Option(help="One workspace alone.")] = None,
    is_journal_proven: Annotated[
        bool,
        typer.Option(
            "--journal-proven",
            help="`verify --against` found the journal whole: a wallet's row may be ahead of it.",
        ),
    ] = False,
    yes: Yes = False,
    is_json: Json = False,
) -> None:
    """Write wallets, lots and open holds anew where the journal makes them otherwise.

    It tells first what differs, and never writes a line of the journal.
    """
    scope = Scope(workspace_id=workspace)

    async def mended(house: House, act: Act) -> Rebuilt:
        with bars() as progress:
            task = progress.add_task("replaying", total=None)
            async with own_connection(house) as connection:
                damage = await survey(
                    connection, scope=scope, is_journal_proven=is_journal_proven,
                    progress=lambda entries: progress.update(
                        task, description=f"{entries:,} lines replayed"
                    ),
                )  # fmt: skip
                progress.stop()
                ask(damage, yes=yes)
                progress.start()
                return await rebuilt(
                    connection, damage=damage, at=house.studio.clock.now(),
                    is_journal_proven=is_journal_proven, act=act,
                    progress=lambda wallets: progress.update(
                        task, description=f"{wallets:,} wallets rebuilt"
                    ),
                )  # fmt: skip

    done = in_house_acting(
        StaffAction.REBUILD, mended, workspace_id=workspace,
        what="rebuild --journal-proven" if is_journal_proven else "rebuild",
    )  # fmt: skip
    if is_json:
        print_json(done)
    elif done.wallets:
        console().print(f"{counted(done.wallets, 'wallet')} rebuilt: `mutoscope verify` proves it.")
    else:
        console().print("Nothing to rebuild: all is as the journal makes it.")


def ask(damage: Damage, *, yes: bool) -> None:
    """Tell what differs, and ask whether it is to be written anew."""
    for finding in damage.listed:
        console(is_error=True).print(finding.sentence(), markup=False)
    count = damage.counts.total()
    if count > len(damage.listed):
        tell(f"... and {count - len(damage.listed):,} more.")
    if count and sys.stdin.isatty() and not yes:
        question = f"{counted(count, 'difference')} will be written anew from the journal. Go"
        typer.confirm(question, abort=True, err=True)
