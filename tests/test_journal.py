"""Entries and their chain: one text a line, and no line changes unseen."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_requests import ADA, BEGINNING, do, fresh, wallet_of
from mutoscope.domain import actions as ask
from mutoscope.domain.journal import (
    EPOCH,
    GENESIS,
    NOBODY,
    Attribution,
    Entry,
    Posting,
    canonical_line,
    chained,
    microseconds,
)
from mutoscope.domain.lots import Terms
from mutoscope.domain.requests import Note, Request

GRANT = Entry(
    sequence=1, operation="grant", namespace="api", key="bought", digest=bytes(16),
    due_at=EPOCH, posted_at=EPOCH + timedelta(seconds=1), refers_to=None, reason=None,
    available=700, held=0, attribution=NOBODY, note_digest=None,
    postings=(Posting("issued", "available", 1, 700),),
    terms=Terms("pack", EPOCH, None, "order-17", 3900, "usd"), hash=b"",
)  # fmt: skip
OTHER: dict[str, Any] = {
    "sequence": 2, "operation": "adjust", "namespace": "payment", "key": "bough",
    "digest": b"\1" * 16, "due_at": EPOCH - timedelta(microseconds=1), "posted_at": EPOCH,
    "refers_to": 1, "reason": "goodwill", "available": 701, "held": 1,
    "attribution": Attribution(member_id=ADA), "note_digest": bytes(16),
    "postings": (Posting("issued", "frozen", 1, 700),),
    "terms": Terms("pack", EPOCH, EPOCH + timedelta(days=1), "order-17", 3900, "usd"),
}  # fmt: skip


def line(entry: Entry) -> str:
    return canonical_line(workspace_id=ADA, kind="video", entry=entry)


def test_a_line_is_written_as_it_was_promised() -> None:
    assert line(GRANT) == (
        "1 00000000-0000-0000-0000-000000000001 video 1 grant api bought "
        "00000000000000000000000000000000 0 1000000 - - 700 0 - - - - "
        "issued>available:1:700 pack order-17 0 - 3900:usd"
    )


def test_the_other_values_change_every_field_but_the_hash() -> None:
    assert OTHER.keys() == set(Entry._fields) - {"hash"}


@pytest.mark.parametrize("field", OTHER)
def test_a_change_of_any_field_changes_the_line(field: str) -> None:
    assert line(GRANT._replace(**{field: OTHER[field]})) != line(GRANT)


@pytest.mark.parametrize("field", Attribution._fields)
def test_each_id_of_an_attribution_has_a_place_of_its_own(field: str) -> None:
    entry = GRANT._replace(attribution=Attribution(**{field: ADA}))
    others = [
        GRANT._replace(attribution=Attribution(**{other: ADA}))
        for other in Attribution._fields
        if other != field
    ]

    assert line(entry) not in map(line, others)


@pytest.mark.parametrize(
    "terms",
    [
        Terms("promo", EPOCH, None, "order-17", 3900, "usd"),
        Terms("pack", EPOCH - timedelta(1), None, "order-17", 3900, "usd"),
        Terms("pack", EPOCH, None, "order-18", 3900, "usd"),
        Terms("pack", EPOCH, None, "order-17", 3901, "usd"),
        Terms("pack", EPOCH, None, "order-17", 3900, "eur"),
        Terms("pack", EPOCH, None, None, None, None),
    ],
)
def test_a_change_of_any_term_changes_the_line(terms: Terms) -> None:
    assert line(GRANT._replace(terms=terms)) != line(GRANT)


def test_a_line_belongs_to_one_wallet() -> None:
    elsewhere = canonical_line(workspace_id=UUID(int=2), kind="video", entry=GRANT)
    other_kind = canonical_line(workspace_id=ADA, kind="image", entry=GRANT)

    assert len({line(GRANT), elsewhere, other_kind}) == 3


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2500, 1, 1)))  # noqa: DTZ001 - hypothesis adds the zone
def test_an_instant_is_told_to_the_microsecond_in_any_zone(naive: datetime) -> None:
    instant = naive.replace(tzinfo=UTC)
    elsewhere = instant.astimezone(timezone(timedelta(hours=5, minutes=45)))

    assert EPOCH + timedelta(microseconds=microseconds(instant)) == instant
    assert microseconds(elsewhere) == microseconds(instant)


@given(st.binary(min_size=32, max_size=32), st.text())
def test_a_hash_depends_on_the_line_and_on_the_line_before(previous: bytes, text: str) -> None:
    found = chained(previous=previous, line=text)

    assert len(found) == 32
    assert found != chained(previous=previous, line=text + " ")
    assert found != chained(previous=bytes([previous[0] ^ 1]) + previous[1:], line=text)


def test_the_chain_begins_at_nothing_and_ends_at_the_head() -> None:
    facts = fresh()
    bought = ask.Grant(5, Terms("pack", BEGINNING))
    do(facts, at=BEGINNING, bought=bought, clip=ask.Charge(2), picture=ask.Charge(3))
    head = GENESIS

    for entry in wallet_of(facts).entries:
        head = chained(previous=head, line=line(entry))
        assert entry.hash == head

    assert wallet_of(facts).head == head


def test_a_note_is_told_by_its_digest_which_needs_its_salt() -> None:
    note = Note(b"salt", "ada", "a lost clip")

    digests = {each.digest() for each in (note, note._replace(salt=b"sand"))}

    assert len(digests) == 2
    assert {len(digest) for digest in digests} == {16}


def test_a_repeat_shares_its_digest_whatever_its_clock_says() -> None:
    def digest(action: ask.Action) -> bytes:
        return Request(ADA, "video", "api", "key", action).digest()

    later = BEGINNING + timedelta(days=1)

    assert digest(ask.Hold(5, BEGINNING)) == digest(ask.Hold(5, later))
    assert digest(ask.Hold(5, BEGINNING)) != digest(ask.Hold(5, BEGINNING, is_metered=True))
    assert digest(ask.Grant(5, Terms("pack", BEGINNING))) == digest(
        ask.Grant(5, Terms("pack", later))
    )
    assert digest(ask.Grant(5, Terms("pack", BEGINNING))) != digest(
        ask.Grant(5, Terms("pack", BEGINNING, later))
    )
