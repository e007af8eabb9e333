"""Checkpoints: the heads of all wallets at one instant, as a text that is signed.

Invariant: the signed text covers the number, the instant, the digest of the sorted heads, the
digest of the checkpoint before and the head of the audit, so that neither a head nor a whole
checkpoint can be changed or left out unseen. Keys are raw bytes that the caller brings; nothing
here reads or keeps one. The surprising choice: a checkpoint lists only the heads that moved since
the one before. One that was signed before the audit was in it has the text of format 1 for ever.
"""

import json
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mutoscope.domain.audit import AuditHead
from mutoscope.domain.credits import Refusal
from mutoscope.domain.journal import microseconds

FORMAT_VERSION: Final = 2
FORMAT_WITHOUT_AUDIT: Final = 1
NO_PREVIOUS: Final = bytes(32)
KEY_LENGTH: Final = 32


class UnusableKey(Refusal):
    """A key that is not the 32 raw bytes of an Ed25519 key."""

    code = "unusable_key"

    def __init__(self, *, length: int) -> None:
        super().__init__(
            f"an Ed25519 key is {KEY_LENGTH} raw bytes, not {length}: check the key's file"
        )
        self.length = length


class CheckpointsUnreadable(Refusal):
    """A line of an export that is neither a checkpoint nor a head."""

    code = "checkpoints_unreadable"

    def __init__(self, *, line: int) -> None:
        super().__init__(
            f"line {line} is neither a checkpoint nor a head: give a file that was exported whole"
        )
        self.line = line


class Head(NamedTuple):
    """The last entry of a wallet: its sequence and its hash."""

    workspace_id: UUID
    kind: str
    sequence: int
    hash: bytes


class Checkpoint(NamedTuple):
    """What is signed. `wallets` counts its heads; `previous` is the digest of the one before.

    `audit` is where the audit of staff had come to; checkpoints of format 1 tell nothing of it.
    """

    number: int
    taken_at: datetime
    wallets: int
    heads_digest: bytes
    previous: bytes
    audit: AuditHead | None

    def text(self) -> str:
        """Return the canonical text, which the signature covers."""
        version = FORMAT_WITHOUT_AUDIT if self.audit is None else FORMAT_VERSION
        text = (
            f"mutoscope checkpoint {version} {self.number} {microseconds(self.taken_at)} "
            f"{self.wallets} {self.heads_digest.hex()} {self.previous.hex()}"
        )
        return text if self.audit is None else f"{text} {_audit_text(self.audit)}"

    def digest(self) -> bytes:
        """Return the digest by which the next checkpoint names this one."""
        return sha256(self.text().encode()).digest()


class Signed(NamedTuple):
    """A checkpoint with its signature and the key that the signature claims."""

    checkpoint: Checkpoint
    public_key: bytes
    signature: bytes

    def is_signed_by(self, public_key: bytes) -> bool:
        """Tell whether a key's owner signed it."""
        return is_signature(
            public_key=public_key, text=self.checkpoint.text(), signature=self.signature
        )


class HeadsDigest:
    """The digest of heads that come in the order of workspaces, and of kinds within each."""

    __slots__ = ("_digest", "_kinds", "_workspace_id", "wallets")

    def __init__(self) -> None:
        self._digest = sha256()
        self._workspace_id: UUID | None = None
        self._kinds: list[Head] = []
        self.wallets = 0

    def add(self, head: Head) -> None:
        """Add a head; the kinds of one workspace may come in any order."""
        if head.workspace_id != self._workspace_id:
            self._flush()
            self._workspace_id = head.workspace_id
        self._kinds.append(head)
        self.wallets += 1

    def value(self) -> bytes:
        """Return the digest of all heads so far."""
        self._flush()
        return self._digest.digest()

    def _flush(self) -> None:
        for head in sorted(self._kinds, key=lambda each: each.kind):
            line = f"{head.workspace_id} {head.kind} {head.sequence} {head.hash.hex()}\n"
            self._digest.update(line.encode())
        self._kinds.clear()


def public_key_of(private_key: bytes) -> bytes:
    """Return the 32 bytes of the public key.

    :raises UnusableKey: when the private key is not 32 bytes.
    """
    return _opened(private_key).public_key().public_bytes_raw()


def signature_of(*, private_key: bytes, text: str) -> bytes:
    """Sign a text.

    :raises UnusableKey: when the private key is not 32 bytes.
    """
    return _opened(private_key).sign(text.encode())


def is_signature(*, public_key: bytes, text: str, signature: bytes) -> bool:
    """Tell whether a signature of a text was made with the private key of a public one."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def checkpoint_line(signed: Signed) -> str:
    """Return a checkpoint as a line of JSON."""
    checkpoint, audit = signed.checkpoint, signed.checkpoint.audit
    told = {} if audit is None else {"audit": _audit_text(audit)}
    return _json({
        "checkpoint": checkpoint.number,
        "taken_at": checkpoint.taken_at.isoformat(),
        "wallets": checkpoint.wallets,
        "heads_digest": checkpoint.heads_digest.hex(),
        "previous": checkpoint.previous.hex(),
        **told,
        "public_key": signed.public_key.hex(),
        "signature": signed.signature.hex(),
    })  # fmt: skip


def head_line(head: Head) -> str:
    """Return a head as a line of JSON."""
    return _json({
        "workspace_id": str(head.workspace_id), "kind": head.kind,
        "sequence": head.sequence, "hash": head.hash.hex(),
    })  # fmt: skip


def parsed_line(text: str, *, line: int) -> Signed | Head:
    """Return what a line of an export says.

    :raises CheckpointsUnreadable: when it is neither a checkpoint nor a head.
    """
    try:
        fields = json.loads(text)
        return _parsed_checkpoint(fields) if "checkpoint" in fields else _parsed_head(fields)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointsUnreadable(line=line) from error


def _parsed_checkpoint(fields: dict[str, Any]) -> Signed:
    taken_at = datetime.fromisoformat(fields["taken_at"])
    checkpoint = Checkpoint(
        number=int(fields["checkpoint"]),
        taken_at=taken_at,
        wallets=int(fields["wallets"]),
        heads_digest=bytes.fromhex(fields["heads_digest"]),
        previous=bytes.fromhex(fields["previous"]),
        audit=_parsed_audit(fields["audit"]) if "audit" in fields else None,
    )
    checkpoint.text()  # a naive instant is refused here, not later
    public_key, signature = fields["public_key"], fields["signature"]
    return Signed(checkpoint, bytes.fromhex(public_key), bytes.fromhex(signature))


def _audit_text(head: AuditHead) -> str:
    return f"{head.sequence}:{head.hash.hex()}"


def _parsed_audit(text: str) -> AuditHead:
    sequence, _, digest = text.partition(":")
    return AuditHead(int(sequence), bytes.fromhex(digest))


def _parsed_head(fields: dict[str, Any]) -> Head:
    return Head(
        workspace_id=UUID(fields["workspace_id"]),
        kind=str(fields["kind"]),
        sequence=int(fields["sequence"]),
        hash=bytes.fromhex(fields["hash"]),
    )


def _json(fields: dict[str, object]) -> str:
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def _opened(private_key: bytes) -> Ed25519PrivateKey:
    if len(private_key) != KEY_LENGTH:
        raise UnusableKey(length=len(private_key))
    return Ed25519PrivateKey.from_private_bytes(private_key)
