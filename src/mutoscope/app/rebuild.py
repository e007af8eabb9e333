"""Rebuild the projections (wallets, lots, open holds) from the journal, by the replay of `verify`.

Invariant: no entry is written, and a wallet whose rows are as its journal makes them is left alone.
One transaction a workspace, under the locks of its wallets: operations go on before and after it,
and whoever acts has a line of the audit in it for each workspace.
The surprising choice: a wallet's row is a witness too. When it tells of a line that the journal
does not have, lines were cut off or rewritten, and a rebuild would wipe out the only trace of it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from mutoscope.app.acts import NOBODYS, Act, write_rows
from mutoscope.app.verify import Examination, examine, replay_wallet, unheard
from mutoscope.domain.chain import ENTRIES
from mutoscope.domain.credits import Refusal
from mutoscope.domain.findings import Finding, Findings
from mutoscope.domain.projection import HOLDS, LOTS, WALLETS
from mutoscope.storage import projections
from mutoscope.storage.projections import Made
from mutoscope.storage.session import Connection
from mutoscope.storage.verification import FURTHER, Reading, Scope

GRACE: Final = timedelta(minutes=30)
"""How long a hold lives whose row was gone, unless its job renews it."""

_PROJECTIONS: Final = frozenset({WALLETS, LOTS, HOLDS})
_JOURNAL: Final = frozenset({ENTRIES, FURTHER})


class JournalBroken(Refusal):
    """A journal from which nothing can be rebuilt."""

    code = "journal_broken"

    def __init__(self, *, finding: Finding) -> None:
        super().__init__(
            f"{finding.sentence()}: nothing is rebuilt from a journal that is not in order; hold "
            "it against your exported checkpoints (`mutoscope verify --against FILE`), and restore "
            "a backup where they differ"
        )
        self.finding = finding


class Damage(Findings):
    """What a rebuild has to mend, and the first thing that it cannot; the rest is not listed."""

    __slots__ = ("broken", "workspaces")

    def __init__(self) -> None:
        super().__init__()
        self.broken: Finding | None = None
        self.workspaces: set[UUID] = set()

    def add(self, finding: Finding) -> None:
        """Take in a finding of a projection, or the first one of a journal."""
        if finding.table in _JOURNAL:
            self.broken = self.broken or finding
        elif finding.table in _PROJECTIONS and finding.workspace_id is not None:
            super().add(finding)
            self.workspaces.add(finding.workspace_id)

    def check_journal(self) -> None:
        """Check that everything can be mended.

        :raises JournalBroken: when a line of a journal is not in order.
        """
        if self.broken is not None:
            raise JournalBroken(finding=self.broken)


class Rebuilt(NamedTuple):
    """What was written anew, and the first of the differences that were found before."""

    wallets: int
    findings: tuple[Finding, ...]


async def survey(
    connection: Connection, *, scope: Scope, is_journal_proven: bool = False,
    progress: Callable[[int], None] = unheard,
) -> Damage:  # fmt: skip
    """Return what differs from the journal; nothing is changed.

    Where the journal was proven by checkpoints, no wallet's row is held against it.

    :raises JournalBroken: when a line of a journal is not in order.
    :raises UnknownWorkspace: when the scope's workspace is none.
    """
    damage = Damage()
    await examine(connection, scope=scope, progress=progress, findings=damage)
    await _check(connection, scope, damage, is_journal_proven=is_journal_proven)
    return damage


async def rebuild(
    connection: Connection, *, damage: Damage, at: datetime, is_journal_proven: bool = False,
    act: Act = NOBODYS, progress: Callable[[int], None] = unheard,
) -> Rebuilt:  # fmt: skip
    """Write the rows anew that are not what their journal makes; tell the wallets done so far.

    :raises JournalBroken: when a line of a journal is no longer in order; what was told is done.
    """
    wallets = 0
    for workspace_id in sorted(damage.workspaces):
        scope = Scope(workspace_id=workspace_id)
        async with connection.transaction():
            await projections.lock(connection, workspace_id)
            made = await _made(connection, scope, at, is_journal_proven=is_journal_proven)
            for each in made:
                await projections.write(connection, each)
            if made:
                told = act.telling(workspace_id=str(workspace_id), wallets=len(made))
                await write_rows(connection, told)
        wallets += len(made)
        progress(wallets)
    return Rebuilt(wallets, tuple(damage.listed))


async def _made(
    connection: Connection, scope: Scope, at: datetime, *, is_journal_proven: bool
) -> list[Made]:
    """Return what the journals of a locked workspace make, of the wallets that differ."""
    damage = Damage()
    examination = Examination(damage)
    reading = Reading(connection=connection, scope=scope)
    await reading.open()
    made = []
    async for wallet in reading.wallets(damage.add):
        before = damage.counts.total()
        head, replay = await replay_wallet(wallet, examination)
        if replay is not None and damage.counts.total() > before:
            made.append(Made(wallet.name, head, replay, at, at + GRACE))
    await _check(connection, scope, damage, is_journal_proven=is_journal_proven)
    return made


async def _check(
    connection: Connection, scope: Scope, damage: Damage, *, is_journal_proven: bool
) -> None:
    if not is_journal_proven:
        for finding in await projections.unmatched_heads(connection, scope):
            damage.add(finding)
    damage.check_journal()
