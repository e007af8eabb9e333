"""The audit: append-only, without a gap, and every way to tamper with it is found."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from desk_stage import GOODWILL, Desk, join, open_desk
from mutoscope.app.audit import (
    AuditVerification,
    NoReason,
    audit_rows,
    erase_reason,
    verify_audit,
    why,
)
from mutoscope.domain.audit import AuditHead
from mutoscope.domain.findings import Fault
from mutoscope.domain.planner import Submission
from mutoscope.domain.staff import NotAllowed, Role, StaffAction
from mutoscope.storage import audit
from mutoscope.storage.audit import AuditFilters


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(database_url, tmp_path) as desk:
        yield desk


async def write(desk: Desk, count: int = 5) -> None:
    for number in range(count):
        await desk.act(desk.grace, "goodwill", key=f"press-{number}", **GOODWILL)


async def verified(desk: Desk, known: AuditHead | None = None) -> AuditVerification:
    async with desk.studio.reading() as connection, connection.transaction():
        return await verify_audit(connection, known=known)


async def faults(desk: Desk, known: AuditHead | None = None) -> set[Fault]:
    return {found.fault for found in (await verified(desk, known)).findings}


async def tamper(desk: Desk, *statements: str) -> None:
    async with desk.studio.reading() as connection:
        await connection.execute("ALTER TABLE audit_lines DISABLE TRIGGER ALL")
        for statement in statements:
            await connection.execute(statement)
        await connection.execute("ALTER TABLE audit_lines ENABLE TRIGGER ALL")


async def test_lines_are_numbered_without_a_gap_whatever_writes_at_once(desk: Desk) -> None:
    presses = [
        desk.act(desk.grace, "goodwill", key=f"press-{n % 20}", **GOODWILL) for n in range(40)
    ]
    await asyncio.gather(*presses)

    found = await verified(desk)

    assert (found.is_clean, found.lines, found.sequence) == (True, 20, 20)
    assert await desk.fetch("SELECT max(sequence) FROM audit_lines") == 20


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_lines SET action = 'chat'",
        "DELETE FROM audit_lines WHERE sequence = 1",
        "TRUNCATE audit_lines",
    ],
)
async def test_the_database_refuses_to_change_a_line(desk: Desk, statement: str) -> None:
    await write(desk, 1)

    async with desk.studio.reading() as connection:
        with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
            await connection.execute(statement)


@pytest.mark.parametrize(
    "change",
    [
        "staff_id = gen_random_uuid()",
        "action = 'chat'",
        "workspace_id = NULL",
        "workspace_id = gen_random_uuid()",
        "key = 'desk/other'",
        "digest = '\\x00'",
        "reason_digest = '\\x00'",
        """data = '{"kind": "video", "credits": 400}'""",
        """data = '{"kind": "two words", "credits": 40}'""",
        "at = at + interval '1 microsecond'",
        "hash = '\\x00'",
        "sequence = 30",
    ],
)
async def test_a_changed_line_is_found(desk: Desk, change: str) -> None:
    await write(desk)

    await tamper(desk, f"UPDATE audit_lines SET {change} WHERE sequence = 3")

    assert await faults(desk) >= {Fault.HASH_BROKEN}


async def test_a_line_that_is_taken_out_is_found(desk: Desk) -> None:
    await write(desk)

    await tamper(desk, "DELETE FROM audit_lines WHERE sequence = 3")

    assert await faults(desk) == {
        Fault.SEQUENCE_GAP, Fault.HASH_BROKEN, Fault.NOTE_WITHOUT_ENTRY,
    }  # fmt: skip


async def test_lines_that_are_cut_off_at_the_end_are_found(desk: Desk) -> None:
    await write(desk)
    ends = "SELECT hash FROM audit_lines WHERE sequence = 3"

    await tamper(
        desk, "DELETE FROM audit_lines WHERE sequence > 3",
        "DELETE FROM audit_reasons WHERE sequence > 3",
    )  # fmt: skip
    cut = await faults(desk)
    await tamper(desk, f"UPDATE audit_head SET sequence = 3, hash = ({ends})")

    assert cut == {Fault.JOURNAL_CUT}
    assert await faults(desk) == set()


async def test_a_head_that_was_noted_elsewhere_finds_what_was_rewritten_as_a_whole(
    desk: Desk,
) -> None:
    await write(desk)
    before = await verified(desk)
    known = AuditHead(before.sequence, before.head)
    await write(desk, 6)
    same = await faults(desk, known)

    await tamper(desk, "TRUNCATE audit_lines, audit_reasons")
    await desk.fetch("UPDATE audit_head SET sequence = 0, hash = decode(repeat('00', 32), 'hex')")
    cut = await faults(desk, known)
    for number in range(6):
        await desk.act(desk.ada, "goodwill", key=f"forged-{number}", **GOODWILL)

    assert same == set()
    assert cut == {Fault.JOURNAL_CUT}
    assert await faults(desk, known) == {Fault.JOURNAL_REWRITTEN}


async def test_a_reason_can_be_erased_and_not_changed(desk: Desk) -> None:
    await write(desk)
    root = await join(desk.stage, "root", Role.ADMIN)
    wanted = {"sequence": 2, "reason": "it named a customer"}
    with pytest.raises(NotAllowed):
        await erase_reason(desk.studio, desk.ada, **wanted)
    await erase_reason(desk.studio, root, **wanted)
    with pytest.raises(NoReason):
        await erase_reason(desk.studio, root, **wanted)
    erased = await verified(desk)

    await desk.fetch("UPDATE audit_reasons SET reason = 'a better one' WHERE sequence = 3")

    assert (erased.is_clean, erased.erased_reasons, erased.lines) == (True, 1, 6)
    assert await faults(desk) == {Fault.NOTE_CHANGED}


async def test_a_head_that_is_gone_is_found(desk: Desk) -> None:
    await write(desk)

    await desk.fetch("DELETE FROM audit_head")

    assert await faults(desk) == {Fault.ROW_MISSING}


async def test_prose_never_gets_into_a_line(desk: Desk) -> None:
    with pytest.raises(AssertionError, match="prose"):
        audit_rows(
            actor=desk.ada, action=StaffAction.CHAT, workspace_id=None,
            reason=why(desk.studio, "a good reason"),
            data={"name": "Ada Lovelace"}, at=desk.stage.clock.now(),
        )  # fmt: skip


async def test_lines_without_a_key_may_be_alike(desk: Desk) -> None:
    rows = audit_rows(
        actor=desk.ada, action=StaffAction.CHAT, workspace_id=None,
        reason=why(desk.studio, "a good reason"),
        data={}, at=desk.stage.clock.now(),
    )  # fmt: skip

    for _ in range(2):
        await desk.studio.journal.submit(Submission(()), side_rows=rows)

    assert (await verified(desk)).lines == 2


async def test_lines_are_read_by_pages_newest_first_and_filtered(desk: Desk) -> None:
    await write(desk, 4)
    await desk.act(desk.ada, "enable_purchases", key="open")
    mine = AuditFilters(staff_id=desk.ada.staff_id)

    async with desk.studio.reading() as connection:
        newest = await audit.page(connection, filters=AuditFilters(), before=99, limit=2)
        older = await audit.page(connection, filters=AuditFilters(), before=4, limit=9)
        hers = await audit.page(connection, filters=mine, before=99, limit=9)

    assert [told.line.sequence for told in newest] == [5, 4]
    assert [told.line.sequence for told in older] == [3, 2, 1]
    assert [(told.name, told.line.action) for told in hers] == [("ada", "enable_purchases")]
