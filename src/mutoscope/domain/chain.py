"""The chain of one wallet, checked link by link: sequences without gaps, and every hash anew.

Invariant: each line is held against the stored hash of the line before it, so that a changed line
is named once and the lines after it are not blamed. A line whose text could be read in two ways
(an absent field written as "-", a space inside a field) is refused: its hash proves nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from mutoscope.domain.findings import Fault, Finding
from mutoscope.domain.journal import GENESIS, Entry, canonical_line, chained

ENTRIES: Final = "entries"
_SPACES: Final = 18
_SPACES_OF_TERMS: Final = 5
_ABSENT: Final = frozenset({"", "-"})
_AMBIGUOUS: Final = ""


class Link(NamedTuple):
    """What the chain needs of an entry: its canonical line, and the hash that it claims."""

    sequence: int
    hash: bytes
    has_terms: bool
    line: str


class Chain:
    """Where the chain of a wallet has come to: the last entry's sequence and hash."""

    __slots__ = ("head", "kind", "sequence", "workspace_id")

    def __init__(self, *, workspace_id: UUID, kind: str) -> None:
        self.workspace_id = workspace_id
        self.kind = kind
        self.sequence = 0
        self.head = GENESIS

    def findings(self, links: Iterable[Link]) -> Iterator[Finding]:
        """Take in the next links and yield what is wrong with them."""
        head, last = self.head, self.sequence
        for sequence, claimed, has_terms, line in links:
            if sequence != last + 1:
                yield self._finding(Fault.SEQUENCE_GAP, sequence, last + 1, sequence)
            made = chained(previous=head, line=line)
            if made != claimed:
                yield self._finding(Fault.HASH_BROKEN, sequence, made.hex(), claimed.hex())
            if line.count(" ") != (_SPACES + _SPACES_OF_TERMS if has_terms else _SPACES):
                yield self._finding(Fault.LINE_AMBIGUOUS, sequence, "no space in a field", line)
            head, last = claimed, sequence
        self.head, self.sequence = head, last

    def links(self, entries: Sequence[Entry]) -> list[Link]:
        """Return the links of some entries of this wallet, their lines made anew."""
        workspace_id, kind = self.workspace_id, self.kind
        return [
            Link(
                entry[0],
                entry.hash,
                entry.terms is not None,
                _AMBIGUOUS
                if is_ambiguous(entry)
                else canonical_line(workspace_id=workspace_id, kind=kind, entry=entry),
            )
            for entry in entries
        ]

    def _finding(self, fault: Fault, number: int, expected: object, found: object) -> Finding:
        return Finding(
            fault, ENTRIES, self.workspace_id, self.kind, number, str(expected), str(found)
        )


def is_ambiguous(entry: Entry) -> bool:
    """Tell whether a field of an entry only looks absent, so that its line has a second reading.

    Postings are left out: the replay compares their lots themselves.
    """
    return (
        entry.refers_to == 0
        or entry.reason in _ABSENT
        or entry.note_digest == b""
        or (entry.terms is not None and entry.terms.reference in _ABSENT)
    )
