"""One wallet of the model: where each credit is, in plain dictionaries, and what moved it.

A lot is a dictionary of where its credits are. Every move is noted; `write` makes a line of what
moved since the line before. What falls due is looked for among everything there is, each time.
"""

from calendar import monthrange
from collections import Counter
from datetime import UTC, datetime
from typing import Any, NamedTuple

PLACES = ("available", "frozen", "held", "captured", "expired", "voided", "forfeited")
_CLOSED = {"voided": "voided", "forfeited": "forfeited"}
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)

Pieces = list[tuple[int, int]]
"""Amounts taken from lots, by the lots' numbers, in the order in which they were taken."""

Coming = list[tuple[datetime, int, Any, Any]]
"""What falls due: when, which first at one instant, in which order then, and its name."""


class No(Exception):
    """A refusal, by its code."""


class Line(NamedTuple):
    """A line of the journal: what was done, when it took effect, and what moved where."""

    operation: str
    due_at: datetime
    moves: tuple[tuple[str, str, int | None, int], ...]


class Purse:
    """One wallet: its lots by number, its open holds by key, its monthly grants by subscription."""

    def __init__(self) -> None:
        self.at = LONG_AGO
        self.lots: dict[int, dict[str, Any]] = {}
        self.holds: dict[str, dict[str, Any]] = {}
        self.plans: dict[tuple[Any, int], dict[str, Any]] = {}
        self.lines: list[Line] = []
        self.outside: Counter[str] = Counter()
        self._moves: list[tuple[str, str, int | None, int]] = []

    def copied(self) -> "Purse":
        """Return a purse of its own with the same in it."""
        copy = Purse()
        copy.at = self.at
        copy.lots = {number: dict(lot) for number, lot in self.lots.items()}
        copy.holds = {key: dict(hold) for key, hold in self.holds.items()}
        copy.plans = {name: dict(plan) for name, plan in self.plans.items()}
        copy.lines, copy.outside = list(self.lines), Counter(self.outside)
        return copy

    def total(self, place: str) -> int:
        return sum(lot[place] for lot in self.lots.values())

    def write(self, operation: str, at: datetime) -> None:
        """Write a line of what has moved; it never takes effect before the line above it."""
        due_at = max(at, self.lines[-1].due_at) if self.lines else at
        self.lines.append(Line(operation, due_at, tuple(self._moves)))
        self._moves = []

    def open_lot(self, *, operation: str, amount: int, at: datetime, **terms: Any) -> int:  # noqa: ANN401 - the columns of a lot
        number = len(self.lines) + 1
        lot = {"state": "open"} | terms | {"granted": amount} | dict.fromkeys(PLACES, 0)
        place = "frozen" if lot["state"] == "frozen" else "available"
        lot[place] = amount
        self.lots[number] = lot
        self._moves.append(("issued", place, number, amount))
        self.write(operation, at)
        self.end_what_came_back([(number, amount)], at)
        return number

    def take(self, amount: int, *, into: str, at: datetime) -> Pieces:
        """Take an amount: what ends first, then what is free, then what is old."""
        usable = [
            number
            for number, lot in self.lots.items()
            if lot["available"] and lot["begins"] <= at and not self.is_over(lot, at)
        ]
        if sum(self.lots[number]["available"] for number in usable) < amount:
            raise No("insufficient_credits")
        pieces = []
        for number in sorted(usable, key=self._haste):
            part = min(amount, self.lots[number]["available"])
            if part:
                self.move(number, "available", into, part)
                pieces.append((number, part))
                amount -= part
        return pieces

    def _haste(self, number: int) -> tuple[datetime, bool, int]:
        lot = self.lots[number]
        return (lot["ends"] or NEVER, lot["is_paid"], number)

    def move(self, number: int, source: str, target: str, amount: int) -> None:
        if amount:
            self.lots[number][source] -= amount
            self.lots[number][target] += amount
            self._moves.append((source, target, number, amount))

    def pass_by(self, source: str, target: str, amount: int) -> None:
        """Count use that nobody is charged for, outside the lots."""
        if amount:
            self.outside[source] -= amount
            self.outside[target] += amount
            self._moves.append((source, target, None, amount))

    def give_back(self, pieces: Pieces, *, source: str) -> None:
        """Give pieces back to the lots that they came from; a frozen one stays frozen."""
        for number, amount in pieces:
            is_frozen = self.lots[number]["state"] == "frozen"
            self.move(number, source, "frozen" if is_frozen else "available", amount)

    def end_what_came_back(self, pieces: Pieces, at: datetime) -> None:
        """End at once what came back to lots that are over."""
        for number in dict.fromkeys(number for number, _ in pieces):
            lot = self.lots[number]
            if self.is_over(lot, at) or lot["state"] in _CLOSED:
                self.end(number, at)

    def end(self, number: int, at: datetime) -> None:
        place = _CLOSED.get(self.lots[number]["state"], "expired")
        self.empty(number, into=place)
        self.write({"voided": "void", "forfeited": "forfeit"}.get(place, "expire"), at)

    def empty(self, number: int, *, into: str) -> None:
        for place in ("available", "frozen"):
            self.move(number, place, into, self.lots[number][place])

    def is_over(self, lot: dict[str, Any], at: datetime) -> bool:
        return lot["ends"] is not None and at >= lot["ends"]

    def release(self, key: str, at: datetime) -> None:
        hold = self.holds.pop(key)
        self.pass_by("metering", "unlimited", hold["metered"])
        self.give_back(hold["pieces"], source="held")
        self.write("release", at)
        self.end_what_came_back(hold["pieces"], at)

    def catch_up(self, at: datetime) -> None:
        """Do everything that was to happen by an instant, the earliest first."""
        while coming := self.coming(until=at):
            due_at, rank, _, name = min(coming, key=lambda event: event[:3])
            (self.release, self.end, self._renew)[rank](name, due_at)

    def coming(self, *, until: datetime) -> Coming:
        """Return what is to happen by an instant: releases, lapses, monthly grants."""
        events: Coming = [
            (hold["deadline"], 0, hold["line"], key)
            for key, hold in self.holds.items()
            if hold["deadline"] <= until
        ]
        for number, lot in self.lots.items():
            ends = lot["ends"]
            if ends is not None and ends <= until and (lot["available"] or lot["frozen"]):
                events.append((ends, 1, number, number))
        for name, plan in self.plans.items():
            starts, ends = plan["starts"], plan["ends"]
            if starts <= until and (ends is None or starts < ends):
                events.append((starts, 2, name, name))
        return events

    def _renew(self, name: tuple[Any, int], at: datetime) -> None:
        plan = self.plans[name]
        plan["next"] += 1
        plan["starts"] = months_after(plan["anchor"], plan["next"])
        self.open_lot(
            operation="grant", amount=plan["amount"], at=at,
            source="plan", begins=at, ends=plan["starts"], is_paid=False,
        )  # fmt: skip


def months_after(anchor: datetime, months: int) -> datetime:
    """Return the anchor so many months later, on the month's last day when it is too short."""
    years, month = divmod(anchor.month - 1 + months, 12)
    year = anchor.year + years
    day = min(anchor.day, monthrange(year, month + 1)[1])
    return anchor.replace(year=year, month=month + 1, day=day)
