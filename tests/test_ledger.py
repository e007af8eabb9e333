"""The ledger as embedders use it: keys, refusals, batches, transactions of their own, bad input."""

from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

import mutoscope
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import AMOUNT_MAX, Refusal
from mutoscope.domain.journal import NOBODY, Attribution
from mutoscope.domain.ledger import InsufficientCredits
from mutoscope.domain.planner import CLOCK_BACK_MAX, ClockWentBack, KeyReused, UnknownWallet
from mutoscope.domain.requests import Note, Request
from mutoscope.domain.spending import DeadlinePassed
from mutoscope.domain.standing import StandingGrant
from mutoscope.ledger import Ledger
from mutoscope.storage.database import connect
from set_clock import BEGINNING, Clock
from soundness import assert_sound

ADA = UUID(int=1)
GRACE = UUID(int=2)
CLIP = ask.Reference("api", "clip")

Call = Callable[[Ledger], Coroutine[Any, Any, object]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def ledger(database_url: str, clock: Clock) -> AsyncIterator[Ledger]:
    async with Ledger(database_url, now=clock) as ledger:
        await ledger.grant(ADA, "video", 100, key="bought")
        yield ledger
    await assert_sound(database_url)


async def test_the_example_of_the_module_works(ledger: Ledger) -> None:
    await ledger.hold(ADA, "video", 50, key="clip-1")

    answer = await ledger.settle(ADA, "video", 45, key="clip-1-done", hold="clip-1")

    balance = await ledger.balance(ADA, "video")
    assert answer.entry is not None
    assert (answer.entry.available, answer.entry.held) == (55, 0)
    assert (balance.spendable, balance.held) == (55, 0)


def one_of_each(ledger: Ledger) -> list[Coroutine[Any, Any, Any]]:
    return [
        ledger.grant(ADA, "video", 7, key="gift", source="goodwill"),
        ledger.hold(ADA, "video", 50, key="clip"),
        ledger.settle(ADA, "video", 45, key="clip-done", hold="clip"),
        ledger.hold(ADA, "video", 5, key="shot"),
        ledger.release(ADA, "video", key="shot-failed", hold="shot"),
        ledger.charge(ADA, "video", 3, key="picture", attribution=Attribution()),
        ledger.refund(ADA, "video", key="picture-back", of="picture"),
        ledger.void(ADA, "video", key="gift-back", grant="gift"),
    ]


async def test_every_operation_repeated_later_is_answered_as_before(
    ledger: Ledger, clock: Clock
) -> None:
    first = [await call for call in one_of_each(ledger)]
    clock.at += timedelta(days=400)

    again = [await call for call in one_of_each(ledger)]

    assert not any(answer.is_replay for answer in first)
    assert all(answer.is_replay for answer in again)
    assert [answer.entry for answer in again] == [answer.entry for answer in first]


async def test_a_renewed_hold_outlives_its_first_deadline(ledger: Ledger, clock: Clock) -> None:
    await ledger.hold(ADA, "video", 50, key="clip", hold_s=60)
    clock.at += timedelta(seconds=59)
    await ledger.renew(ADA, "video", hold="clip", hold_s=60)
    clock.at += timedelta(seconds=59)

    answer = await ledger.settle(ADA, "video", 50, key="clip-done", hold="clip")

    assert answer.entry is not None
    assert answer.entry.available == 50


async def test_a_repeat_without_attribution_is_one_by_nobody(ledger: Ledger) -> None:
    nobody = Attribution(*NOBODY)

    first = await ledger.charge(ADA, "video", 1, key="clip")
    again = await ledger.charge(ADA, "video", 1, key="clip", attribution=nobody)

    assert again.entry == first.entry


async def test_a_key_of_another_member_is_reused(ledger: Ledger) -> None:
    await ledger.charge(ADA, "video", 1, key="clip", attribution=Attribution(member_id=GRACE))

    with pytest.raises(KeyReused) as refusal:
        await ledger.charge(ADA, "video", 1, key="clip", attribution=Attribution(member_id=ADA))

    assert refusal.value.key == "clip"


async def test_a_key_is_free_in_another_workspace_and_taken_in_another_wallet(
    ledger: Ledger,
) -> None:
    await ledger.grant(GRACE, "video", 1, key="bought")

    with pytest.raises(KeyReused):
        await ledger.grant(ADA, "image", 100, key="bought")


async def test_a_refusal_tells_what_is_missing_and_is_not_kept(ledger: Ledger) -> None:
    with pytest.raises(InsufficientCredits) as refusal:
        await ledger.hold(ADA, "video", 130, key="clip")
    await ledger.grant(ADA, "video", 30, key="more")
    answer = await ledger.hold(ADA, "video", 130, key="clip")

    found = refusal.value
    assert (found.required, found.available, found.shortfall) == (130, 100, 30)
    assert not answer.is_replay


async def test_a_batch_answers_each_submission_by_itself(ledger: Ledger) -> None:
    def charge(key: str, amount: int) -> Request:
        return Request(ADA, "video", "api", key, ask.Charge(amount))

    done, too_much, together, again = await ledger.batch(
        [
            [charge("clip-1", 60)],
            [charge("clip-2", 30), charge("clip-3", 30)],
            [charge("clip-4", 20), charge("clip-5", 20)],
            [charge("clip-1", 60)],
        ]
    )

    assert isinstance(too_much, InsufficientCredits)
    assert not isinstance(done, Refusal)
    assert not isinstance(together, Refusal)
    assert not isinstance(again, Refusal)
    assert [answer.is_replay for answer in done + together + again] == [False, False, False, True]


@pytest.mark.parametrize("is_kept", [True, False])
async def test_an_operation_in_a_transaction_of_its_caller_ends_as_that_ends(
    ledger: Ledger, connection: asyncpg.Connection, *, is_kept: bool
) -> None:
    own = connection.transaction()
    await own.start()
    operations = await ledger.on(connection)
    await operations.charge(ADA, "video", 40, key="clip")
    with pytest.raises(InsufficientCredits):
        await operations.charge(ADA, "video", 61, key="clip-2")
    await (own.commit() if is_kept else own.rollback())

    balance = await ledger.balance(ADA, "video")

    assert balance.available == (60 if is_kept else 100)


async def test_a_note_lies_beside_its_entry_and_leaves_its_digest_in_it(
    ledger: Ledger, connection: asyncpg.Connection
) -> None:
    note = Note(b"salt", "ada", "a lost clip")

    answer = await ledger.grant(ADA, "video", 5, key="gift", reason="goodwill", note=note)
    await ledger.grant(ADA, "video", 5, key="gift", reason="goodwill", note=note)

    rows = await connection.fetch("SELECT sequence, salt, actor, note FROM entry_notes")
    assert answer.entry is not None
    assert [tuple(row) for row in rows] == [(answer.entry.sequence, *note)]
    assert answer.entry.note_digest == note.digest()


async def test_a_wallet_that_was_never_opened_is_told_apart_from_an_empty_one(
    ledger: Ledger,
) -> None:
    with pytest.raises(UnknownWallet):
        await ledger.hold(GRACE, "video", 1, key="clip")


async def test_the_largest_amount_is_granted_held_and_settled(ledger: Ledger) -> None:
    await ledger.grant(GRACE, "video", AMOUNT_MAX, key="bought")
    await ledger.grant(GRACE, "video", AMOUNT_MAX, key="more")
    await ledger.hold(GRACE, "video", AMOUNT_MAX, key="clip")

    answer = await ledger.settle(GRACE, "video", AMOUNT_MAX, key="clip-done", hold="clip")

    assert answer.entry is not None
    assert answer.entry.available == AMOUNT_MAX


async def test_a_clock_may_lag_a_little_and_is_refused_beyond(ledger: Ledger, clock: Clock) -> None:
    clock.at = BEGINNING - CLOCK_BACK_MAX
    answer = await ledger.charge(ADA, "video", 1, key="clip-1")
    clock.at -= timedelta(microseconds=1)
    with pytest.raises(ClockWentBack) as refusal:
        await ledger.charge(ADA, "video", 1, key="clip-2")

    assert answer.entry is not None
    assert answer.entry.posted_at == BEGINNING
    assert refusal.value.posted_at == BEGINNING


@pytest.mark.parametrize("hold_s", [0, -1])
async def test_a_hold_that_would_be_over_at_once_is_refused(ledger: Ledger, hold_s: int) -> None:
    await ledger.hold(ADA, "video", 5, key="clip")

    with pytest.raises(DeadlinePassed):
        await ledger.hold(ADA, "video", 5, key="clip-2", hold_s=hold_s)
    with pytest.raises(DeadlinePassed) as refusal:
        await ledger.renew(ADA, "video", hold="clip", hold_s=hold_s)

    assert refusal.value.at == BEGINNING


async def test_a_plan_that_ended_before_an_account_was_closed_grants_nothing_afterwards(
    ledger: Ledger, clock: Clock
) -> None:
    end_at = BEGINNING + timedelta(days=31)
    standing = StandingGrant(GRACE, 10, BEGINNING, "UTC", ends_at=end_at)
    await ledger.perform(ADA, "video", ask.Stand(standing), key="essential")
    clock.at = end_at + timedelta(days=9)
    await ledger.perform(ADA, "video", ask.Forfeit(), key="closed")
    clock.at += timedelta(days=90)

    with pytest.raises(InsufficientCredits):
        await ledger.charge(ADA, "video", 1, key="clip")


async def test_what_is_due_is_posted_on_wallets_that_nobody_touches(
    ledger: Ledger, clock: Clock
) -> None:
    await ledger.hold(ADA, "video", 30, key="clip", hold_s=60)
    await ledger.grant(GRACE, "video", 5, key="gift", expires_at=clock.at + timedelta(days=1))
    clock.at += timedelta(days=2)

    done = await ledger.post_due()

    assert (done.wallets, done.entries, done.is_complete) == (2, 2, True)
    assert (await ledger.post_due()).wallets == 0
    released, lapsed = await ledger.history(ADA), await ledger.history(GRACE)
    assert released.lines[0].entry.operation == "release"
    assert lapsed.lines[0].entry.operation == "expire"


async def test_what_is_stored_is_proved_and_what_was_changed_is_named(
    ledger: Ledger, database_url: str
) -> None:
    clean = await ledger.verify(private_key=bytes(32))
    connection = await connect(database_url)
    await connection.execute("UPDATE wallets SET available = available + 1")

    broken = await ledger.verify(private_key=bytes(32))

    await connection.execute("UPDATE wallets SET available = available - 1")
    await connection.close()
    assert (clean.is_clean, clean.wallets, clean.entries) == (True, 1, 1)
    assert not broken.is_clean
    assert broken.findings[0].table == "wallets"


def test_the_public_names_are_those_that_are_promised() -> None:
    for name in mutoscope.__all__:
        assert getattr(mutoscope, name).__name__ == name


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Wallet'"):
        mutoscope.Wallet  # noqa: B018 - looking is the test
