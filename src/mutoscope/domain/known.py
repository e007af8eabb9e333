"""Entries known by their keys: what requests refer to, and what repeats are answered with."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from mutoscope.domain.actions import Reference
from mutoscope.domain.credits import Refusal
from mutoscope.domain.journal import Entry
from mutoscope.domain.wallet import Wallet


class UnknownReference(Refusal):
    """A key that names no earlier entry of the operation that is needed, in this wallet."""

    code = "unknown_reference"

    def __init__(self, *, reference: Reference, wanted: str) -> None:
        super().__init__(
            f"{reference.namespace}:{reference.key} names no {wanted} of this wallet: "
            "check the key and the kind of credit"
        )
        self.reference = reference
        self.wanted = wanted


class Known(NamedTuple):
    """An entry that was found by its key, the kind of its wallet, and whether it was refunded."""

    kind: str
    entry: Entry
    is_refunded: bool = False


KnownKey = tuple[UUID, str, str]
"""A workspace, a namespace and a key in it."""

KnownEntries = Mapping[KnownKey, Known]
"""What an action may look up: the entries that the requests of a workspace name."""


def named_entry(wallet: Wallet, reference: Reference, known: KnownEntries, *, wanted: str) -> Known:
    """Return the entry that a reference names in a wallet.

    :raises UnknownReference: when it names none.
    """
    found = known.get((wallet.workspace_id, *reference))
    if found is None or found.kind != wallet.kind:
        raise UnknownReference(reference=reference, wanted=wanted)
    return found
