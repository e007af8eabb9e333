"""Take checkpoints of the journal and the audit, export them, and hold both against an export.

Invariant: a journal that passes against an export has, at every exported head, the very entry that
was signed then, and so has the audit its line; since each hash covers all before it, nothing up to
that head was cut off, changed or written anew. What came after the last head is proved by nothing
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from mutoscope.domain.audit import LINES, AuditHead
from mutoscope.domain.chain import ENTRIES
from mutoscope.domain.checkpoint import (
    NO_PREVIOUS,
    Checkpoint,
    CheckpointsUnreadable,
    Head,
    HeadsDigest,
    Signed,
    checkpoint_line,
    head_line,
    parsed_line,
    public_key_of,
    signature_of,
)
from mutoscope.domain.findings import Fault, Finding, Findings
from mutoscope.domain.journal import GENESIS
from mutoscope.storage import audit, checkpoints

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator
    from datetime import datetime

    from mutoscope.storage.database import Connection

EVERY: Final = timedelta(days=1)
"""How long a head of the journal may stay unsigned."""

HEADS_MAX: Final = 2_000
"""Heads that are looked up in one statement."""

CHECKPOINTS: Final = "checkpoints"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Exported checkpoints, line by line, and the key whose owner should have signed them."""

    lines: AsyncIterable[str]
    public_key: bytes


class Against(NamedTuple):
    """Which export the journal was held against, and the key that its signatures were checked with.

    `digest` is that of the last checkpoint, which names all before it.
    """

    checkpoints: int
    digest: bytes
    public_key: bytes


async def take(connection: Connection, *, private_key: bytes, at: datetime) -> Signed:
    """Sign the heads that moved since the last checkpoint.

    :raises UnusableKey: when the private key is not 32 bytes.
    """
    async with connection.transaction():
        return await _taken(connection, private_key, at)


async def take_daily(connection: Connection, *, private_key: bytes, at: datetime) -> Signed | None:
    """Take a checkpoint when the last one is a day old or older; of several callers one takes it.

    :raises UnusableKey: when the private key is not 32 bytes.
    """
    async with connection.transaction():
        last_at = await checkpoints.last_at(connection)
        if last_at is not None and at < last_at + EVERY:
            return None
        return await _taken(connection, private_key, at)


async def _taken(connection: Connection, private_key: bytes, at: datetime) -> Signed:
    public_key = public_key_of(private_key)
    checkpoint = await checkpoints.begin(connection, taken_at=at)
    signature = signature_of(private_key=private_key, text=checkpoint.text())
    signed = Signed(checkpoint, public_key, signature)
    await checkpoints.write(connection, signed=signed)
    return signed


async def export(connection: Connection, *, number: int | None = None) -> AsyncIterator[str]:
    """Yield every checkpoint, or one, as lines of JSON: what was signed, then its heads."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for each in checkpoints.read(connection, number=number):
            yield checkpoint_line(each) if isinstance(each, Signed) else head_line(each)


async def check_against(connection: Connection, *, export: Export, findings: Findings) -> Against:
    """Hold the journal against exported checkpoints, and add what is wrong to the findings.

    :raises CheckpointsUnreadable: when a line is neither a checkpoint nor a head.
    """
    check = _Check(connection=connection, public_key=export.public_key, findings=findings)
    number = 0
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for text in export.lines:
            number += 1
            if text.strip():
                await check.take_in(parsed_line(text, line=number), number)
        last = await check.end()
    return Against(check.checkpoints, last.digest(), export.public_key)


class _Check:
    """The lines of an export, taken in one by one; heads are looked up some at a time."""

    def __init__(self, *, connection: Connection, public_key: bytes, findings: Findings) -> None:
        self.checkpoints = 0
        self._findings = findings
        self._connection = connection
        self._public_key = public_key
        self._signed: Signed | None = None
        self._digest = HeadsDigest()
        self._heads: list[Head] = []
        self._audit_heads: list[AuditHead] = []

    async def take_in(self, item: Signed | Head, line: int) -> None:
        """Check a checkpoint, or keep a head of it for the next look-up."""
        if isinstance(item, Signed):
            self._end_checkpoint()
            self._check_signed(item)
            self._signed, self._digest = item, HeadsDigest()
            self.checkpoints += 1
            if item.checkpoint.audit is not None:
                self._audit_heads.append(item.checkpoint.audit)
            return
        if self._signed is None:
            raise CheckpointsUnreadable(line=line)
        self._digest.add(item)
        self._heads.append(item)
        if len(self._heads) == HEADS_MAX:
            await self._look_up()

    async def end(self) -> Checkpoint:
        """Check what the last lines left, and return the last checkpoint."""
        if self._signed is None:
            raise CheckpointsUnreadable(line=1)
        self._end_checkpoint()
        await self._look_up()
        await self._look_up_audit()
        return self._signed.checkpoint

    def _check_signed(self, signed: Signed) -> None:
        number = signed.checkpoint.number
        if not signed.is_signed_by(self._public_key):
            expected = f"a signature by {self._public_key.hex()}"
            self._forged(Fault.CHECKPOINT_FORGED, number, expected, signed.signature.hex())
        if self._signed is not None:
            before = self._signed.checkpoint
            expected = f"checkpoint {before.number + 1} after {before.digest().hex()}"
        elif number == 1:
            expected = f"checkpoint 1 after {NO_PREVIOUS.hex()}"
        else:
            return
        found = f"checkpoint {number} after {signed.checkpoint.previous.hex()}"
        if expected != found:
            self._forged(Fault.CHECKPOINT_OUT_OF_ORDER, number, expected, found)

    def _end_checkpoint(self) -> None:
        if self._signed is None:
            return
        checkpoint = self._signed.checkpoint
        expected = f"{checkpoint.wallets} heads of digest {checkpoint.heads_digest.hex()}"
        found = f"{self._digest.wallets} heads of digest {self._digest.value().hex()}"
        if expected != found:
            self._forged(Fault.CHECKPOINT_FORGED, checkpoint.number, expected, found)

    def _forged(self, fault: Fault, number: int, expected: str, found: str) -> None:
        self._findings.add(Finding(fault, CHECKPOINTS, None, None, number, expected, found))

    async def _look_up(self) -> None:
        hashes = await checkpoints.hashes(self._connection, heads=self._heads)
        for place, head in enumerate(self._heads):
            found = hashes.get(place)
            if found != head.hash:
                fault = Fault.JOURNAL_CUT if found is None else Fault.JOURNAL_REWRITTEN
                text = "no entry" if found is None else found.hex()
                place_of = (head.workspace_id, head.kind, head.sequence)
                self._findings.add(Finding(fault, ENTRIES, *place_of, head.hash.hex(), text))
        self._heads.clear()

    async def _look_up_audit(self) -> None:
        wanted = [head.sequence for head in self._audit_heads]
        found = {0: GENESIS, **await audit.hashes(self._connection, sequences=wanted)}
        for head in self._audit_heads:
            now = found.get(head.sequence)
            if now != head.hash:
                fault = Fault.JOURNAL_CUT if now is None else Fault.JOURNAL_REWRITTEN
                text = "no line" if now is None else now.hex()
                at = (None, None, head.sequence)
                self._findings.add(Finding(fault, LINES, *at, head.hash.hex(), text))
