"""The audit of staff: what is written beside each action, and the proof that nobody changed it.

Invariant: the rows of `audit_rows` commit in the transaction of what they tell, so that nothing is
done without its line and no line tells what was not done. The surprising choice: the end of the
chain stands in a row of its own, so that lines cut off at the end are missed, too; a head that was
noted elsewhere (`known`) finds even a chain that was rewritten as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.domain.audit import (
    LINES,
    OPERATOR,
    REASONS,
    AuditChain,
    AuditHead,
    Reason,
    Value,
    canonical_data,
    checked_data,
    checked_reason,
)
from mutoscope.domain.credits import Refusal
from mutoscope.domain.findings import LISTED_MAX, Fault, Finding, Findings
from mutoscope.domain.planner import Submission
from mutoscope.domain.staff import Actor, StaffAction, require, require_recent
from mutoscope.storage import audit
from mutoscope.storage.audit import AuditRow
from mutoscope.storage.session import SideRow, SideRowRefused

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.storage.database import Connection

HEAD: Final = "audit_head"


class NoReason(Refusal):
    """A line of the audit beside which no reason stands, or none any more."""

    code = "no_reason"

    def __init__(self, *, sequence: int) -> None:
        super().__init__(f"no reason stands beside line {sequence}: `audit list` tells the lines")
        self.sequence = sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditVerification:
    """What was read of the audit, where it ends, and what is wrong with it."""

    is_clean: bool
    lines: int
    erased_reasons: int
    sequence: int
    head: bytes
    findings: tuple[Finding, ...]


def audit_rows(
    *, actor: Actor, action: StaffAction, workspace_id: UUID | None, reason: Reason | None,
    data: Mapping[str, Value], at: datetime,
) -> tuple[SideRow, ...]:  # fmt: skip
    """Return what has to commit with an action of staff; `why` makes the reason, if one is told."""
    row = AuditRow(
        staff_id=actor.staff_id, action=action.value, workspace_id=workspace_id, key=None,
        digest=None, reason=reason, data=canonical_data(checked_data(data)), at=at,
    )  # fmt: skip
    return (SideRow(audit.write_audit, row, audit.RANK),)


def why(studio: Studio, reason: str) -> Reason:
    """Return a reason with the salt of its digest.

    :raises BadReason: when it is none that somebody else could understand.
    """
    return Reason(salt=studio.ids.new().bytes, text=checked_reason(reason))


def keyed(rows: tuple[SideRow, ...], *, key: str, digest: bytes) -> tuple[SideRow, ...]:
    """Return the rows of one action so that nothing commits a second time under its key."""
    (only,) = rows
    row = AuditRow(*only.row)._replace(key=key, digest=digest)
    return (SideRow(only.writer, row, only.rank),)


def operator(*, at: datetime) -> Actor:
    """Return who acts when the operator works on the machine itself, in nobody's name."""
    return Actor(
        staff_id=OPERATOR, name="operator", roles=frozenset(), authenticated_at=at, email=""
    )


async def erase_reason(studio: Studio, actor: Actor, *, sequence: int, reason: str) -> None:
    """Erase why a line was written, for it named somebody; that it was erased is a line itself.

    :raises NotAllowed: when the actor is no admin.
    :raises NotReauthenticated: when the password was not given just now.
    :raises NoReason: when there is none beside that line.
    :raises BadReason: when the reason for it is none.
    """
    at = studio.clock.now()
    require(actor, StaffAction.ERASE_REASON)
    require_recent(actor, at=at)
    rows = audit_rows(
        actor=actor, action=StaffAction.ERASE_REASON, workspace_id=None,
        reason=why(studio, reason),
        data={"sequence": sequence}, at=at,
    )  # fmt: skip
    erased = SideRow(audit.erase_reasons, (sequence,))
    try:
        await studio.journal.submit(Submission(()), side_rows=(erased, *rows))
    except SideRowRefused:
        raise NoReason(sequence=sequence) from None


async def verify_audit(
    connection: Connection, *, known: AuditHead | None = None
) -> AuditVerification:
    """Compute every hash anew, and hold the chain's end against its row and a head noted before.

    To be called in a transaction, so that all is of one snapshot.
    """
    chain, findings = AuditChain(), Findings()
    known_hash: bytes | None = None
    async for part in audit.parts(connection):
        for found in chain.findings((told.line, told.reason) for told in part):
            findings.add(found)
        for told in part:
            if known is not None and told.line.sequence == known.sequence:
                known_hash = told.line.hash
    for found in await _ends(connection, chain):
        findings.add(found)
    if known is not None and known_hash != known.hash:
        fault = Fault.JOURNAL_CUT if known_hash is None else Fault.JOURNAL_REWRITTEN
        ends = {"expected": known.hash, "found": known_hash or b""}
        findings.add(_about(fault, LINES, known.sequence, **ends))
    return AuditVerification(
        is_clean=not findings.counts, lines=chain.lines, erased_reasons=chain.erased,
        sequence=chain.sequence, head=chain.head, findings=tuple(findings.listed),
    )  # fmt: skip


async def _ends(connection: Connection, chain: AuditChain) -> list[Finding]:
    found = []
    head = await audit.head(connection)
    if head is None:
        found.append(_about(Fault.ROW_MISSING, HEAD, chain.sequence, expected=chain.head))
    elif (head.sequence, head.hash) != (chain.sequence, chain.head):
        ends = {"expected": head.hash, "found": chain.head}
        found.append(_about(Fault.JOURNAL_CUT, HEAD, head.sequence, **ends))
    loose = await audit.loose_reasons(connection, limit=LISTED_MAX)
    found += [_about(Fault.NOTE_WITHOUT_ENTRY, REASONS, sequence) for sequence in loose]
    return found


def _about(
    fault: Fault, table: str, number: int, *, expected: bytes = b"", found: bytes = b""
) -> Finding:
    return Finding(fault, table, None, None, number, expected.hex() or "-", found.hex() or "-")
