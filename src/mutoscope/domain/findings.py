"""Findings: what a verification reports, row by row.

Invariant: a finding names one row (table, wallet, number), what was expected there and what was
found, so that somebody can look at it. Codes are permanent, since answers with them are signed and
kept. The surprising choice: only the first findings are listed, but all are counted.
"""

from collections import Counter
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

LISTED_MAX: Final = 100
"""Findings that are listed: one broken wallet is enough to begin with, a flood helps nobody."""


class Fault(StrEnum):
    """What can be wrong with a row."""

    SEQUENCE_GAP = "sequence_gap"
    HASH_BROKEN = "hash_broken"
    LINE_AMBIGUOUS = "line_ambiguous"
    TIME_WENT_BACK = "time_went_back"
    POSTED_BEFORE_DUE = "posted_before_due"
    ORDINAL_GAP = "ordinal_gap"
    POSTING_WITHOUT_ENTRY = "posting_without_entry"
    TERMS_WITHOUT_GRANT = "terms_without_grant"
    TERMS_MISSING = "terms_missing"
    NOTE_WITHOUT_ENTRY = "note_without_entry"
    NOTE_CHANGED = "note_changed"
    KEY_REPEATED = "key_repeated"
    OPERATION_UNKNOWN = "operation_unknown"
    MOVE_NOT_PERMITTED = "move_not_permitted"
    AMOUNT_NOT_POSITIVE = "amount_not_positive"
    POSTINGS_DIFFER = "postings_differ"
    BALANCE_DIFFERS = "balance_differs"
    LOT_UNKNOWN = "lot_unknown"
    LAPSED_TOO_EARLY = "lapsed_too_early"
    LAPSE_MISSED = "lapse_missed"
    HOLD_NOT_OPEN = "hold_not_open"
    CAPTURE_EXCEEDS_HOLD = "capture_exceeds_hold"
    REFUND_WITHOUT_CAPTURE = "refund_without_capture"
    REFUND_EXCEEDS_CAPTURE = "refund_exceeds_capture"
    REFERENCE_NOT_EARLIER = "reference_not_earlier"
    PERIOD_GRANTED_TWICE = "period_granted_twice"
    ROW_MISSING = "row_missing"
    ROW_WITHOUT_JOURNAL = "row_without_journal"
    ROW_DIFFERS = "row_differs"
    WAKES_TOO_LATE = "wakes_too_late"
    CHECKPOINT_FORGED = "checkpoint_forged"
    CHECKPOINT_OUT_OF_ORDER = "checkpoint_out_of_order"
    JOURNAL_CUT = "journal_cut"
    JOURNAL_REWRITTEN = "journal_rewritten"


class Finding(NamedTuple):
    """A row that is not what it should be.

    `number` is the row's sequence, lot or checkpoint; a finding about a wallet as such has 0.
    """

    fault: Fault
    table: str
    workspace_id: UUID | None
    kind: str | None
    number: int
    expected: str
    found: str

    def sentence(self) -> str:
        """Return the finding as one line for a person."""
        place = f"{self.workspace_id}/{self.kind} " if self.workspace_id else ""
        return (
            f"{self.fault}: {self.table} {place}{self.number}: "
            f"expected {self.expected}, found {self.found}"
        )


class Findings:
    """All findings of a verification: the first of them, and how many of each fault."""

    __slots__ = ("counts", "listed")

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.listed: list[Finding] = []

    def add(self, finding: Finding) -> None:
        """Count a finding, and list it while there is room."""
        self.counts[finding.fault] += 1
        if len(self.listed) < LISTED_MAX:
            self.listed.append(finding)


class Broken(Exception):
    """An entry that the rules do not allow after those before it."""

    def __init__(self, *, fault: Fault, expected: object, found: object) -> None:
        super().__init__(f"{fault}: expected {expected}, found {found}")
        self.fault = fault
        self.expected = str(expected)
        self.found = str(found)
