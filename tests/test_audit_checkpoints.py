"""The audit's head in signed checkpoints finds a tail that was cut and a chain written anew."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from desk_stage import GOODWILL, Desk, open_desk
from mutoscope.app.checkpoint import Export, check_against, export, take
from mutoscope.app.verify import examine
from mutoscope.domain.audit import LINES, AuditHead, AuditLine, canonical_line
from mutoscope.domain.checkpoint import Signed, parsed_line, signature_of
from mutoscope.domain.findings import Fault, Findings
from mutoscope.domain.journal import GENESIS, chained
from mutoscope.storage.verification import Scope
from tampering import PRIVATE_KEY, PUBLIC_KEY, given

END = "(SELECT sequence, hash FROM audit_lines WHERE sequence = 3)"
CUT = (
    "DELETE FROM audit_lines WHERE sequence > 3",
    "DELETE FROM audit_reasons WHERE sequence > 3",
    f"UPDATE audit_head SET (sequence, hash) = {END}",
)


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(database_url, tmp_path) as desk:
        yield desk


async def write(desk: Desk, *keys: str) -> None:
    for key in keys:
        await desk.act(desk.grace, "goodwill", key=key, **GOODWILL)


async def signed(desk: Desk) -> list[str]:
    """Take a checkpoint, and return all that were taken as they are kept elsewhere."""
    async with desk.studio.reading() as connection:
        await take(connection, private_key=PRIVATE_KEY, at=desk.stage.clock.now())
        return [line async for line in export(connection)]


async def against(desk: Desk, lines: list[str]) -> set[tuple[str, str, int]]:
    """Return the faults of the audit and of checkpoints, each with its place."""
    async with desk.studio.reading() as connection:
        wanted, findings = Export(lines=given(lines), public_key=PUBLIC_KEY), Findings()
        await check_against(connection, export=wanted, findings=findings)
    return {(each.fault, each.table, each.number) for each in findings.listed}


async def faults(desk: Desk, *, workspace: bool = False) -> list[str]:
    """Return what a verification without an export finds."""
    scope = Scope(workspace_id=desk.workspace_id if workspace else None)
    async with desk.studio.reading() as connection:
        return [each.fault for each in (await examine(connection, scope=scope)).findings.listed]


async def tamper(desk: Desk, *statements: str) -> None:
    async with desk.studio.reading() as connection:
        await connection.execute("ALTER TABLE audit_lines DISABLE TRIGGER ALL")
        for statement in statements:
            await connection.execute(statement)


async def forge(desk: Desk, *, since: int) -> None:
    """Write the audit anew from a line on, whole and consistent: who did it is somebody else."""
    await tamper(desk)
    async with desk.studio.reading() as connection:
        rows = await connection.fetch("SELECT * FROM audit_lines ORDER BY sequence")
        previous = GENESIS
        for row in rows:
            line = AuditLine(*row)
            if line.sequence >= since:
                line = line._replace(staff_id=desk.ada.staff_id)
                digest = chained(previous=previous, line=canonical_line(line))
                line = line._replace(hash=digest)
                await connection.execute(
                    "UPDATE audit_lines SET staff_id = $2, hash = $3 WHERE sequence = $1",
                    line.sequence, line.staff_id, line.hash,
                )  # fmt: skip
            previous = line.hash
        await connection.execute("UPDATE audit_head SET hash = $1", previous)


async def test_an_honest_audit_passes_and_may_grow(desk: Desk) -> None:
    lines = await signed(desk)
    await write(desk, "a", "b")
    lines = await signed(desk)
    await write(desk, "c")

    assert await against(desk, lines) == set()
    assert await faults(desk) == []
    heads = [parsed_line(line, line=1) for line in lines if '"checkpoint"' in line]
    assert [each.checkpoint.audit.sequence for each in heads] == [0, 2]


async def test_a_tail_that_was_cut_is_found(desk: Desk) -> None:
    await write(desk, "a", "b", "c", "d", "e")
    lines = await signed(desk)

    await tamper(desk, *CUT)

    assert await faults(desk) == []
    assert await against(desk, lines) == {(Fault.JOURNAL_CUT, LINES, 5)}


async def test_a_tail_that_was_cut_is_found_though_others_were_written_since(desk: Desk) -> None:
    await write(desk, "a", "b", "c", "d", "e")
    lines = await signed(desk)

    await tamper(desk, *CUT)
    await write(desk, "f", "g", "h")

    assert await faults(desk) == []
    assert await against(desk, lines) == {(Fault.JOURNAL_REWRITTEN, LINES, 5)}


@pytest.mark.parametrize("since", [1, 4])
async def test_a_chain_that_was_written_anew_is_found(desk: Desk, since: int) -> None:
    await write(desk, "a", "b", "c", "d", "e")
    lines = await signed(desk)

    await forge(desk, since=since)

    assert await faults(desk) == []
    assert await against(desk, lines) == {(Fault.JOURNAL_REWRITTEN, LINES, 5)}


async def test_what_breaks_the_chain_is_found_by_a_plain_verification(desk: Desk) -> None:
    await write(desk, "a", "b")
    await tamper(desk, "UPDATE audit_lines SET action = 'chat' WHERE sequence = 1")

    assert await faults(desk) == [Fault.HASH_BROKEN]
    assert await faults(desk, workspace=True) == []


async def without_audit(desk: Desk) -> str:
    """Sign the only checkpoint anew as it was signed before the audit was in it."""
    async with desk.studio.reading() as connection:
        (line,) = [each async for each in export(connection) if '"checkpoint"' in each]
        now = parsed_line(line, line=1)
        assert isinstance(now, Signed)
        old = now.checkpoint._replace(audit=None)
        await connection.execute(
            "UPDATE checkpoints SET audit_sequence = NULL, audit_hash = NULL, digest = $1,"
            " signature = $2",
            old.digest(), signature_of(private_key=PRIVATE_KEY, text=old.text()),
        )  # fmt: skip
    return old.text()


async def test_a_checkpoint_from_before_the_audit_was_in_it_is_good_still(desk: Desk) -> None:
    await write(desk, "a", "b", "c", "d", "e")
    await signed(desk)
    text = await without_audit(desk)
    lines = await signed(desk)

    assert text.startswith("mutoscope checkpoint 1 1 ")
    assert "audit" not in json.loads(lines[0])
    assert await against(desk, lines) == set()
    await tamper(desk, *CUT)
    assert await against(desk, lines) == {(Fault.JOURNAL_CUT, LINES, 5)}


async def test_the_audit_s_head_cannot_be_taken_out_of_a_checkpoint(desk: Desk) -> None:
    await write(desk, "a")
    lines = await signed(desk)
    fields = json.loads(lines[0])
    del fields["audit"]

    found = await against(desk, [json.dumps(fields), *lines[1:]])

    assert found == {(Fault.CHECKPOINT_FORGED, "checkpoints", 1)}


async def test_a_beginning_that_was_signed_has_no_line(desk: Desk) -> None:
    lines = await signed(desk)
    forged = json.dumps({**json.loads(lines[0]), "audit": f"0:{'11' * 32}"})

    found = await against(desk, [forged, *lines[1:]])

    assert AuditHead(0, GENESIS).hash != b"\x11" * 32
    assert (Fault.JOURNAL_REWRITTEN, LINES, 0) in found
