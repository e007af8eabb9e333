"""What the business demo proves at its end: its books, and that everything there is was played.

Invariant: what is proved is read from the database, the simulated Stripe and the exported books
alone; what has to be played is read from the state machine, the registry of the desk and the
enumerations themselves, so that a new one is missed until it is played, too.
"""

from __future__ import annotations

import asyncio
import csv
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mutoscope.app.books import Days, books
from mutoscope.app.desk_registry import ACTIONS
from mutoscope.app.payment_desk import HANDLERS
from mutoscope.app.payment_events import process_pending
from mutoscope.app.reconcile import Reconciliation, reconcile
from mutoscope.app.verify import Verification
from mutoscope.cli.business_catalog import FIRST, LATER
from mutoscope.cli.business_life import CALL_FAULTS, HOOK_FAULTS
from mutoscope.cli.business_town import DAY, STRIPE, Town
from mutoscope.cli.proof import show_verification, verification
from mutoscope.cli.screen import table
from mutoscope.domain.alerts import AlertCode
from mutoscope.domain.beancount import beancount_lines
from mutoscope.domain.chart import Operation
from mutoscope.domain.subscriptions import TRANSITIONS
from mutoscope.storage import invoices, played
from mutoscope.storage.payments import Purpose
from mutoscope.storage.verification import Scope

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from mutoscope.storage.invoices import Series

MONEY: Final = (
    *(f"request {purpose} paid" for purpose in Purpose),
    "request purchase cancelled", "request plan cancelled", "payment applied", "payment returned",
    "purchase desk granted", "purchase automatic granted", "purchase refill granted",
    "purchase desk refunded", "purchase cancelled", "purchase refill cancelled",
    "refund succeeded 1", "refund failed 1", "refund failed 2", "refund succeeded 3",
    "dispute won", "dispute lost", "document invoice", "document credit_note",
)  # fmt: skip
"""Every kind of money event; a refund that failed the second time came back, and went anew."""

ACTS: Final = (
    *(f"staff {action}" for action in ACTIONS),
    "staff propose", "staff refuse_proposal", "staff withdraw_proposal", "staff chat",
    *(
        f"ledger {operation}" for operation in Operation
        if operation not in {Operation.CHARGE, Operation.METER, Operation.REFUND}
    ),
    *(f"alert {code}" for code in AlertCode if code is not AlertCode.ENDPOINT_OFF),
    f"terms {LATER} 1", f"terms {FIRST} 12",
)  # fmt: skip
"""What the desk, the ledger, alerts and the catalog do; jobs have a demo of their own."""

SEEN: Final = (
    "days down", "code redeemed", "zone scheduled", "refill set", "refill at its cap",
    "member capped", "refused: cap_exceeded", "refused: goodwill_spent", "late success absorbed",
    "answered in the chat", *(f"fault: {name}" for name in (*CALL_FAULTS, *HOOK_FAULTS)),
)  # fmt: skip
"""What leaves no trace of its own in the database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was proved at the end; `bean_check` is None where Beancount is not installed.

    `played` tells how often each thing was, `missing` what never was and should have been.
    """

    verification: Verification
    series: tuple[Series, ...]
    reconciliation: Reconciliation
    bean_check: bool | None
    seen: Mapping[str, int]
    played: Mapping[str, int]
    missing: tuple[str, ...]

    def summary(self) -> dict[str, object]:
        """Return the outcome as plain data."""
        return {
            "is_clean": self.is_clean, "verify": self.verification.is_clean,
            "series": self.series, "payments": self.reconciliation.compared,
            "are_books_equal": self.reconciliation.is_equal, "bean_check": self.bean_check,
            "seen": self.seen, "played": self.played, "never_played": self.missing,
        }  # fmt: skip

    @property
    def is_clean(self) -> bool:
        """Tell whether everything was proved."""
        return (
            self.verification.is_clean
            and all(each.is_gapless for each in self.series)
            and self.reconciliation.is_equal
            and self.bean_check is not False
            and not self.missing
        )


async def prove(
    town: Town, folder: Path, screen: Console, *, since: datetime, is_full: bool
) -> Proof:
    """Prove the books, and, of a run of full size, that everything was played."""
    house = town.house
    compared = await reconcile(house.studio, gateway=STRIPE, since=since, handlers=HANDLERS)
    await process_pending(house.studio, handlers=HANDLERS)
    compared = await reconcile(house.studio, gateway=STRIPE, since=since, handlers=HANDLERS)
    found = await verification(house, scope=Scope())
    async with house.studio.reading() as connection:
        series = await invoices.series(connection)
    until = (house.studio.clock.now() + DAY).date()
    told = await books(house.studio, days=Days((since + DAY).date(), until, "UTC"))
    path = folder / "books.beancount"
    with path.open("w", encoding="utf-8") as target:
        target.writelines(beancount_lines(told))
    times = await _times(town)
    proof = Proof(
        verification=found, series=series, reconciliation=compared,
        bean_check=await _bean_check(path), seen=dict(sorted(town.seen.items())), played=times,
        missing=tuple(name for name, count in times.items() if not count) if is_full else (),
    )  # fmt: skip
    _write(folder / "played.csv", proof.played)
    _show(proof, screen, path=path)
    return proof


async def _times(town: Town) -> dict[str, int]:
    """Return how often each thing was played that there is, and others that were."""
    studio = town.house.studio
    async with studio.reading() as connection:
        transitions = await played.transitions(connection, at=studio.clock.now())
        found = {**await played.money(connection), **await played.acts(connection)}
    moves = {
        f"{before} {event} {after}": transitions.get((before, event), 0)
        for (before, event), after in TRANSITIONS.items()
    }
    seen = {f"seen {name}": town.seen[name] for name in SEEN}
    return moves | _sorted((*MONEY, *ACTS), found) | seen


def _sorted(names: Iterable[str], found: Mapping[str, int]) -> dict[str, int]:
    """Return how often the named things were, and then the others that were found."""
    return {name: found.get(name, 0) for name in names} | dict(sorted(found.items()))


async def _bean_check(path: Path) -> bool | None:
    """Let Beancount itself read the books; None where it is not installed."""
    beside = Path(sys.executable).with_name("bean-check")
    program = str(beside) if beside.exists() else shutil.which("bean-check")
    if program is None:
        return None
    checking = await asyncio.create_subprocess_exec(program, str(path))
    return await checking.wait() == 0


def _write(path: Path, times: Mapping[str, int]) -> None:
    with path.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows([("played", "times"), *times.items()])


def _show(proof: Proof, screen: Console, *, path: Path) -> None:
    for title, counts in (("what happened", proof.seen), ("played", proof.played)):
        shown = table(title, ">times")
        for name, times in counts.items():
            shown.add_row(name, f"{times:,}")
        screen.print(shown)
    numbers = table("series", ">year", ">issued", ">last number", "gaps")
    for each in proof.series:
        gaps = "none" if each.is_gapless else "[bold red]gaps[/]"
        numbers.add_row(each.series, str(each.year), f"{each.kept:,}", f"{each.last:,}", gaps)
    screen.print(numbers)
    compared = proof.reconciliation
    equal = "equal" if compared.is_equal else f"DIFFER: {compared.differences[:5]}"
    screen.print(f"{compared.compared:,} payments in Stripe's (simulated) book and ours: {equal}.")
    checked = {True: "accepts", False: "REFUSES", None: "is not installed, to check"}
    screen.print(f"bean-check {checked[proof.bean_check]} the books in {path.name}.")
    show_verification(proof.verification, screen=screen)
    if proof.missing:
        screen.print(f"[bold red]NEVER PLAYED[/]: {', '.join(proof.missing)}.")
