"""Double-entry books as the text that Beancount reads.

Owns the spelling: accounts, currencies, escaped texts, and the order of the directives. The
invariant: every transaction is balanced in each of its currencies, and the same facts give the same
text. The surprising choice: amounts are whole minor units, or millionths for what providers charge,
and the point is set when they are written, so that nothing is ever rounded.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from mutoscope.domain.money import MINOR_DIGITS

MICRO_DIGITS = 6
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": " ", "\r": " ", "\t": " ", "\x00": ""})
_CURRENCY = re.compile(r"[A-Z][A-Z0-9'._-]{0,22}[A-Z0-9]")
_NOT_IN_ACCOUNTS = re.compile(r"[^A-Za-z0-9-]+")
_NOT_IN_CURRENCIES = re.compile(r"[^A-Z0-9'._-]")
CURRENCY_LENGTH_MAX = 22


class Leg(NamedTuple):
    """An amount to an account: above 0 a debit; `digits` stand behind the point."""

    account: str
    amount: int
    currency: str
    digits: int


class Fact(NamedTuple):
    """Where a transaction stands among others: its instant, and a text that is its own."""

    at: datetime
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One fact: when it was written, what it tells, and its legs.

    `links` are ids of ours by which transactions belong together; `notes` become metadata.
    """

    fact: Fact
    on: date
    text: str
    legs: tuple[Leg, ...]
    links: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()


class Assertion(NamedTuple):
    """What an account has to hold at the start of a day."""

    on: date
    account: str
    amount: int
    currency: str
    digits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Transactions from a day on, and what they have to come to."""

    title: str
    first_on: date
    transactions: Sequence[Transaction] = field(repr=False)
    assertions: tuple[Assertion, ...] = ()


def money_leg(account: str, amount: int, currency: str) -> Leg:
    """Return a leg in minor units of a currency."""
    return Leg(account, amount, currency_name(currency), MINOR_DIGITS.get(currency.upper(), 2))


def micros_leg(account: str, micros: int) -> Leg:
    """Return a leg in millionths of a US dollar."""
    return Leg(account, micros, "USD", MICRO_DIGITS)


def account_name(*parts: str) -> str:
    """Return an account: each part begins with a capital and has letters, digits and dashes."""
    return ":".join(map(_part, parts))


def currency_name(currency: str) -> str:
    """Return a currency as Beancount spells it."""
    name = _NOT_IN_CURRENCIES.sub("-", currency.upper())[:CURRENCY_LENGTH_MAX]
    return name if _CURRENCY.fullmatch(name) else f"X{name}X"


def is_balanced(legs: Iterable[Leg]) -> bool:
    """Tell whether the legs come to nothing in every currency."""
    sums: dict[str, int] = defaultdict(int)
    for leg in legs:
        sums[leg.currency] += leg.amount * 10 ** (_DIGITS_MAX - leg.digits)
    return not any(sums.values())


def beancount_lines(books: Books) -> Iterator[str]:
    """Yield the books line by line, each with its end."""
    currencies = sorted({leg.currency for each in books.transactions for leg in each.legs})
    accounts = {leg.account for each in books.transactions for leg in each.legs}
    accounts |= {assertion.account for assertion in books.assertions}
    yield f'option "title" "{_text(books.title)}"\n'
    for currency in currencies:
        yield f'option "operating_currency" "{currency}"\n'
    yield "\n"
    for currency in currencies:
        yield f"{books.first_on} commodity {currency}\n"
    for account in sorted(accounts):
        yield f"{books.first_on} open {account}\n"
    for transaction in sorted(books.transactions, key=_order):
        yield from _transaction(transaction)
    yield "\n"
    for on, account, amount, currency, digits in sorted(books.assertions):
        yield f"{on} balance {account}  {_number(amount, digits)} {currency}\n"


_DIGITS_MAX = 6


def _order(transaction: Transaction) -> tuple[date, Fact]:
    return transaction.on, transaction.fact


def _transaction(transaction: Transaction) -> Iterator[str]:
    assert is_balanced(transaction.legs), transaction
    links = "".join(f" ^{link}" for link in transaction.links)
    yield f'\n{transaction.on} * "{_text(transaction.text)}"{links}\n'
    for name, value in transaction.notes:
        yield f'  {name}: "{_text(value)}"\n'
    for account, amount, currency, digits in transaction.legs:
        yield f"  {account}  {_number(amount, digits)} {currency}\n"


def _number(amount: int, digits: int) -> str:
    whole, rest = divmod(abs(amount), 10**digits)
    fraction = f".{rest:0{digits}}" if digits else ""
    return f"{'-' if amount < 0 else ''}{whole}{fraction}"


def _text(text: str) -> str:
    return text.translate(_ESCAPES)


def _part(text: str) -> str:
    name = _NOT_IN_ACCOUNTS.sub("-", text).strip("-")
    return f"{name[:1].upper()}{name[1:]}" if name else "Unnamed"
