"""The replay refuses what a chain cannot see: lines that are hashed well and break the rules."""

from collections.abc import Sequence
from typing import Any

import pytest

from eventful_journal import IMAGES, STUDIOS, VIDEOS, WHO, Step, day
from mutoscope.domain.findings import Broken, Fault
from mutoscope.domain.journal import EPOCH, GENESIS, Entry, Posting
from mutoscope.domain.planner import Facts, Submission, plan
from mutoscope.domain.replay import Replay
from mutoscope.domain.requests import Request
from mutoscope.domain.wallet import Wallet
from mutoscope.domain.wallet_row import WalletRow


def told(story: Sequence[Step]) -> list[Entry]:
    """Return the journal of a story, planned in memory."""
    kind = story[0][1]
    wallet = Wallet(WalletRow(STUDIOS[0], kind, 0, GENESIS, 0, 0, EPOCH, EPOCH, None, 0))
    facts = Facts({(STUDIOS[0], kind): wallet}, {})
    for number, _, key, action in story:
        request = Request(STUDIOS[0], kind, "api", key, action, WHO)
        (outcome,) = plan(facts=facts, submissions=[Submission((request,))], at=day(number))
        assert isinstance(outcome, tuple), outcome
    return wallet.entries


IMAGE_JOURNAL = told(IMAGES)
VIDEO_JOURNAL = told(VIDEOS)


def replayed(journal: Sequence[Entry]) -> Replay:
    replay = Replay(refunded=[e.refers_to or 0 for e in journal if e.operation == "refund"])
    for entry in journal:
        replay.follow(entry)
    return replay


def altered(journal: Sequence[Entry], sequence: int, **changes: Any) -> list[Entry]:  # noqa: ANN401 - any field
    entry = journal[sequence - 1]._replace(**changes)
    return [*journal[: sequence - 1], entry, *journal[sequence:]]


def moves(*lines: tuple[str, str, int | None, int]) -> tuple[Posting, ...]:
    return tuple(Posting(*line) for line in lines)


@pytest.mark.parametrize("journal", [IMAGE_JOURNAL, VIDEO_JOURNAL])
def test_an_honest_journal_is_followed_to_its_end(journal: list[Entry]) -> None:
    replay = replayed(journal)

    last = journal[-1]
    assert (replay.sequence, replay.available, replay.held) == (
        last.sequence,
        last.available,
        last.held,
    )
    replay.check_nothing_missed(at=last.due_at)


@pytest.mark.parametrize(
    ("sequence", "changes", "fault"),
    [
        (4, {"due_at": day(-1)}, Fault.TIME_WENT_BACK),
        (7, {"posted_at": day(0.5)}, Fault.TIME_WENT_BACK),
        (7, {"due_at": day(1.5)}, Fault.POSTED_BEFORE_DUE),
        (6, {"refers_to": 6}, Fault.REFERENCE_NOT_EARLIER),
        (7, {"operation": "gift"}, Fault.OPERATION_UNKNOWN),
        (7, {"postings": moves(("held", "captured", 3, 55))}, Fault.MOVE_NOT_PERMITTED),
        (7, {"postings": moves(("available", "captured", 3, -5))}, Fault.AMOUNT_NOT_POSITIVE),
        (7, {"postings": ()}, Fault.POSTINGS_DIFFER),
        (7, {"postings": moves(("available", "captured", 1, 55))}, Fault.POSTINGS_DIFFER),
        (7, {"postings": moves(("available", "captured", 3, 5_000))}, Fault.POSTINGS_DIFFER),
        (7, {"available": 1}, Fault.BALANCE_DIFFERS),
        (1, {"terms": None}, Fault.TERMS_MISSING),
        (7, {"terms": IMAGE_JOURNAL[0].terms}, Fault.TERMS_WITHOUT_GRANT),
        (6, {"refers_to": 1}, Fault.HOLD_NOT_OPEN),
        (9, {"refers_to": 5}, Fault.HOLD_NOT_OPEN),
        (6, {"postings": moves(("held", "captured", 3, 61))}, Fault.CAPTURE_EXCEEDS_HOLD),
        (11, {"refers_to": 6}, Fault.REFUND_WITHOUT_CAPTURE),
        (10, {"postings": moves(("captured", "available", 3, 41))}, Fault.REFUND_EXCEEDS_CAPTURE),
        (22, {"refers_to": 5}, Fault.LOT_UNKNOWN),
        (24, {"refers_to": 1}, Fault.LAPSED_TOO_EARLY),
        (33, {"refers_to": 1}, Fault.LAPSED_TOO_EARLY),
        (33, {"namespace": "api"}, Fault.LAPSE_MISSED),
        (27, {"postings": ()}, Fault.POSTINGS_DIFFER),
        (
            35,
            {"key": IMAGE_JOURNAL[18].key, "terms": IMAGE_JOURNAL[18].terms},
            Fault.PERIOD_GRANTED_TWICE,
        ),
    ],
)
def test_a_line_that_breaks_a_rule_is_named_by_the_rule(
    sequence: int, changes: dict[str, Any], fault: Fault
) -> None:
    journal = altered(IMAGE_JOURNAL, sequence, **changes)

    with pytest.raises(Broken) as broken:
        replayed(journal)

    assert broken.value.fault == fault
    assert str(broken.value).startswith(f"{fault}: expected ")


def test_what_closes_many_lots_may_name_them_in_any_order() -> None:
    thaw = next(entry for entry in IMAGE_JOURNAL if entry.key == "thaw")
    turned = thaw.postings[::-1]

    replay = replayed(altered(IMAGE_JOURNAL, thaw.sequence, postings=turned))

    assert len(turned) == 2
    assert replay.sequence == IMAGE_JOURNAL[-1].sequence


def test_credits_left_in_a_lot_that_is_over_are_missed_at_the_end() -> None:
    replay = replayed(IMAGE_JOURNAL[:31])

    with pytest.raises(Broken, match="lapse_missed: expected lot 31 empty"):
        replay.check_nothing_missed(at=day(9))


def test_a_forfeited_lot_ends_what_comes_back_to_it() -> None:
    follow_ups = [each for each in VIDEO_JOURNAL if each.namespace == "lapse"]

    assert [(each.operation, each.refers_to) for each in follow_ups] == [("forfeit", 1)]
