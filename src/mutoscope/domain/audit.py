"""The audit: a line for each action of staff, chained by hashes, and why it was done beside it.

Invariant: a line holds ids, codes and amounts alone; the reason, where there is one, is there as a
salted digest, so that its text can be erased without breaking a hash. The chain is that of the
journal (`journal.chained`), one for the whole house, its sequence without gaps.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.domain.findings import Fault, Finding
from mutoscope.domain.journal import GENESIS, chained, microseconds

FORMAT_VERSION: Final = 1
LINES: Final = "audit_lines"
REASONS: Final = "audit_reasons"
REASON_MIN: Final = 8
REASON_MAX: Final = 500
OPERATOR: Final = UUID(int=0)
"""Who acted when the operator worked on the machine itself, before there was any staff."""

_NAMED: Final = re.compile(r"(operator:\S+@\S+): ")
"""How the reason of a line begins that the operator wrote: with their name on the machine."""

_WORD: Final = re.compile(r"[!-~]{0,200}")
_DIGEST_BYTES: Final = 16

Value = str | int | bool | None


class BadReason(Refusal):
    """An action of staff without a reason that somebody else could understand."""

    code = "bad_reason"

    def __init__(self) -> None:
        super().__init__(
            f"say why, in {REASON_MIN} to {REASON_MAX} characters: it is kept with what you do"
        )


class AuditLine(NamedTuple):
    """One action; the fields stand in the table's order.

    An empty `reason_digest` is that of a line that never had a reason.
    """

    sequence: int
    staff_id: UUID
    action: str
    workspace_id: UUID | None
    key: str | None
    digest: bytes | None
    reason_digest: bytes
    data: str
    at: datetime
    hash: bytes


class AuditHead(NamedTuple):
    """Where the chain has come to: its last line, or the beginning of a chain without one."""

    sequence: int
    hash: bytes


class Reason(NamedTuple):
    """Why, beside a line, unless it was erased."""

    salt: bytes
    text: str

    def digest(self) -> bytes:
        """Return what the line keeps of it."""
        return sha256(self.salt + self.text.encode()).digest()[:_DIGEST_BYTES]


class AuditChain:
    """Where a reading of the audit has come to, and how many reasons were erased so far."""

    __slots__ = ("erased", "head", "lines", "sequence")

    def __init__(self) -> None:
        self.sequence = self.lines = self.erased = 0
        self.head = GENESIS

    def findings(self, pairs: Iterable[tuple[AuditLine, Reason | None]]) -> Iterator[Finding]:
        """Take in the next lines with their reasons, and yield what is wrong with them."""
        for line, reason in pairs:
            if line.sequence != self.sequence + 1:
                yield finding(Fault.SEQUENCE_GAP, line, self.sequence + 1, line.sequence)
            made = chained(previous=self.head, line=canonical_line(line))
            if made != line.hash:
                yield finding(Fault.HASH_BROKEN, line, made.hex(), line.hash.hex())
            if reason is None:
                self.erased += bool(line.reason_digest)
            elif reason.digest() != line.reason_digest:
                found = reason.digest().hex()
                yield finding(Fault.NOTE_CHANGED, line, line.reason_digest.hex(), found)
            self.head, self.sequence = line.hash, line.sequence
            self.lines += 1


def finding(fault: Fault, line: AuditLine, expected: object, found: object) -> Finding:
    """Return what is wrong with a line."""
    return Finding(fault, LINES, line.workspace_id, None, line.sequence, str(expected), str(found))


def canonical_line(line: AuditLine) -> str:
    """Return the text that a line's hash covers: every field but the hash, the data last."""
    digest = "-" if line.digest is None else line.digest.hex()
    return (
        f"audit {FORMAT_VERSION} {line.sequence} {line.staff_id} {line.action} "
        f"{line.workspace_id or '-'} {line.key or '-'} {digest} {line.reason_digest.hex() or '-'} "
        f"{microseconds(line.at)} {canonical_data(json.loads(line.data))}"
    )


def canonical_data(data: Mapping[str, Value]) -> str:
    """Return a line's data as the one text that they have, whatever order they came in."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def checked_data(data: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return the data of a line to be written: ids, codes and amounts, never prose."""
    for name, value in data.items():
        is_plain = not isinstance(value, str) or _WORD.fullmatch(value)
        assert is_plain, f"{name} is prose: the audit keeps ids, codes and amounts alone"
    return data


def content_digest(*, action: str, workspace_id: UUID | None, data: Mapping[str, Value]) -> bytes:
    """Return 16 bytes that are equal for repeats that ask for the same; the reason may differ."""
    text = f"{action} {workspace_id or '-'} {canonical_data(data)}"
    return sha256(text.encode()).digest()[:_DIGEST_BYTES]


def operator_name(reason: Reason | None) -> str:
    """Return who the operator was by the reason of a line; without its text nobody can tell."""
    found = None if reason is None else _NAMED.match(reason.text)
    return "operator" if found is None else found[1]


def checked_reason(reason: str) -> str:
    """Return a reason without the space around it.

    :raises BadReason: when it is too short or too long to be one, or is no text.
    """
    text = reason.strip()
    if not REASON_MIN <= len(text) <= REASON_MAX or "\x00" in text:
        raise BadReason
    return text
