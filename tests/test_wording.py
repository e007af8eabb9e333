"""What a journal line says in plain words."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.domain.chart import MOVES, Account, Operation
from mutoscope.domain.journal import NOBODY, Entry, Posting
from mutoscope.domain.lots import Terms
from mutoscope.domain.wording import MESSAGES, Message, spoken, words

AT = datetime(2025, 1, 31, tzinfo=UTC)
OUTSIDE_THE_LOTS = {Account.UNLIMITED, Account.METERING, Account.OPERATOR}


def entry(
    operation: Operation,
    *postings: Posting,
    terms: Terms | None = None,
    refers_to: int | None = None,
    reason: str | None = None,
) -> Entry:
    return Entry(
        9, operation, "api", "clip-1", b"", AT, AT, refers_to, reason, 0, 0, NOBODY, None,
        postings, terms, b"",
    )  # fmt: skip


def moved(source: Account, target: Account, amount: int) -> Posting:
    return Posting(source, target, None if source in OUTSIDE_THE_LOTS else 1, amount)


_ = Account
HELD = moved(_.AVAILABLE, _.HELD, 50)
CAPTURED = moved(_.HELD, _.CAPTURED, 45)
RETURNED = moved(_.HELD, _.AVAILABLE, 5)
RETURNED_FROZEN = moved(_.HELD, _.FROZEN, 5)
METERED = moved(_.METERING, _.METERED, 3)
NOT_METERED = moved(_.METERING, _.UNLIMITED, 1)


@pytest.mark.parametrize(
    ("operation", "postings", "expected"),
    [
        (Operation.HOLD, [HELD], "50 credits held"),
        (Operation.HOLD, [HELD, moved(_.AVAILABLE, _.HELD, 1_450)], "1,500 credits held"),
        (Operation.HOLD, [moved(_.UNLIMITED, _.METERING, 4)],
         "4 credits of unlimited use begun, at no charge"),
        (Operation.SETTLE, [CAPTURED], "45 credits charged"),
        (Operation.SETTLE, [CAPTURED, RETURNED], "45 charged, 5 returned"),
        (Operation.SETTLE, [CAPTURED, RETURNED, RETURNED_FROZEN],
         "45 charged, 10 returned, 5 of them frozen"),
        (Operation.SETTLE, [RETURNED], "Not charged: 5 credits returned"),
        (Operation.SETTLE, [METERED], "3 credits of unlimited use, at no charge"),
        (Operation.SETTLE, [METERED, NOT_METERED],
         "3 credits of unlimited use, at no charge, 1 not used"),
        (Operation.RELEASE, [RETURNED], "Not charged: 5 credits returned"),
        (Operation.RELEASE, [RETURNED_FROZEN],
         "Not charged: 5 credits returned, 5 of them frozen"),
        (Operation.RELEASE, [NOT_METERED], "1 credit of unlimited use not made"),
        (Operation.CHARGE, [moved(_.AVAILABLE, _.CAPTURED, 1)], "1 credit charged"),
        (Operation.REFUND, [moved(_.CAPTURED, _.AVAILABLE, 45)], "45 credits refunded"),
        (Operation.REFUND, [moved(_.CAPTURED, _.FROZEN, 45)],
         "45 credits refunded, 45 of them frozen"),
        (Operation.VOID, [moved(_.AVAILABLE, _.VOIDED, 7)], "7 credits of a grant taken back"),
        (Operation.VOID, [], "A grant was taken back: nothing was left of it"),
        (Operation.ADJUST, [moved(_.ISSUED, _.AVAILABLE, 7)], "7 credits added as a correction"),
        (Operation.ADJUST, [moved(_.AVAILABLE, _.VOIDED, 7)],
         "7 credits taken away as a correction"),
        (Operation.FREEZE, [moved(_.AVAILABLE, _.FROZEN, 700)], "700 credits frozen"),
        (Operation.FREEZE, [], "No credits were left to freeze"),
        (Operation.THAW, [moved(_.FROZEN, _.AVAILABLE, 700)], "700 credits thawed"),
        (Operation.THAW, [], "No credits were there to thaw"),
        (Operation.FORFEIT, [moved(_.FROZEN, _.FORFEITED, 700)], "700 credits forfeited"),
        (Operation.FORFEIT, [], "No credits were left to forfeit"),
        (Operation.METER, [moved(_.UNLIMITED, _.METERED, 3)],
         "3 credits of unlimited use, at no charge"),
        (Operation.ABSORB, [moved(_.OPERATOR, _.ABSORBED, 5)],
         "5 credits paid by the studio, not by you"),
    ],
)  # fmt: skip
def test_a_line_says_what_its_postings_did(
    operation: Operation, postings: list[Posting], expected: str
) -> None:
    assert words(entry=entry(operation, *postings)) == expected


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("plan", _.AVAILABLE, "200 plan credits granted"),
        ("pack", _.AVAILABLE, "200 purchased credits granted"),
        ("loyalty_bonus", _.AVAILABLE, "200 loyalty bonus credits granted"),
        ("pack", _.FROZEN, "200 purchased credits granted, frozen until a plan is active"),
    ],
)
def test_a_grant_says_where_it_came_from(source: str, target: Account, expected: str) -> None:
    terms = Terms(source=source, effective_at=AT)

    line = entry(Operation.GRANT, moved(_.ISSUED, target, 200), terms=terms)

    assert words(entry=line) == expected


@pytest.mark.parametrize("place", [_.AVAILABLE, _.FROZEN])
def test_a_part_of_a_grant_that_is_taken_back_is_no_correction(place: Account) -> None:
    line = entry(Operation.ADJUST, moved(place, _.VOIDED, 7), refers_to=4)

    assert words(entry=line) == "7 credits of a grant taken back"


def test_a_lapse_says_how_much_is_gone_and_an_ended_source_is_named() -> None:
    gone = moved(_.AVAILABLE, _.EXPIRED, 320)

    assert words(entry=entry(Operation.EXPIRE, gone, refers_to=4)) == "320 credits lapsed"
    ended = entry(Operation.EXPIRE, gone, reason="trial")
    assert words(entry=ended) == "320 trial credits lapsed"
    spent = entry(Operation.EXPIRE, reason="trial")
    assert words(entry=spent) == "No trial credits were left to lapse"


def test_a_release_at_the_deadline_says_that_time_ran_out() -> None:
    line = entry(Operation.RELEASE, RETURNED, reason="deadline", refers_to=3)

    assert words(entry=line) == "Not charged: 5 credits returned, the job's time ran out"


@st.composite
def permitted_entries(draw: st.DrawFn) -> Entry:
    operation = draw(st.sampled_from(sorted(MOVES)))
    is_outside = draw(st.booleans())
    moves = [m for m in sorted(MOVES[operation]) if (m[0] in OUTSIDE_THE_LOTS) == is_outside]
    moves = moves or sorted(MOVES[operation])
    chosen = draw(st.lists(st.sampled_from(moves), min_size=1, max_size=6))
    amounts = draw(st.lists(st.integers(1, 10**12), min_size=len(chosen), max_size=len(chosen)))
    reason = draw(st.sampled_from((None, "deadline", "charged_back")))
    postings = [moved(*move, amount) for move, amount in zip(chosen, amounts, strict=True)]
    return entry(operation, *postings, reason=reason, refers_to=draw(st.sampled_from((1, 2))))


@given(line=permitted_entries())
def test_charged_is_said_exactly_of_credits_that_were_captured(line: Entry) -> None:
    said = words(entry=line)

    captured = sum(p.amount for p in line.postings if p.target == Account.CAPTURED)
    charges = re.findall(r"(?<!Not )(?:^|, )([\d,]+) (?:credits? )?charged", said)
    assert charges == ([f"{captured:,}"] if captured else [])
    assert len(re.findall("charged", said)) == len(charges) + said.count("Not charged")
    assert not (captured and "Not charged" in said)


@given(line=permitted_entries())
def test_what_came_back_from_a_hold_is_said_to_the_last_credit(line: Entry) -> None:
    back = sum(
        posting.amount
        for posting in line.postings
        if posting.source == Account.HELD and posting.target != Account.CAPTURED
    )

    said = words(entry=line)

    returned = re.findall(r"([\d,]+) (?:credits? )?returned", said)
    assert returned == ([f"{back:,}"] if back else [])


@pytest.mark.parametrize("code", sorted(MESSAGES))
def test_every_message_can_be_spoken_of_one_credit_and_of_many(code: str) -> None:
    one, many = (spoken(message=Message(code, amount, "plan")) for amount in (1, 2_000))

    assert "1 credits" not in one
    assert "2,000 credit " not in many
    assert "{" not in one + many
