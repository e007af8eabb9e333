"""The desk: what an action of staff is given, and from which amount on it takes two of them.

Owns the reading of an action's fields and the operator's rules for the desk, which are data of the
catalog. Invariant: what was read has every field that the action needs, no other, and nothing in it
is prose, so that all of it can stand in the audit.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from mutoscope.domain.audit import Value
from mutoscope.domain.credits import AMOUNT_MAX, Refusal
from mutoscope.domain.toml_table import KEY

_WORD: Final = re.compile(r"[!-~]{1,200}")
_AMOUNTS: Final = re.compile(rf"{KEY.pattern}=[0-9]{{1,10}}(,{KEY.pattern}=[0-9]{{1,10}})*")
_YEARS: Final = range(2000, 2500)


class FieldKind(StrEnum):
    """What stands in a field."""

    CODE = "code"
    WORD = "word"
    CREDITS = "credits"
    COUNT = "count"
    MONEY = "money"
    INSTANT = "instant"
    ID = "id"
    FLAG = "flag"
    AMOUNTS = "amounts"


class BadDeskData(Refusal):
    """A field of a desk action that is missing, unknown, or not what it has to be."""

    code = "bad_desk_data"

    def __init__(self, *, field: str, remedy: str) -> None:
        super().__init__(f"{field[:80]} cannot be used: {remedy}")
        self.field = field


class SecondPersonNeeded(Refusal):
    """Somebody who proposed, or belongs to the workspace, in the place of the second person."""

    code = "second_person_needed"

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"{reason}: let somebody else of the staff do this")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of an action; `choices` are the words that it may have, where they are few."""

    name: str
    kind: FieldKind
    is_needed: bool = True
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Goodwill credits of a kind that may be given in a calendar month of UTC."""

    kind: str
    credits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRules:
    """The operator's rules: without an amount or a budget there is no limit.

    What gives or takes more than `four_eyes_above` credits at once takes two people.
    """

    four_eyes_above: int | None = None
    budgets: tuple[Budget, ...] = ()

    def needs_second(self, *, credits_moved: int) -> bool:
        """Tell whether so many credits take two people."""
        return self.four_eyes_above is not None and credits_moved > self.four_eyes_above

    def budget(self, *, kind: str) -> int:
        """Return the goodwill of a month; an unlimited one is more than anybody can give."""
        return next((one.credits for one in self.budgets if one.kind == kind), AMOUNT_MAX * 1_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One more press that an action offers, with its key, so that several give it once."""

    action: str
    data: Mapping[str, Value]
    key: str


def goodwill_offer(data: Mapping[str, Any]) -> Offer | None:
    """Return the goodwill in the place of a job's credits that lapsed as they were given back."""
    if "lapsed" not in data or "job_id" not in data:
        return None
    given: dict[str, Value] = {"kind": data["kind"], "credits": data["lapsed"]}
    return Offer(action="goodwill", data=given, key=f"goodwill/{data['job_id']}")


NO_RULES: Final = DeskRules()


def desk_data(*, fields: tuple[Field, ...], given: Mapping[str, object]) -> dict[str, Value]:
    """Return what was given for an action's fields; fields that need not be there may lack.

    :raises BadDeskData: when a field is missing, unknown, or not what it has to be.
    """
    known = {field.name for field in fields}
    for name in given:
        if name not in known:
            remedy = f"there is no such field here, only {', '.join(sorted(known)) or 'none'}"
            raise BadDeskData(field=str(name), remedy=remedy)
    found: dict[str, Value] = {}
    for field in fields:
        value = given.get(field.name)
        if value is not None:
            found[field.name] = _value(field, value)
        elif field.is_needed:
            raise BadDeskData(field=field.name, remedy=f"it is missing: {_REMEDIES[field.kind]}")
    return found


def text_of(instant: datetime) -> str:
    """Return an instant as it stands in data."""
    return instant.astimezone(UTC).isoformat()


def amounts_of(text: str) -> dict[str, int]:
    """Return credits by kind as they stand in data, such as `image=10,video=2000`."""
    pairs = (part.partition("=") for part in text.split(",") if part)
    return {kind: int(amount) for kind, _, amount in pairs}


def amounts_text(amounts: Mapping[str, int]) -> str:
    """Return credits by kind as they stand in data; the order of the kinds is always the same."""
    return ",".join(f"{kind}={amount}" for kind, amount in sorted(amounts.items()))


def _value(field: Field, value: object) -> Value:
    read = _READERS[field.kind](value)
    if read is None or (field.choices and read not in field.choices):
        remedy = f"choose one of {', '.join(field.choices)}" if field.choices else ""
        raise BadDeskData(field=field.name, remedy=remedy or _REMEDIES[field.kind])
    return read


def _code(value: object) -> Value:
    return value if isinstance(value, str) and KEY.fullmatch(value) else None


def _word(value: object) -> Value:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def _count(value: object) -> Value:
    return value if type(value) is int and 1 <= value <= AMOUNT_MAX else None


def _money(value: object) -> Value:
    return value if type(value) is int and 0 <= value <= AMOUNT_MAX else None


def _flag(value: object) -> Value:
    return value if isinstance(value, bool) else None


def _instant(value: object) -> Value:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if found is None or found.tzinfo is None or found.year not in _YEARS:
        return None
    return text_of(found)


def _amounts(value: object) -> Value:
    if not isinstance(value, str) or not _AMOUNTS.fullmatch(value):
        return None
    found = amounts_of(value)
    is_whole = len(found) == value.count("=") and max(found.values()) <= AMOUNT_MAX
    return amounts_text(found) if is_whole else None


def _id(value: object) -> Value:
    try:
        return str(UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None


_READERS: Final[Mapping[FieldKind, Callable[[object], Value]]] = {
    FieldKind.CODE: _code, FieldKind.WORD: _word, FieldKind.CREDITS: _count,
    FieldKind.COUNT: _count,
    FieldKind.MONEY: _money, FieldKind.INSTANT: _instant, FieldKind.ID: _id, FieldKind.FLAG: _flag,
    FieldKind.AMOUNTS: _amounts,
}  # fmt: skip
_REMEDIES: Final[Mapping[FieldKind, str]] = {
    FieldKind.CODE: "give a word of small letters, digits and _",
    FieldKind.WORD: "give printable ASCII without spaces",
    FieldKind.CREDITS: f"give a whole number of credits from 1 to {AMOUNT_MAX:,}",
    FieldKind.COUNT: f"give a whole number from 1 to {AMOUNT_MAX:,}",
    FieldKind.MONEY: "give a whole number of minor units, 0 or more",
    FieldKind.INSTANT: "give an instant with its offset, such as 2026-01-31T09:00:00Z",
    FieldKind.ID: "give an id",
    FieldKind.FLAG: "give true or false",
    FieldKind.AMOUNTS: "give credits by kind, such as image=500,video=2000",
}
