"""Facts: the rows that the ledger's functions load, as the wallets and entries of the domain."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from mutoscope.domain.journal import NOBODY, Attribution, Entry, Posting
from mutoscope.domain.known import Known, KnownKey
from mutoscope.domain.lots import Lot, Terms
from mutoscope.domain.planner import Facts, WalletName
from mutoscope.domain.spending import open_hold
from mutoscope.domain.standing import StandingGrant
from mutoscope.domain.wallet import Wallet

Row = Any
"""A row of asyncpg: its columns in the table's order."""

EntryName = tuple[UUID, str, int]

_NO_POSTING = (None, None, None, None)
_NO_TERMS = (None, None, None, None, None, None)
_new = tuple.__new__  # makes a value without its class's own, slower, constructor


def facts_from(row: Row) -> Facts:
    """Return the facts that `ledger_load` found, with what is due when it was asked for."""
    wallets, lots, entries, postings, holds, refunds = row[:6]
    found = {(w[0], w[1]): Wallet(w) for w in wallets or ()}
    _add_lots(found, lots)
    if due := row[6:]:
        add_due(found, due)
    if not entries:
        return Facts(found, {})
    known = _known(entries, postings, refunds)
    by_name = {(key[0], each.kind, each.entry.sequence): each for key, each in known.items()}
    for workspace_id, kind, sequence, deadline_at in holds or ():
        if (wallet := found.get((workspace_id, kind))) is not None:
            entry = by_name[workspace_id, kind, sequence].entry
            wallet.holds[sequence] = open_hold(entry=entry, deadline_at=deadline_at)
    return Facts(found, known)


def add_due(found: dict[WalletName, Wallet], row: Row) -> None:
    """Add what `ledger_load_due` found to the wallets."""
    standing, holds, placings, postings, lots, later = row
    _add_lots(found, lots)
    for each in standing or ():
        grant = _new(StandingGrant, each[2:])
        found[each[0], each[1]].standing[grant.name()] = grant
    further = _by_entry(postings)
    placed: dict[EntryName, Row] = {(each[0], each[1], each[2]): each for each in placings or ()}
    for workspace_id, kind, sequence, deadline_at in holds or ():
        name: EntryName = (workspace_id, kind, sequence)
        placing = placed[name]
        entry = entry_from(placing, postings_from(placing, further[name]))
        hold = open_hold(entry=entry, deadline_at=deadline_at)
        found[workspace_id, kind].holds[sequence] = hold
    for workspace_id, kind, _, deadline_at in later or ():
        found[workspace_id, kind].next_deadline_at = deadline_at


def entry_from(row: Row, postings: tuple[Posting, ...]) -> Entry:
    """Return the entry of a row of `entries`, without its first two columns' wallet."""
    terms = None if (part := row[26:32]) == _NO_TERMS else Terms._make(part)
    sequence, operation, namespace, key, digest, due_at, posted_at, refers_to, reason = row[2:11]
    available, held, _, _, _, note_digest, hashed = row[11:18]
    due_at = posted_at if due_at == posted_at else due_at  # one instant, told once in a line
    return Entry(
        sequence, operation, namespace, key, digest, due_at, posted_at, refers_to, reason,
        available, held, _attribution(row), note_digest, postings, terms, hashed,
    )  # fmt: skip


def postings_from(row: Row, further: Iterable[Row]) -> tuple[Posting, ...]:
    """Return the postings of a row of `entries`: its own, at most two, then the further ones."""
    own = [_new(Posting, part) for part in (row[18:22], row[22:26]) if part != _NO_POSTING]
    return (*own, *[_new(Posting, each[4:8]) for each in further])


def _attribution(row: Row) -> Attribution:
    member_id, project_id, api_key_id = row[13:16]
    if member_id or project_id or api_key_id:
        return Attribution(member_id, project_id, api_key_id)
    return NOBODY


def _add_lots(found: dict[WalletName, Wallet], rows: Iterable[Row] | None) -> None:
    for row in rows or ():
        wallet = found.get((row[0], row[1]))
        if wallet is not None:
            lot = _new(Lot, row[2:18])
            if (drawn := wallet.drawn) is not None and drawn.lot == lot.lot:
                lot = lot._replace(**drawn._asdict())
            wallet.lots[lot.lot] = lot


def _known(
    entries: Iterable[Row], postings: Iterable[Row] | None, refunds: Iterable[Row] | None
) -> dict[KnownKey, Known]:
    further = _by_entry(postings)
    refunded = {(row[0], row[1], row[9]) for row in refunds or ()}
    known = {}
    for row in entries:
        name: EntryName = (row[0], row[1], row[2])
        entry = entry_from(row, postings_from(row, further[name]))
        known[row[0], entry.namespace, entry.key] = Known(row[1], entry, name in refunded)
    return known


def _by_entry(rows: Iterable[Row] | None) -> dict[EntryName, list[Row]]:
    found: dict[EntryName, list[Row]] = defaultdict(list)
    for row in rows or ():
        found[row[0], row[1], row[2]].append(row)
    return found
