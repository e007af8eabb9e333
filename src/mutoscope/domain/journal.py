"""Entries and postings: the immutable lines of a wallet, and the chain of hashes through them.

Invariant: the hash of an entry is SHA-256 of the previous entry's hash and the entry's canonical
line, so that no line can be changed, dropped or moved without breaking every later hash. The line
is one text of fields joined by single spaces; absent fields are "-", and no field has a space in
it (`credits.checked_key`), so a line reads in one way only. It begins with the format's version.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from mutoscope.domain.lots import Terms

FORMAT_VERSION = 1
ABSENT = "-"
"""What stands in a line for a field that has no value."""

GENESIS = bytes(32)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Posting(NamedTuple):
    """A positive amount from a source to a target, of one lot (None outside the lots)."""

    source: str
    target: str
    lot: int | None
    amount: int


class Attribution(NamedTuple):
    """Who caused an entry, where there is one: a member, a project, an API key."""

    member_id: UUID | None = None
    project_id: UUID | None = None
    api_key_id: UUID | None = None


NOBODY = Attribution()


class Entry(NamedTuple):
    """One line of a wallet's journal.

    `sequence` counts from 1 without gaps. `due_at` is when it took effect, `posted_at` when it was
    written. `refers_to` is the sequence of the entry or lot that it is about. `digest` tells
    whether a repeated key asks for the same. `available` and `held` are the wallet's, afterwards.
    `terms` are of the lot that a grant opens.
    """

    sequence: int
    operation: str
    namespace: str
    key: str
    digest: bytes
    due_at: datetime
    posted_at: datetime
    refers_to: int | None
    reason: str | None
    available: int
    held: int
    attribution: Attribution
    note_digest: bytes | None
    postings: tuple[Posting, ...]
    terms: Terms | None
    hash: bytes


@lru_cache(maxsize=1_024)  # the entries of a batch share their instant
def microseconds(instant: datetime) -> int:
    """Return an instant as whole microseconds since 1970 in UTC."""
    return (instant - EPOCH) // _MICROSECOND


def canonical_line(*, workspace_id: UUID, kind: str, entry: Entry) -> str:
    """Return the text that an entry's hash covers: every field but the hash."""
    beginning = line_beginning(workspace_id=workspace_id, kind=kind)
    return line_of(fields=entry[:-1], beginning=beginning)


def line_beginning(*, workspace_id: UUID, kind: str) -> str:
    """Return what every line of a wallet begins with."""
    return f"{FORMAT_VERSION} {workspace_id} {kind}"


def line_of(*, fields: tuple[Any, ...], beginning: str) -> str:
    """Return the line of an entry's fields, all but its hash, in a wallet's line beginning."""
    (
        sequence, operation, namespace, key, digest, due_at, posted_at, refers_to, reason,
        available, held, who, note_digest, postings, terms,
    ) = fields  # fmt: skip
    posted = microseconds(posted_at)
    due = posted if due_at is posted_at else microseconds(due_at)
    moves = ",".join([f"{p[0]}>{p[1]}:{p[2] or '-'}:{p[3]}" for p in postings])
    whom = "- - -" if who is NOBODY else " ".join([str(each or "-") for each in who])
    return (
        f"{beginning} {sequence} {operation} {namespace} {key} {digest.hex()} {due} {posted} "
        f"{refers_to or '-'} {reason or '-'} {available} {held} {whom} "
        f"{note_digest.hex() if note_digest else '-'} "
        f"{moves or '-'}{_terms_text(terms) if terms else ''}"
    )


def chained(*, previous: bytes, line: str) -> bytes:
    """Return the hash of a line that follows the entry whose hash is `previous`."""
    return sha256(previous + line.encode()).digest()


def _terms_text(terms: Terms) -> str:
    expires = microseconds(terms.expires_at) if terms.expires_at else "-"
    is_free = terms.paid_amount is None and terms.currency is None
    paid = "-" if is_free else f"{terms.paid_amount}:{terms.currency}"
    return (
        f" {terms.source} {terms.reference or '-'} {microseconds(terms.effective_at)} "
        f"{expires} {paid}"
    )
