"""Lots, draws and the sums of what is captured, released and refunded."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.domain.chart import LOT_ACCOUNTS, MOVES, Account
from mutoscope.domain.ledger import (
    CaptureExceedsHold,
    RefundExceedsCapture,
    refunded,
    settled,
    split,
)
from mutoscope.domain.lots import (
    Draw,
    Lot,
    Terms,
    draws_for,
    granted_lot,
    is_conserved,
    moved,
    spend_order,
    spendable,
)
from mutoscope.domain.wallet import OpenHold

NOW = datetime(2025, 2, 20, tzinfo=UTC)
DAY = timedelta(days=1)
INSTANTS = st.sampled_from([NOW - DAY, NOW, NOW + DAY])


def a_lot(
    number: int, amount: int, *, ends_at: datetime | None = None, paid: int | None = None
) -> Lot:
    terms = Terms("pack", NOW - DAY, ends_at, paid_amount=paid)
    empty = granted_lot(lot=number, terms=terms, amount=amount, is_frozen=False)
    return moved(lot=empty, source="issued", target="available", amount=amount)


@st.composite
def some_lots(draw: st.DrawFn) -> list[Lot]:
    """Draw lots of every kind, some dead, some not yet effective."""
    return [
        a_lot(
            number, draw(st.integers(1, 50)), ends_at=draw(st.none() | INSTANTS),
            paid=draw(st.sampled_from([None, 39])),
        )._replace(effective_at=draw(INSTANTS))
        for number in draw(st.permutations(range(1, draw(st.integers(2, 7)))))
    ]  # fmt: skip


@given(lots=some_lots(), amount=st.integers(1, 300))
def test_draws_take_exactly_the_amount_or_nothing(lots: list[Lot], amount: int) -> None:
    draws = draws_for(lots=lots, amount=amount, at=NOW)

    assert bool(draws) == (spendable(lots=lots, at=NOW) >= amount)
    assert sum(draw.amount for draw in draws) == (amount if draws else 0)
    assert all(draw.amount > 0 for draw in draws)


@given(lots=some_lots(), amount=st.integers(1, 300))
def test_draws_never_touch_a_lot_outside_its_span(lots: list[Lot], amount: int) -> None:
    by_number = {lot.lot: lot for lot in lots}

    for draw in draws_for(lots=lots, amount=amount, at=NOW):
        lot = by_number[draw.lot]
        assert lot.effective_at <= NOW
        assert lot.expires_at is None or lot.expires_at > NOW


@given(lots=some_lots(), amount=st.integers(1, 300))
def test_a_lot_is_emptied_before_the_next_is_touched(lots: list[Lot], amount: int) -> None:
    by_number = {lot.lot: lot for lot in lots}
    draws = draws_for(lots=lots, amount=amount, at=NOW)

    order = [spend_order(by_number[draw.lot]) for draw in draws]

    assert order == sorted(order)
    assert all(draw.amount == by_number[draw.lot].available for draw in draws[:-1])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (a_lot(2, 1, ends_at=NOW + DAY), a_lot(1, 1, ends_at=NOW + 2 * DAY)),
        (a_lot(2, 1, ends_at=NOW + DAY, paid=39), a_lot(1, 1)),
        (a_lot(2, 1), a_lot(1, 1, paid=39)),
        (a_lot(2, 1, ends_at=NOW + DAY), a_lot(1, 1, ends_at=NOW + DAY, paid=39)),
        (a_lot(1, 1), a_lot(2, 1)),
    ],
)
def test_sooner_goes_before_later_then_free_before_paid_then_older(first: Lot, second: Lot) -> None:
    draws = draws_for(lots=[second, first], amount=2, at=NOW)

    assert [draw.lot for draw in draws] == [first.lot, second.lot]


def test_a_lot_is_dead_at_its_expiry_and_alive_just_before() -> None:
    lot = a_lot(1, 5, ends_at=NOW)

    assert lot.is_spendable(at=NOW - timedelta(microseconds=1))
    assert not lot.is_spendable(at=NOW)


def test_a_lot_is_spendable_from_its_first_instant_on() -> None:
    lot = a_lot(1, 5)._replace(effective_at=NOW)

    assert lot.is_spendable(at=NOW)
    assert not lot.is_spendable(at=NOW - timedelta(microseconds=1))


@given(
    amounts=st.lists(st.integers(1, 50), min_size=1, max_size=6),
    moves=st.lists(
        st.tuples(st.sampled_from(sorted(set().union(*MOVES.values()))), st.integers(1, 50)),
        max_size=20,
    ),
)
def test_no_permitted_move_loses_or_makes_a_credit(
    amounts: list[int], moves: list[tuple[tuple[Account, Account], int]]
) -> None:
    lot = a_lot(1, sum(amounts))

    for (source, target), amount in moves:
        if {source, target} <= set(LOT_ACCOUNTS) and getattr(lot, source) >= amount:
            lot = moved(lot=lot, source=source, target=target, amount=amount)
            assert is_conserved(lot)


def test_a_lot_below_zero_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        moved(lot=a_lot(1, 5), source="available", target="held", amount=6)


DRAWS = st.lists(st.integers(1, 50), min_size=1, max_size=5).map(
    lambda amounts: tuple(Draw(number, amount) for number, amount in enumerate(amounts, 1))
)


@given(draws=DRAWS, part=st.floats(0, 1))
def test_a_split_keeps_every_credit_and_the_order(draws: tuple[Draw, ...], part: float) -> None:
    amount = int(sum(draw.amount for draw in draws) * part)

    first, rest = split(draws=draws, amount=amount)

    assert sum(draw.amount for draw in first) == amount
    assert credits_of(first + rest) == credits_of(draws)


@given(draws=DRAWS, part=st.floats(0, 1))
def test_a_settlement_ends_the_whole_hold_and_releases_what_was_drawn_last(
    draws: tuple[Draw, ...], part: float
) -> None:
    held = sum(draw.amount for draw in draws)
    amount = int(held * part)
    hold = OpenHold(9, held, is_metered=False, deadline_at=NOW, draws=draws)
    lots = {draw.lot: a_lot(draw.lot, draw.amount) for draw in draws}

    postings = settled(hold=hold, lots=lots, amount=amount)

    assert sum(p.amount for p in postings) == held
    assert sum(p.amount for p in postings if p.target == Account.CAPTURED) == amount
    assert credits_of(Draw(p.lot or 0, p.amount) for p in postings) == credits_of(draws)


@given(draws=DRAWS, part=st.floats(0, 1))
def test_a_refund_gives_back_the_last_draw_first(draws: tuple[Draw, ...], part: float) -> None:
    captured = sum(draw.amount for draw in draws)
    amount = max(1, int(captured * part))
    lots = {draw.lot: a_lot(draw.lot, draw.amount) for draw in draws}

    postings = refunded(captures=draws, lots=lots, amount=amount)

    given_back = credits_of(Draw(p.lot or 0, p.amount) for p in postings)
    assert given_back == credits_of(draws)[::-1][:amount]


def test_more_than_was_held_is_never_captured() -> None:
    hold = OpenHold(9, 5, is_metered=False, deadline_at=NOW, draws=(Draw(1, 5),))

    with pytest.raises(CaptureExceedsHold) as refusal:
        settled(hold=hold, lots={1: a_lot(1, 5)}, amount=6)

    assert (refusal.value.amount, refusal.value.held) == (6, 5)


@pytest.mark.parametrize(("captures", "amount"), [((Draw(1, 5),), 6), ((), None), ((), 1)])
def test_more_than_was_captured_is_never_refunded(
    captures: tuple[Draw, ...], amount: int | None
) -> None:
    with pytest.raises(RefundExceedsCapture):
        refunded(captures=captures, lots={1: a_lot(1, 5)}, amount=amount)


def credits_of(draws: Iterable[Draw]) -> list[int]:
    """Write draws as one lot's number per credit."""
    return [draw.lot for draw in draws for _ in range(draw.amount)]
