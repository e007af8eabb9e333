"""A journal that is lived through again ends as it did, unless an amount differs."""

from datetime import datetime

import pytest
from hypothesis import given, settings

from ledger_requests import ADA, BEGINNING, do, fresh, histories, wallet_of
from mutoscope.domain import actions as ask
from mutoscope.domain.journal import Entry
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import Submission, plan
from mutoscope.domain.requests import Request
from mutoscope.domain.rewriting import Outcome, Rewriting, Shortage, moved_amount

PACK = Terms("pack", BEGINNING)


def again(entries: list[Entry]) -> Rewriting:
    """Return a wallet that has lived through some entries again."""
    rewriting = Rewriting(workspace_id=ADA, kind="video")
    for entry in entries:
        rewriting.follow(entry)
    return rewriting


def ends(lots: dict[int, object]) -> list[tuple[object, ...]]:
    """Return lots without their numbers, which only count the lines before."""
    return [tuple(lot)[1:] for _, lot in sorted(lots.items())]  # type: ignore[arg-type]


@given(histories(length=40))
@settings(deadline=None)
def test_a_journal_lived_through_again_ends_as_it_did(
    history: list[tuple[datetime, Request]],
) -> None:
    facts = fresh()
    for at, request in history:
        plan(facts=facts, submissions=[Submission((request,))], at=at)
    wallet = wallet_of(facts)

    lived = again(wallet.entries).wallet

    assert ends(lived.lots) == ends(wallet.lots)  # type: ignore[arg-type]
    assert (lived.available, lived.held) == (wallet.available, wallet.held)


def story(**actions: ask.Action) -> list[Entry]:
    facts = fresh()
    outcomes = do(facts, at=BEGINNING, **actions)
    assert all(isinstance(outcome, tuple) for outcome in outcomes)
    return wallet_of(facts).entries


def doubled(entry: Entry, amount: int) -> int:
    return amount if entry.terms else amount * 2


HELD = {
    "pack": ask.Grant(100, PACK),
    "hold": ask.Hold(60, BEGINNING.replace(year=2026)),
    "end": ask.Settle(ask.Reference("api", "hold"), 40),
    "back": ask.Refund(ask.Reference("api", "end"), 10),
}


def outcomes_of(entries: list[Entry]) -> tuple[Rewriting, list[Outcome]]:
    rewriting = Rewriting(workspace_id=ADA, kind="video")
    return rewriting, [rewriting.follow(entry, doubled) for entry in entries]


def test_what_cannot_be_paid_is_left_out_with_all_that_follows() -> None:
    rewriting, outcomes = outcomes_of(story(**HELD))

    shortage = outcomes[1].shortage
    assert isinstance(shortage, Shortage)
    assert (shortage.required, shortage.available) == (120, 100)
    assert outcomes[2:] == [Outcome(), Outcome()]
    assert rewriting.wallet.available == 100


def test_a_dearer_job_captures_more_and_its_refund_is_the_same_share() -> None:
    story_of_more = {**HELD, "pack": ask.Grant(200, PACK)}

    rewriting, outcomes = outcomes_of(story(**story_of_more))

    end, back = outcomes[2].entry, outcomes[3].entry
    assert end is not None
    assert back is not None
    assert moved_amount(end, "captured") == 80
    assert moved_amount(back, "available") == 20
    assert rewriting.wallet.available == 140


def test_a_grant_that_the_draft_does_not_give_is_left_out() -> None:
    entries = story(
        gift=ask.Grant(50, PACK), undone=ask.Void(ask.Reference("api", "gift")),
        iced=ask.Freeze(ask.Reference("api", "gift")),
    )  # fmt: skip
    rewriting = Rewriting(workspace_id=ADA, kind="video")

    outcomes = [rewriting.follow(entry, lambda *_: 0) for entry in entries]

    assert outcomes == [Outcome()] * 3
    assert rewriting.wallet.lots == {}


@pytest.mark.parametrize(("there", "left"), [(30, 0), (100, 40)])
def test_a_correction_takes_what_is_there(there: int, left: int) -> None:
    entries = story(pack=ask.Grant(100, PACK), less=ask.Adjust(60))
    rewriting = Rewriting(workspace_id=ADA, kind="video")

    for entry in entries:
        rewriting.follow(entry, lambda entry, amount: there if entry.terms else amount)

    assert rewriting.wallet.available == left


@pytest.mark.parametrize(("there", "left"), [(30, [0, 50]), (100, [40, 50]), (0, [50])])
def test_a_part_that_is_taken_back_is_taken_of_its_own_grant(there: int, left: list[int]) -> None:
    of = ask.Reference("api", "pack")
    entries = story(
        pack=ask.Grant(100, PACK), other=ask.Grant(50, PACK), less=ask.Adjust(60, grant=of)
    )
    rewriting = Rewriting(workspace_id=ADA, kind="video")

    for entry in entries:
        is_less = entry.key == "pack"
        rewriting.follow(entry, lambda _, amount, is_less=is_less: there if is_less else amount)

    assert [lot.available for lot in rewriting.wallet.lots.values()] == left
