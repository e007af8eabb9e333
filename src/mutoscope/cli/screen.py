"""What a person sees in a terminal: tables, amounts, instants, progress.

Owns the wording of screens and nothing of their figures. Invariant: data go to the output stream,
messages and progress to the error stream, so that a pipe gets data alone. Colours follow the
terminal and `NO_COLOR`.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from textwrap import shorten
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from mutoscope.cli.listing import Listing
from mutoscope.domain import instants
from mutoscope.domain.balance import Balance, LotView
from mutoscope.domain.catalog import Catalog
from mutoscope.domain.money import money_text
from mutoscope.domain.offers import Money
from mutoscope.domain.wording import SOURCES
from mutoscope.storage.history import Line, LineJob
from mutoscope.storage.jobs import Job
from mutoscope.storage.workspaces import Workspace

WIDTH_PIPE: Final = 10_000
"""Columns where there is no terminal: nothing is broken across lines, so that ids stay whole."""

PROMPT_SHOWN: Final = 60
"""Characters of a prompt in a list: enough to know it again."""

MICROS: Final = 1_000_000
"""Of a US dollar: what providers charge is kept in these."""

UNLIMITED: Final = "unlimited"
"""What can be spent of a kind that the plan meters without limit, at no charge."""


class _Screen(Console):
    """A console that leaves a line which must not be broken to the terminal, and cuts nothing."""

    def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401 -- as the console's
        """Print, and crop nothing."""
        super().print(*objects, **{"crop": False, **options})


def console(*, is_error: bool = False) -> Console:
    """Return the output stream's console, or the error stream's."""
    made = _Screen(stderr=is_error, highlight=False)
    if not made.is_terminal:
        made = _Screen(stderr=is_error, highlight=False, width=WIDTH_PIPE)
    return made


def tell(message: str) -> None:
    """Tell a person something that is not data."""
    console(is_error=True).print(message)


def bars() -> Progress:
    """Return progress bars for a terminal, on the error stream, which vanish when done."""
    share = TextColumn("{task.percentage:>3.0f}%")
    columns = (TextColumn("{task.description}"), BarColumn(), share)
    screen = console(is_error=True)
    return Progress(
        *columns, TimeElapsedColumn(), console=screen, transient=True,
        disable=not screen.is_interactive,
    )  # fmt: skip


def table(*columns: str, title: str = "") -> Table:
    """Return an empty table; marks before a column's name say how it stands (`Listing`)."""
    return Listing(columns, title=title)


def told(at: datetime | None, *, zone: str = "UTC") -> str:
    """Return an instant as the zone's clocks and calendars show it; nothing is a dash."""
    return "-" if at is None else instants.told(at, zone=zone)


def counted(number: int, thing: str) -> str:
    """Return a number of things, such as 1 scene or 2 scenes."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def money(amount: Money) -> str:
    """Return an amount of money with its currency."""
    return money_text(amount.amount, amount.currency)


def money_told(amount: int, currency: str | None) -> str:
    """Return an amount of minor units with its currency, or as minor units where none is known."""
    return f"{amount:,} minor units" if currency is None else money_text(amount, currency)


def micros(amount: int) -> str:
    """Return millionths of a US dollar, as providers charge, to the last of them."""
    whole, rest = divmod(abs(amount), MICROS)
    return f"{'-' if amount < 0 else ''}{whole:,}.{rest:06} USD"


def source_of(lot: LotView) -> str:
    """Return the plain name of why a lot was granted."""
    return SOURCES.get(lot.source, lot.source.replace("_", " "))


def balances_table(
    *, balances: Iterable[Balance], zone: str, title: str = "", unlimited: Collection[str] = ()
) -> Table:
    """Return the wallets of a workspace: what can be spent, is held, comes next and lapses.

    What the plan meters without limit is told so, with a wallet or without one.
    """
    made = table("wallet", ">to spend", ">held", "next grant", "next lapse", title=title)
    wallets = tuple(balances)
    for kind in sorted(set(unlimited) - {each.kind for each in wallets}):
        made.add_row(kind, UNLIMITED, "0", "-", "-")
    for each in wallets:
        spendable = UNLIMITED if each.kind in unlimited else f"{each.spendable:,}"
        made.add_row(
            each.kind, f"[bold]{spendable}[/]", f"{each.held:,}",
            _due(each.next_grant_amount, each.next_grant_at, zone),
            _due(each.next_lapse_amount, each.next_lapse_at, zone),
        )  # fmt: skip
    return made


def _due(amount: int, at: datetime | None, zone: str) -> str:
    return f"{amount:,} on {told(at, zone=zone)}" if at is not None else "-"


def lots_table(*, balances: Iterable[Balance], zone: str) -> Table:
    """Return the lots of some wallets, in the order in which they are spent."""
    made = table("wallet", ">lot", "source", ">available", ">frozen", ">held", "lapses")
    for each in balances:
        for lot in each.lots:
            made.add_row(
                each.kind, str(lot.lot), source_of(lot), f"{lot.available:,}",
                f"{lot.frozen:,}", f"{lot.held:,}",
                "never" if lot.expires_at is None else told(lot.expires_at, zone=zone),
            )  # fmt: skip
    return made


def lines_table(*, lines: Iterable[Line], zone: str, catalog: Catalog | None = None) -> Table:
    """Return lines of the journal in plain words, with the running balance.

    With a catalog each tells the tool of the job that it is about; a grant tells its purchase.
    """
    made = table("when", "wallet", ">line", "what", ">to spend", ">held")
    for line in lines:
        entry, about = line.entry, ""
        if catalog is not None and line.job is not None:
            about = f" ({_tool_told(line.job, catalog)})"
        elif line.purchase_id is not None:
            about = f" (purchase {line.purchase_id})"
        made.add_row(
            told(entry.due_at, zone=zone), line.kind, str(entry.sequence),
            escape(f"{line.words}{about}"), f"{entry.available:,}", f"{entry.held:,}",
        )  # fmt: skip
    return made


def _tool_told(job: LineJob, catalog: Catalog) -> str:
    name = catalog.version(key=job.version).tool(key=job.tool).name
    return name if job.duration_s is None else f"{name}, {job.duration_s} s"


def job_line(*, job: Job, tool: str = "") -> str:
    """Return how a job stands, with what it cost; by the tool's key, or a name that is given."""
    cost = f"{counted(job.price, f'{job.kind} credit')} held"
    if job.is_metered:
        cost = f"unlimited, {counted(job.price, f'{job.kind} credit')} metered at no charge"
    elif job.captured is not None:
        cost = f"{job.captured:,} of {job.price:,} held {job.kind} credits charged"
    ending = f": {job.sentence}" if job.sentence else ""
    return escape(f"{tool or job.tool} {job.state}, {cost}{ending}")


def jobs_table(*, jobs: Iterable[Job], zone: str) -> Table:
    """Return jobs with what each holds, or was charged in the end."""
    made = table(
        "!job", "tool", "state", "??wallet", "??>held", ">charged", "??placed", "?what it shows"
    )  # fmt: skip
    for job in jobs:
        charged = "unlimited" if job.is_metered else "-"
        made.add_row(
            str(job.job_id), job.tool, job.state, job.kind, f"{job.price:,}",
            charged if job.captured is None else f"{job.captured:,}",
            told(job.created_at, zone=zone),
            escape(shorten(job.spec.prompt, PROMPT_SHOWN, placeholder="...")),
        )  # fmt: skip
    return made


def workspaces_table(*, workspaces: Sequence[Workspace]) -> Table:
    """Return workspaces by age."""
    made = table("!workspace", "name", "plan", "kind", "?created")
    for each in workspaces:
        plan = each.subscription.plan if each.subscription else "-"
        made.add_row(
            str(each.workspace_id), escape(each.name), plan, "demo" if each.is_demo else "live",
            told(each.created_at, zone=each.zone),
        )  # fmt: skip
    return made
