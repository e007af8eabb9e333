"""The options of `mutoscope bench ledger`, as one value: its fields are the command's options."""

from dataclasses import dataclass, replace
from typing import Annotated, Final

import typer

QUICK_SECONDS: Final = 1.0
QUICK_SCALE: Final = 2_000
"""Wallets, and entries of a history, of a quick run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much is measured, where, and how it is told."""

    is_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
    is_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the block of docs/performance.md.")
    ] = False
    is_gate: Annotated[bool, typer.Option("--gate", help="Exit with 1 when a floor is missed.")] = (
        False
    )
    is_quick: Annotated[bool, typer.Option("--quick", help="One short round, to try.")] = False
    seconds: Annotated[float, typer.Option(min=0.1, help="Seconds of each cell.")] = 3
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; medians are told.")] = 5
    wallets: Annotated[int, typer.Option(min=2, help="Wallets that calls spread over.")] = 10_000
    renewals: Annotated[int, typer.Option(min=1, help="Wallets to renew.")] = 20_000
    processes: Annotated[int, typer.Option(min=1, max=64, help="Processes that renew.")] = 1
    history: Annotated[int, typer.Option(min=1_000, help="Entries of a long history.")] = 20_000
    database_url: Annotated[
        str | None, typer.Option(help="A server to measure; else one of our own, for the time.")
    ] = None

    def extent(self) -> "Options":
        """Return the options with a quick run's limits in force."""
        if not self.is_quick:
            return self
        return replace(
            self,
            seconds=min(self.seconds, QUICK_SECONDS),
            rounds=1,
            wallets=min(self.wallets, QUICK_SCALE),
            renewals=min(self.renewals, QUICK_SCALE),
            history=min(self.history, QUICK_SCALE),
        )
