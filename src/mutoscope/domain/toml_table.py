"""A table of a TOML file, read key by key while all that is wrong with it gathers.

Owns the reading of single values: their types, limits and patterns. The invariant: a table that
was read and closed without problems had every key it must have and no other. The surprising
choice: a bad value becomes a problem and a harmless stand-in, so that one reading tells all that
is wrong; whoever reads a table looks at the problems before using what came out.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TypeVar

Choice = TypeVar("Choice", bound=StrEnum)
Item = TypeVar("Item", int, str)

CREDITS_MAX = 1_000_000_000  # no wallet needs more, and sums stay far below 64 bits
LIST_MAX = 64  # items of a list or a table; more are a mistake
SHOWN_MAX = 80  # characters of a bad value in a message

NO_INSTANT = datetime.min.replace(tzinfo=UTC)  # stands in for a bad one

KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
TEXT = re.compile(r"[^\x00-\x1f\x7f]{1,500}")
_YEARS = range(2000, 2500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a file: where, the value found there, and how to put it right."""

    key: str
    value: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.key} is {self.value}: {self.remedy}"


@dataclass(slots=True, kw_only=True)
class Table:
    """A table under its path, the keys asked for so far, and the problems of the whole file."""

    path: str
    content: Mapping[str, object]
    problems: list[Problem]
    asked: set[str] = field(default_factory=set)

    def place(self, *, key: str) -> str:
        """Return the path of a key as an operator would look for it in the file."""
        return f"{self.path}.{key}" if self.path else key

    def complain(self, *, key: str, remedy: str) -> None:
        """Note that the value of a key is wrong, or missing."""
        found = shown(value=self.content[key]) if key in self.content else "missing"
        self.problems.append(Problem(key=self.place(key=key), value=found, remedy=remedy))

    def has(self, *, key: str) -> bool:
        """Tell whether an optional key is there."""
        self.asked.add(key)
        return key in self.content

    def whole(self, *, key: str, at_least: int = 1, at_most: int = CREDITS_MAX) -> int:
        """Read a whole number; true and false are none."""
        value = self._value(key)
        if type(value) is int and at_least <= value <= at_most:
            return value
        self.complain(key=key, remedy=f"give a whole number from {at_least} to {at_most}")
        return at_least

    def flag(self, *, key: str) -> bool:
        """Read true or false."""
        value = self._value(key)
        if isinstance(value, bool):
            return value
        self.complain(key=key, remedy="give true or false")
        return False

    def text(self, *, key: str, example: str, pattern: re.Pattern[str] = TEXT) -> str:
        """Read a text that matches a pattern as a whole."""
        value = self._value(key)
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        self.complain(key=key, remedy=f'give a text such as "{example}"')
        return example

    def choice(self, *, key: str, choices: type[Choice]) -> Choice:
        """Read one of the words of an enumeration."""
        value = self._value(key)
        for choice in choices:
            if choice.value == value:
                return choice
        self.complain(key=key, remedy=f"choose one of {', '.join(choices)}")
        return next(iter(choices))

    def choices(self, *, key: str, choices: type[Choice]) -> frozenset[Choice]:
        """Read a list of different words of an enumeration; it may be empty."""
        words = {choice.value: choice for choice in choices}
        remedy = f"give a list of different words out of {', '.join(choices)}, or []"
        found = self._listed(key, remedy, str, words.__contains__)
        return frozenset(words[word] for word in found)

    def wholes(self, *, key: str, at_least: int = 1, at_most: int) -> tuple[int, ...]:
        """Read a list of one or more different whole numbers."""
        remedy = f"give a list of different whole numbers from {at_least} to {at_most}"
        found = self._listed(key, remedy, int, lambda item: at_least <= item <= at_most)
        return self._filled(key, found, remedy)

    def texts(self, *, key: str, example: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
        """Read a list of one or more different texts that each match a pattern as a whole."""
        remedy = f'give a list of different texts such as "{example}"'
        found = self._listed(key, remedy, str, lambda item: bool(pattern.fullmatch(item)))
        return self._filled(key, found, remedy)

    def instant(self, *, key: str) -> datetime:
        """Read an aware date-time and return it in UTC."""
        value = self._value(key)
        if isinstance(value, datetime) and value.tzinfo is not None and value.year in _YEARS:
            return value.astimezone(UTC)
        self.complain(key=key, remedy="give a date and time with its zone: 2025-01-31T00:00:00Z")
        return NO_INSTANT

    def table(self, *, key: str) -> "Table":
        """Read a table inside this one; a missing one is told once and reads as empty."""
        value = self._value(key)
        if isinstance(value, dict):
            return self._inner(key, value)
        self.complain(key=key, remedy="give a table of that name")
        return Table(path=self.place(key=key), content={}, problems=[])

    def tables(self, *, key: str) -> Iterator[tuple[str, "Table"]]:
        """Read the named tables of a table, in the order of the file."""
        outer = self.table(key=key)
        for name, value in list(outer.content.items())[:LIST_MAX]:
            if not KEY.fullmatch(name):
                outer.complain(key=name, remedy="name it with small letters, digits and _")
            elif not isinstance(value, dict):
                outer.complain(key=name, remedy="give a table of that name")
            else:
                yield name, outer._inner(name, value)  # noqa: SLF001 - the same class
        if len(outer.content) > LIST_MAX:
            self.complain(key=key, remedy=f"give at most {LIST_MAX} tables")

    def close(self) -> None:
        """Note every key that nobody asked for."""
        for key in self.content:
            if key not in self.asked:
                known = ", ".join(sorted(self.asked))
                self.complain(key=key, remedy=f"remove it; the keys known here are {known}")

    def _inner(self, key: str, content: dict[str, object]) -> "Table":
        return Table(path=self.place(key=key), content=content, problems=self.problems)

    def _value(self, key: str) -> object:
        self.asked.add(key)
        return self.content.get(key)

    def _listed(
        self, key: str, remedy: str, of: type[Item], is_good: Callable[[Item], bool]
    ) -> tuple[Item, ...]:
        value = self._value(key)
        items = value if isinstance(value, list) and len(value) <= LIST_MAX else [None]
        good = [item for item in items if type(item) is of and is_good(item)]
        if len(set(good)) == len(items):
            return tuple(good)
        self.complain(key=key, remedy=remedy)
        return ()

    def _filled(self, key: str, found: tuple[Item, ...], remedy: str) -> tuple[Item, ...]:
        if self.content.get(key) == []:
            self.complain(key=key, remedy=remedy)
        return found


def shown(*, value: object) -> str:
    """Return a value as a short text for a message, as the file has it, however long it is."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return value.isoformat()
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python writes out
        return "a number of thousands of digits"
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"
