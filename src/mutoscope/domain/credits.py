"""Amounts of credits, the keys of operations, and what every refusal has in common.

Invariant: an amount is a positive whole number of credits up to `AMOUNT_MAX`; direction is never a
sign but a source and a target. The limit leaves room to add up every lot of a wallet in the 64 bits
of the database.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import ClassVar

AMOUNT_MAX = 1_000_000_000_000
KEY_LENGTH_MAX = 200
KEY_PATTERN = re.compile(rf"[!-~]{{1,{KEY_LENGTH_MAX}}}\Z")
YEAR_LEAST, YEAR_MOST = 1970, 8999
"""Years of instants: beyond them a zone or a sum leaves the calendar, or means infinity in SQL."""

CODE_LENGTH_MAX = 40
CODE_PATTERN = re.compile(r"[a-z][a-z0-9_]*\Z")


class Refusal(Exception):
    """A request that cannot be granted: nothing has changed, and the sentence tells the remedy.

    `code` is permanent: clients and stored rows may rely on it.
    """

    code: ClassVar[str]


class BadAmount(Refusal):
    """An amount that is not a whole number of credits from 1 to `AMOUNT_MAX`."""

    code = "bad_amount"

    def __init__(self, *, amount: object, name: str = "amount", least: int = 1) -> None:
        super().__init__(
            f"{name} must be a whole number from {least} to {AMOUNT_MAX:,}, not {amount!r}"
        )
        self.amount = amount


class BadKey(Refusal):
    """A key, namespace or code that cannot stand in the journal."""

    code = "bad_key"

    def __init__(self, *, name: str, value: object) -> None:
        super().__init__(
            f"{name} {value!r} cannot be recorded: use 1 to {KEY_LENGTH_MAX} printable ASCII "
            "characters without spaces for a key, and a lower-case word for a code"
        )
        self.name = name
        self.value = value


class NaiveInstant(Refusal):
    """A datetime without a zone, which could mean 24 different instants, or no datetime at all."""

    code = "naive_instant"

    def __init__(self, *, name: str, value: object) -> None:
        told = value.isoformat() if isinstance(value, datetime) else repr(value)
        super().__init__(f"{name} {told} has no zone: give a datetime with an offset, as +00:00")
        self.name = name
        self.value = value


class InstantOutOfReach(Refusal):
    """An instant in a year that no ledger is kept in."""

    code = "instant_out_of_reach"

    def __init__(self, *, name: str) -> None:
        super().__init__(
            f"{name} lies out of reach: give an instant from {YEAR_LEAST} to {YEAR_MOST}"
        )
        self.name = name


def checked_amount(amount: object, *, name: str = "amount", least: int = 1) -> int:
    """Return the amount when it is a whole number of credits in range.

    :raises BadAmount: when it is a boolean, not an integer, below `least` or above `AMOUNT_MAX`.
    """
    if type(amount) is not int or not least <= amount <= AMOUNT_MAX:
        raise BadAmount(amount=amount, name=name, least=least)
    return amount


def checked_key(key: str, *, name: str = "key") -> str:
    """Return the key when it can stand in the journal.

    :raises BadKey: when it is empty, too long, or has a space or a character outside ASCII.
    """
    if not isinstance(key, str) or not KEY_PATTERN.match(key):
        raise BadKey(name=name, value=key)
    return key


def checked_code(code: str, *, name: str) -> str:
    """Return a stored code when it is a lower-case word of at most `CODE_LENGTH_MAX` characters.

    :raises BadKey: when it is not.
    """
    if not isinstance(code, str) or len(code) > CODE_LENGTH_MAX or not _is_word(code):
        raise BadKey(name=name, value=code)
    return code


@lru_cache(maxsize=1_024)  # the same few namespaces and kinds come again and again
def _is_word(code: str) -> bool:
    return CODE_PATTERN.match(code) is not None


def checked_instant(instant: datetime, *, name: str) -> datetime:
    """Return the instant in UTC.

    :raises NaiveInstant: when it has no zone, or is no datetime.
    :raises InstantOutOfReach: when its year is not from `YEAR_LEAST` to `YEAR_MOST`.
    """
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        raise NaiveInstant(name=name, value=instant)
    if not YEAR_LEAST <= instant.year <= YEAR_MOST:
        raise InstantOutOfReach(name=name)
    return instant.astimezone(UTC)
