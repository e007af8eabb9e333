"""Bad input to the ledger as embedders use it: refused by its name, and nothing is done."""

from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from conftest import database_at
from mutoscope.domain import actions as ask
from mutoscope.domain.calendar import PeriodOutOfReach
from mutoscope.domain.credits import (
    AMOUNT_MAX,
    BadAmount,
    BadKey,
    InstantOutOfReach,
    NaiveInstant,
    Refusal,
)
from mutoscope.domain.journal import Attribution
from mutoscope.domain.lots import Terms
from mutoscope.domain.requests import BadAttribution, BadWorkspace, Request
from mutoscope.domain.standing import StandingGrant
from mutoscope.domain.wall_clock import UnknownZone
from mutoscope.ledger import BadHoldSpan, Ledger, NamespaceTaken, NotRequests, TransactionMissing
from mutoscope.storage import database
from mutoscope.storage.database import DatabaseRefused, connect
from mutoscope.storage.journal import JournalClosed
from set_clock import BEGINNING, Clock

ADA = UUID(int=1)
GRACE = UUID(int=2)

Call = Callable[[Ledger], Coroutine[Any, Any, object]]


@pytest.fixture(scope="module")
async def stern(server_url: str, template: str) -> AsyncIterator[Ledger]:
    """Give a ledger to tests that write nothing, so that they share it."""
    connection = await connect(server_url)
    await connection.execute(f"CREATE DATABASE stern TEMPLATE {template}")
    async with Ledger(database_at(server_url, "stern"), now=Clock()) as ledger:
        await ledger.grant(ADA, "video", 100, key="bought")
        yield ledger
    await connection.execute("DROP DATABASE stern WITH (FORCE)")
    await connection.close()


@pytest.mark.parametrize(
    "amount", [0, -1, AMOUNT_MAX + 1, 2**63, 10**30, True, 1.0, "1", None, float("nan")]
)
@pytest.mark.parametrize("operation", ["grant", "hold", "charge"])
async def test_an_amount_that_is_no_whole_number_of_credits_is_refused(
    stern: Ledger, amount: object, operation: str
) -> None:
    with pytest.raises(BadAmount) as refusal:
        await getattr(stern, operation)(ADA, "video", amount, key="clip")

    assert refusal.value.amount is amount
    assert (await stern.balance(ADA, "video")).sequence == 1


NAIVE = datetime(2025, 1, 20)  # noqa: DTZ001 - the point of it


FINE = StandingGrant(GRACE, 10, BEGINNING, "UTC")


async def stand(ledger: Ledger, standing: StandingGrant) -> None:
    await ledger.perform(ADA, "video", ask.Stand(standing), key="essential")


CHARGE = Request(ADA, "video", "api", "clip", ask.Charge(1))

BAD: dict[str, tuple[type[Refusal], Call]] = {
    "empty key": (BadKey, lambda ledger: ledger.charge(ADA, "video", 1, key="")),
    "key with a space": (BadKey, lambda ledger: ledger.charge(ADA, "video", 1, key="a b")),
    "key with a line end": (BadKey, lambda ledger: ledger.charge(ADA, "video", 1, key="a\n")),
    "key too long": (BadKey, lambda ledger: ledger.charge(ADA, "video", 1, key="k" * 201)),
    "key outside ASCII": (BadKey, lambda ledger: ledger.charge(ADA, "video", 1, key="clé")),
    "kind": (BadKey, lambda ledger: ledger.charge(ADA, "Video", 1, key="clip")),
    "reason": (BadKey, lambda ledger: ledger.charge(ADA, "video", 1, key="clip", reason="A b")),
    "source": (BadKey, lambda ledger: ledger.grant(ADA, "video", 1, key="g", source="no no")),
    "hold's key": (BadKey, lambda ledger: ledger.release(ADA, "video", key="r", hold="\x00")),
    "no text as hold": (
        BadKey,
        lambda ledger: ledger.release(ADA, "video", key="r", hold=5),
    ),
    "text as workspace": (
        BadWorkspace,
        lambda ledger: ledger.charge(str(ADA), "video", 1, key="clip"),
    ),
    "naive expiry": (
        NaiveInstant, lambda ledger: ledger.grant(ADA, "video", 1, key="g", expires_at=NAIVE)
    ),
    "naive deadline": (
        NaiveInstant,
        lambda ledger: ledger.perform(ADA, "video", ask.Hold(1, NAIVE), key="clip"),
    ),
    "standing amount": (BadAmount, lambda ledger: stand(ledger, FINE._replace(amount=0))),
    "standing zone": (UnknownZone, lambda ledger: stand(ledger, FINE._replace(zone="Mars"))),
    "naive anchor": (NaiveInstant, lambda ledger: stand(ledger, FINE._replace(anchor_at=NAIVE))),
    "naive end": (NaiveInstant, lambda ledger: stand(ledger, FINE._replace(ends_at=NAIVE))),
    "last instant of all": (
        InstantOutOfReach,
        lambda ledger: ledger.grant(
            ADA, "video", 1, key="g", expires_at=datetime.max.replace(tzinfo=UTC)
        ),
    ),
    "no instant": (
        NaiveInstant,
        lambda ledger: ledger.grant(ADA, "video", 1, key="g", expires_at="2027-01-01"),
    ),
    "a currency of no money": (
        BadAmount,
        lambda ledger: ledger.perform(
            ADA, "video", ask.Grant(1, Terms("pack", BEGINNING, currency="usd")), key="g"
        ),
    ),
    "source that ends": (
        BadKey, lambda ledger: ledger.perform(ADA, "video", ask.Expire("no no"), key="end")
    ),
    "member": (
        BadAttribution,
        lambda ledger: ledger.charge(
            ADA, "video", 1, key="clip", attribution=Attribution("ann")
        ),
    ),
    "attribution": (
        BadAttribution,
        lambda ledger: ledger.charge(ADA, "video", 1, key="clip", attribution="ann"),
    ),
    "namespace of renewals": (
        NamespaceTaken,
        lambda ledger: ledger.perform(ADA, "video", ask.Charge(1), key="c", namespace="renewal"),
    ),
    "a namespace that is no text": (
        BadKey,
        lambda ledger: ledger.perform(ADA, "video", ask.Charge(1), key="c", namespace=[]),
    ),
    "a number as submission": (NotRequests, lambda ledger: ledger.submit(1)),
    "a number as batch": (NotRequests, lambda ledger: ledger.batch(1)),
    "numbers as submissions": (NotRequests, lambda ledger: ledger.batch([1])),
    "a request as submission": (NotRequests, lambda ledger: ledger.batch([CHARGE])),
    "numbers as requests": (NotRequests, lambda ledger: ledger.batch([[CHARGE], [1]])),
    "a row as request": (NotRequests, lambda ledger: ledger.submit([tuple(CHARGE)])),
    "hold for ever": (
        BadHoldSpan, lambda ledger: ledger.hold(ADA, "video", 1, key="clip", hold_s=10**12)
    ),
    "hold for no number": (
        BadHoldSpan,
        lambda ledger: ledger.hold(ADA, "video", 1, key="clip", hold_s=None),
    ),
    "text as workspace of a balance": (
        BadWorkspace, lambda ledger: ledger.balance("ada", "video")
    ),
    "text as workspace of a history": (
        BadWorkspace, lambda ledger: ledger.history("ada")
    ),
    "period": (PeriodOutOfReach, lambda ledger: stand(ledger, FINE._replace(next_index=-1))),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
async def test_bad_input_is_refused_by_name_and_does_nothing(stern: Ledger, bad: str) -> None:
    refusal, call = BAD[bad]

    with pytest.raises(refusal):
        await call(stern)

    balance = await stern.balance(ADA, "video")
    assert (balance.sequence, balance.next_grant_at) == (1, None)


async def test_requests_that_can_be_read_once_are_done(database_url: str) -> None:
    async with Ledger(database_url, now=Clock()) as ledger:
        await ledger.grant(ADA, "video", 100, key="bought")

        (outcome,) = await ledger.batch([iter([CHARGE])])

        assert (await ledger.balance(ADA, "video")).spendable == 99
        assert not isinstance(outcome, Refusal)


async def test_who_and_why_is_told_by_the_names_that_there_are(stern: Ledger) -> None:
    with pytest.raises(TypeError, match="why"):
        await stern.charge(ADA, "video", 1, key="clip", why="asked for")


async def test_a_ledger_that_is_not_open_says_so(database_url: str) -> None:
    async with Ledger(database_url) as closed:
        pass

    for ledger in (closed, Ledger(database_url)):
        with pytest.raises(JournalClosed):
            await ledger.charge(ADA, "video", 1, key="clip")
        with pytest.raises(JournalClosed):
            await ledger.balance(ADA, "video")


async def test_a_server_that_is_too_old_is_refused_before_anything_is_made(
    server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "VERSION_LEAST", 990_000)

    with pytest.raises(DatabaseRefused, match="too old"):
        await Ledger(server_url).__aenter__()

    connection = await connect(server_url)
    assert await connection.fetchval("SELECT to_regclass('wallets')") is None
    await connection.close()


async def test_an_operation_of_a_caller_without_a_transaction_is_refused(
    stern: Ledger, server_url: str
) -> None:
    connection = await connect(database_at(server_url, "stern"))
    operations = await stern.on(connection)

    with pytest.raises(TransactionMissing):
        await operations.charge(ADA, "video", 1, key="clip")

    await connection.close()
    assert (await stern.balance(ADA, "video")).sequence == 1


async def test_a_clock_without_a_zone_opens_no_ledger(database_url: str) -> None:
    with pytest.raises(NaiveInstant, match="now 2025-01-20T00:00:00 has no zone"):
        await Ledger(database_url, now=lambda: NAIVE).__aenter__()
