"""What a process remembers of wallets: what was written, and nothing that was only planned."""

from datetime import timedelta

import pytest

from ledger_requests import ADA, BEGINNING, do, fresh, wallet_of
from mutoscope.domain import actions as ask
from mutoscope.domain.lots import Terms
from mutoscope.domain.requests import Request
from mutoscope.storage.wallet_cache import WALLETS_MAX, WalletCache

HOUR = timedelta(hours=1)
CHARGE = Request(ADA, "video", "api", "frame-1", ask.Charge(1))


@pytest.fixture
def cache() -> WalletCache:
    cache, facts = WalletCache(), fresh()
    do(facts, at=BEGINNING, bought=ask.Grant(9, Terms("pack", BEGINNING)))
    cache.keep(facts)
    return cache


def test_a_wallet_is_remembered_as_it_was_written(cache: WalletCache) -> None:
    facts, unknown = cache.take([CHARGE], BEGINNING)

    assert unknown == []
    assert (wallet_of(facts).available, wallet_of(facts).version) == (9, 1)
    assert not wallet_of(facts).is_changed()


def test_a_wallet_that_was_planned_but_not_written_is_not_believed(cache: WalletCache) -> None:
    facts, _ = cache.take([CHARGE], BEGINNING)
    do(facts, at=BEGINNING, lost=ask.Charge(1))

    facts, unknown = cache.take([CHARGE], BEGINNING)

    assert (facts.wallets, unknown) == ({}, [CHARGE])


def test_the_hold_that_a_settlement_names_is_remembered_while_it_is_open(
    cache: WalletCache,
) -> None:
    settlement = Request(ADA, "video", "api", "done", ask.Settle(ask.Reference("api", "clip"), 1))
    facts, _ = cache.take([CHARGE], BEGINNING)
    do(facts, at=BEGINNING, clip=ask.Hold(2, BEGINNING + HOUR))
    cache.keep(facts)
    facts, unknown = cache.take([settlement], BEGINNING)
    assert unknown == []

    do(facts, at=BEGINNING, done=settlement.action)
    cache.keep(facts)

    assert cache.take([settlement], BEGINNING)[1] == [settlement]


def test_a_wallet_on_which_something_is_due_is_read_anew(cache: WalletCache) -> None:
    facts, _ = cache.take([CHARGE], BEGINNING)
    do(facts, at=BEGINNING, clip=ask.Hold(2, BEGINNING + HOUR))
    cache.keep(facts)

    assert cache.take([CHARGE], BEGINNING + HOUR)[1] == [CHARGE]


def test_the_wallet_that_was_remembered_first_is_forgotten_first(cache: WalletCache) -> None:
    others = fresh()
    wallet = others.wallets.pop((ADA, "video"))
    others.wallets.update({(ADA, f"kind_{number}"): wallet for number in range(WALLETS_MAX)})

    cache.keep(others)

    assert cache.take([CHARGE], BEGINNING)[1] == [CHARGE]
