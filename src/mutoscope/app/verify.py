"""Verify the ledger and the audit: replay every wallet, compare what is projected, sign the answer.

Owns the order of the checks and the answer's canonical text. Invariant: an answer is about one
snapshot of the database, and its signature covers every word of it, also what exported checkpoints
found. The surprising choice: the
answer names the key that signed it, so `check_answer` needs no other file; who it belongs to is for
the reader to know.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from mutoscope.app.audit import verify_audit
from mutoscope.app.checkpoint import Against, Export, check_against
from mutoscope.domain.chain import ENTRIES, Chain, Link
from mutoscope.domain.checkpoint import (
    Head,
    HeadsDigest,
    is_signature,
    public_key_of,
    signature_of,
)
from mutoscope.domain.findings import Broken, Finding, Findings
from mutoscope.domain.journal import Entry
from mutoscope.domain.projection import (
    Difference,
    head_differences,
    hold_differences,
    lot_differences,
    wake_differences,
    wallet_differences,
)
from mutoscope.domain.replay import Replay
from mutoscope.domain.wallet_row import WalletRow
from mutoscope.storage import workspaces
from mutoscope.storage.session import Connection
from mutoscope.storage.verification import Scope, WalletRows, opened

FORMAT_VERSION: Final = 3
Progress = Callable[[int], None]
"""Is told how many entries were verified so far."""


def unheard(_entries: int) -> None:
    """Tell nobody about progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The answer: what was read, what was wrong with it, and who says so.

    `counts` has how often each fault was found; `findings` lists the first of them. The audit is
    read when the scope is no single workspace. `against` is told when there was an export.
    """

    is_clean: bool
    is_full: bool
    workspace_id: UUID | None
    wallets: int
    entries: int
    lots: int
    holds: int
    erased_notes: int
    audit_lines: int
    counts: tuple[tuple[str, int], ...]
    findings: tuple[Finding, ...]
    started_at: datetime
    finished_at: datetime
    heads_digest: bytes
    against: Against | None
    public_key: bytes
    signature: bytes

    def text(self) -> str:
        """Return the answer as one line of JSON, its signature included."""
        return _json({**_answer(self), "signature": self.signature.hex()})


class Examination:
    """What a verification has seen so far; it is counted up while wallets are read."""

    __slots__ = (
        "against", "audit_lines", "entries", "erased_notes", "findings", "heads", "holds", "lots",
        "wallets",
    )  # fmt: skip

    def __init__(self, findings: Findings | None = None) -> None:
        self.against: Against | None = None
        self.audit_lines = 0
        self.wallets = self.entries = self.lots = self.holds = self.erased_notes = 0
        self.findings = Findings() if findings is None else findings
        self.heads = HeadsDigest()


class Replayed(NamedTuple):
    """The hash of a wallet's last entry, and what its journal makes; None when it is broken."""

    head: bytes
    replay: Replay | None


async def verify(
    connection: Connection,
    *,
    scope: Scope,
    private_key: bytes,
    now: Callable[[], datetime],
    progress: Progress = unheard,
    export: Export | None = None,
) -> Verification:
    """Verify what the scope names, hold it against an export if there is one, sign the answer.

    :raises UnusableKey: when the private key is not 32 bytes.
    :raises UnknownWorkspace: when the scope's workspace is none.
    :raises CheckpointsUnreadable: when a line of the export is neither a checkpoint nor a head.
    """
    public_key = public_key_of(private_key)
    started_at = now()
    examination = await examine(connection, scope=scope, progress=progress, export=export)
    findings = examination.findings
    unsigned = Verification(
        is_clean=not findings.counts,
        is_full=scope.is_full,
        workspace_id=scope.workspace_id,
        wallets=examination.wallets,
        entries=examination.entries,
        lots=examination.lots,
        holds=examination.holds,
        erased_notes=examination.erased_notes,
        audit_lines=examination.audit_lines,
        counts=tuple(sorted(findings.counts.items())),
        findings=tuple(findings.listed),
        started_at=started_at,
        finished_at=now(),
        heads_digest=examination.heads.value(),
        against=examination.against,
        public_key=public_key,
        signature=b"",
    )
    signature = signature_of(private_key=private_key, text=_json(_answer(unsigned)))
    return replace(unsigned, signature=signature)


def check_answer(text: str, *, public_key: bytes | None = None) -> bool:
    """Tell whether an answer's text is as it was signed, by a given key if there is one."""
    try:
        answer = json.loads(text)
        signature = bytes.fromhex(answer.pop("signature"))
        signer = bytes.fromhex(answer["public_key"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return False
    is_expected = public_key is None or public_key == signer
    return is_expected and is_signature(public_key=signer, text=_json(answer), signature=signature)


async def examine(
    connection: Connection, *, scope: Scope, progress: Progress = unheard,
    export: Export | None = None, findings: Findings | None = None,
) -> Examination:  # fmt: skip
    """Run every check of the scope over one snapshot, and add to the findings if any are given.

    :raises UnknownWorkspace: when the scope's workspace is none.
    :raises CheckpointsUnreadable: when a line of the export is neither a checkpoint nor a head.
    """
    examination = Examination(findings)
    async with opened(connection=connection, scope=scope) as reading:
        async for wallet in reading.wallets(examination.findings.add):
            examine_wallet = replay_wallet if scope.is_full else _link_wallet
            await examine_wallet(wallet, examination, progress)
        if scope.is_full:
            for finding in await reading.repeated_keys():
                examination.findings.add(finding)
        if scope.workspace_id is None:
            await _examine_audit(connection, examination)
        elif not examination.wallets:  # a ledger without a studio has wallets alone
            await workspaces.get(connection, workspace_id=scope.workspace_id)
        if export is not None:
            examination.against = await check_against(
                connection, export=export, findings=examination.findings
            )
    return examination


async def _examine_audit(connection: Connection, examination: Examination) -> None:
    """Follow the one chain of what staff did, which is nobody's workspace."""
    found = await verify_audit(connection)
    examination.audit_lines = found.lines
    for finding in found.findings:
        examination.findings.add(finding)


async def _link_wallet(wallet: WalletRows, examination: Examination, progress: Progress) -> None:
    workspace_id, kind = wallet.name
    chain = Chain(workspace_id=workspace_id, kind=kind)
    async for links in wallet.links():
        _take_in(chain, links, examination)
        progress(examination.entries)
    await _end_chain(wallet, chain, examination)


async def replay_wallet(
    wallet: WalletRows, examination: Examination, progress: Progress = unheard
) -> Replayed:
    """Replay a wallet's journal, and compare every projected row with what it makes."""
    workspace_id, kind = wallet.name
    chain = Chain(workspace_id=workspace_id, kind=kind)
    replay: Replay | None = Replay(refunded=await wallet.refunded())
    async for entries in wallet.parts():
        _take_in(chain, chain.links(entries), examination)
        replay = _followed(replay, entries, wallet) if replay is not None else None
        progress(examination.entries)
    examination.erased_notes += wallet.erased_notes
    row = await _end_chain(wallet, chain, examination)
    await _compare(wallet, examination, replay, row)
    return Replayed(chain.head, replay)


def _take_in(chain: Chain, links: list[Link], examination: Examination) -> None:
    examination.entries += len(links)
    for finding in chain.findings(links):
        examination.findings.add(finding)


async def _end_chain(
    wallet: WalletRows, chain: Chain, examination: Examination
) -> WalletRow | None:
    row = await wallet.wallet()
    _report(wallet, head_differences(row=row, sequence=chain.sequence, head=chain.head))
    examination.wallets += 1
    if chain.sequence:
        head = Head(chain.workspace_id, chain.kind, chain.sequence, chain.head)
        examination.heads.add(head)
    return row


def _followed(replay: Replay, entries: list[Entry], wallet: WalletRows) -> Replay | None:
    """Follow some entries; return None when one is broken, because nothing after it is judged."""
    for entry in entries:
        try:
            replay.follow(entry)
        except Broken as broken:
            _report_broken(wallet, entry.sequence, broken)
            return None
    return replay


async def _compare(
    wallet: WalletRows, examination: Examination, replay: Replay | None, row: WalletRow | None
) -> None:
    lots, holds = await wallet.lots(), await wallet.holds()
    examination.lots += len(lots)
    examination.holds += len(holds)
    if replay is None:
        return
    _report(wallet, lot_differences(rows=lots, replay=replay))
    _report(wallet, hold_differences(rows=holds, replay=replay))
    if row is not None:
        _report(wallet, wallet_differences(row=row, replay=replay))
        _report(wallet, wake_differences(row=row, holds=holds, replay=replay))
    try:
        replay.check_nothing_missed(at=replay.due_at)
    except Broken as broken:
        _report_broken(wallet, replay.sequence, broken)


def _report(wallet: WalletRows, differences: Iterable[Difference]) -> None:
    for fault, table, number, expected, found in differences:
        wallet.report(fault, table, number, expected=expected, found=found)


def _report_broken(wallet: WalletRows, number: int, broken: Broken) -> None:
    wallet.report(broken.fault, ENTRIES, number, expected=broken.expected, found=broken.found)


def _answer(verification: Verification) -> dict[str, object]:
    return {
        "format": FORMAT_VERSION,
        "is_clean": verification.is_clean,
        "is_full": verification.is_full,
        "workspace_id": _id_text(verification.workspace_id),
        "wallets": verification.wallets,
        "entries": verification.entries,
        "lots": verification.lots,
        "holds": verification.holds,
        "erased_notes": verification.erased_notes,
        "audit_lines": verification.audit_lines,
        "counts": dict(verification.counts),
        "findings": [
            {**finding._asdict(), "workspace_id": _id_text(finding.workspace_id)}
            for finding in verification.findings
        ],
        "started_at": verification.started_at.isoformat(),
        "finished_at": verification.finished_at.isoformat(),
        "heads_digest": verification.heads_digest.hex(),
        "against": None if verification.against is None else _against(verification.against),
        "public_key": verification.public_key.hex(),
    }


def _against(against: Against) -> dict[str, object]:
    return {
        "checkpoints": against.checkpoints,
        "digest": against.digest.hex(),
        "public_key": against.public_key.hex(),
    }


def _id_text(workspace_id: UUID | None) -> str | None:
    return None if workspace_id is None else str(workspace_id)


def _json(fields: dict[str, object]) -> str:
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))
