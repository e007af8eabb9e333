"""Tables that stay readable however narrow the terminal is.

Invariant: an id is never broken, and what is left out is said. A table that is too wide leaves out
columns that may be missed; where that is not enough its rows are told one below another, a line for
each column that has something in it.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

NOTHING: Final = "(none)"
"""What stands under the names of the columns where there is nothing to list."""

MARKS: Final = ">!?"
"""What may stand before a column's name."""

PROSE_LEAST: Final = 12
"""Characters below which a column of words is no pleasure to read: a date has 11."""

GAP: Final = 3
"""Characters between two columns."""


WIDTH_MAX: Final = 10_000
"""Characters beyond which no line is measured."""


class Span(NamedTuple):
    """The least width of a column in which no word of it is broken, and the most that it fills."""

    least: int
    most: int


class Listing(Table):
    """A table that keeps to the width that there is, and says so when nothing stands in it.

    A column whose name begins with > stands at the right; one that begins with ! has ids, which are
    not broken across lines; one that begins with ? may be left out, with ?? sooner, the last first.
    """

    def __init__(self, columns: Sequence[str], *, title: str = "") -> None:
        """Make it empty, with its columns."""
        super().__init__(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        self.heading = title
        ranked: list[tuple[int, int]] = []
        for place, name in enumerate(columns):
            plain = name.lstrip(MARKS)
            marks = name[: len(name) - len(plain)]
            ranked += [(marks.count("?"), place)] if "?" in marks else []
            self.add_column(
                plain, justify="right" if ">" in marks else "left",
                no_wrap=">" in marks or "!" in marks, overflow="fold",
            )  # fmt: skip
        self.optional = [place for _, place in sorted(ranked)]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the rows, as a table where it fits, or that there are none."""
        if self.heading:
            yield console.render_str(self.heading, style="table.title")
        spans = [_span(console, options, column) for column in self.columns]
        kept = self._fitting(spans, options.max_width)
        if kept:
            yield self._beside(kept, spans, options.max_width)
        else:
            yield from self._records(console)
        missed = [str(each.header) for at, each in enumerate(self.columns) if at not in kept]
        if kept and missed:
            yield f"Not shown, for want of width: {', '.join(missed)}. `--json` has all."
        if not self.rows:
            yield NOTHING

    def _fitting(self, spans: Sequence[Span], width: int) -> list[int]:
        """Return the places of columns that fit beside one another; none when too few would."""
        kept, optional = list(range(len(spans))), list(self.optional)
        while sum(spans[place].least + GAP for place in kept) - GAP > width:
            if not optional:
                return []
            kept.remove(optional.pop())
        return kept

    def _beside(self, kept: Sequence[int], spans: Sequence[Span], width: int) -> Table:
        """Return a table of some of the columns, as wide as they may be, with no word broken."""
        made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        room = width - GAP * (len(kept) - 1)
        for place, wide in zip(kept, _shared([spans[at] for at in kept], room), strict=True):
            column = self.columns[place]
            made.add_column(
                column.header, justify=column.justify, no_wrap=column.no_wrap, overflow="fold",
                width=wide,
            )  # fmt: skip
        cells = zip(*(self.columns[place].cells for place in kept), strict=True)
        for row, each in zip(self.rows, cells, strict=True):
            made.add_row(*each, end_section=row.end_section)
        return made

    def _records(self, console: Console) -> Iterator[RenderableType]:
        names = [str(column.header) for column in self.columns]
        width = max(map(len, names))
        for cells in zip(*(column.cells for column in self.columns), strict=True):
            for column, name, cell in zip(self.columns, names, cells, strict=True):
                if not str(cell):
                    continue
                line = Text(f"{name:<{width}}  ", style="bold") + console.render_str(str(cell))
                line.no_wrap, line.overflow = column.no_wrap, "ignore" if column.no_wrap else "fold"
                yield line
            yield ""


def _span(console: Console, options: ConsoleOptions, column: Column) -> Span:
    """Return how wide a column is that nothing of it is broken, and that it stands on one line."""
    wide = options.update(max_width=WIDTH_MAX)
    measured = [Measurement.get(console, wide, each) for each in (column.header, *column.cells)]
    most = max(each.maximum for each in measured)
    least = max(min(most, PROSE_LEAST), *(each.minimum for each in measured))
    return Span(most if column.no_wrap else least, most)


def _shared(spans: Sequence[Span], room: int) -> list[int]:
    """Return a width for each column: what is left over goes to all that want more, alike."""
    widths = [span.least for span in spans]
    spare = room - sum(widths)
    by_want = sorted(range(len(spans)), key=lambda at: spans[at].most - spans[at].least)
    for count, at in enumerate(by_want):
        given = min(spans[at].most - spans[at].least, spare // (len(spans) - count))
        widths[at] += given
        spare -= given
    return widths
