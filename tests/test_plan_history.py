"""What the history of a plan says of each event, and when it says that it happened."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from command_line import Done, run_here
from mutoscope.domain.agreed import Agreed
from mutoscope.domain.billing_words import EVENTS, happened, happened_at
from mutoscope.domain.plan_changes import ScheduledChange
from mutoscope.domain.subscriptions import TRANSITIONS, Event

ASKED_AT = datetime(2025, 1, 31, 9, tzinfo=UTC)
DUE_AT = datetime(2025, 2, 27, 20, tzinfo=UTC)
TOKYO = "Asia/Tokyo"


@pytest.mark.parametrize(
    ("event", "words", "at"),
    [
        (Event.START, "the plan started", DUE_AT),
        (Event.UPGRADE, "it became larger", DUE_AT),
        (Event.SCHEDULE, "a change or an end was scheduled for 28 February 2025", ASKED_AT),
        (Event.UNDO, "what was scheduled was undone", ASKED_AT),
        (Event.AGREE, "its terms were agreed on", DUE_AT),
        (Event.RENEW, "it renewed", DUE_AT),
        (Event.MISS, "a payment was missed", DUE_AT),
        (Event.PAY, "it was paid", DUE_AT),
        (Event.SUSPEND, "it was suspended, unpaid", DUE_AT),
        (Event.END, "it ended", DUE_AT),
        (Event.LAPSE, "the trial ended", DUE_AT),
        (Event.CLOSE, "the workspace was closed", DUE_AT),
    ],
)
def test_each_event_is_told_in_words_with_its_instant(
    event: Event, words: str, at: datetime
) -> None:
    assert happened(event, due_at=DUE_AT, zone=TOKYO) == words
    assert happened_at(event, due_at=DUE_AT, changed_at=ASKED_AT) == at


def test_every_event_of_the_table_has_words() -> None:
    assert set(EVENTS) == set(Event) >= {event for _, event in TRANSITIONS}


@pytest.mark.parametrize(
    ("scheduled", "words"),
    [
        ({"plan": "essential"}, "a change to essential"),
        ({"months_per_charge": 12}, "a change to payment by the year"),
        ({"zone": TOKYO}, "a change to billing dates in Asia/Tokyo"),
        ({"agreed": Agreed(can_purchase=True)}, "a change to agreed terms"),
        ({}, "a change to new terms of the catalog"),
        ({"is_end": True}, "the plan's end"),
        (
            {"plan": "pro", "months_per_charge": 1, "zone": TOKYO},
            "a change to pro, payment by the month and billing dates in Asia/Tokyo",
        ),
    ],
)
def test_what_was_scheduled_is_named_and_what_became_of_it(
    scheduled: dict[str, Any], words: str
) -> None:
    change = ScheduledChange(at=DUE_AT, **scheduled)

    told = {
        event: happened(event, due_at=ASKED_AT, zone=TOKYO, scheduled=change)
        for event in (Event.SCHEDULE, Event.UNDO, Event.UPGRADE, Event.RENEW, Event.END)
    }

    undone = f"{words}, scheduled for 28 February 2025, was undone"
    assert told == {
        Event.SCHEDULE: f"{words} was scheduled for 28 February 2025",
        Event.UNDO: undone, Event.UPGRADE: f"it became larger; {undone}",
        Event.RENEW: f"{words} began", Event.END: "it ended",
    }  # fmt: skip


class Plan:
    """A workspace whose plan is changed by commands."""

    def __init__(self, **place: Any) -> None:  # noqa: ANN401 -- where commands run
        self.place = place
        made = run_here("workspace", "create", "Ada", "--json", **place).json()
        self.workspace: str = made["workspace"]["workspace_id"]

    def do(self, command: str, *more: str) -> Done:
        done = run_here("subscription", command, self.workspace, *more, **self.place)
        assert done.code == 0, done.errors
        return done


@pytest.fixture
def plan(database_url: str, tmp_path: Path) -> Plan:
    return Plan(database_url=database_url, data=tmp_path)


def test_an_end_that_was_undone_is_not_said_to_have_taken_effect(plan: Plan) -> None:
    for command in (("start", "pro"), ("cancel",), ("undo",)):
        plan.do(*command)

    told = plan.do("history").output

    assert "took effect" not in told
    rows = told.splitlines()[-3:]
    words = ("the plan's end, scheduled", "the plan's end was scheduled", "plan started")
    assert all(word in row for word, row in zip(words, rows, strict=True)), told
    assert len({row[:11] for row in rows}) == 1, told


def test_a_change_that_was_scheduled_is_kept_with_what_took_it_back(plan: Plan) -> None:
    for command in (
        ("start", "pro"), ("schedule", "--plan", "essential"), ("undo",),
        ("schedule", "--annual", "--zone", TOKYO), ("upgrade", "unlimited", "--yes"),
    ):  # fmt: skip
        plan.do(*command)

    changes = plan.do("history", "--json").json()
    upgraded, by_the_year, undone, smaller, started = [each["scheduled"] for each in changes]
    words = plan.do("history").output

    assert (upgraded, undone, started) == (by_the_year, smaller, None)
    assert (by_the_year["months_per_charge"], by_the_year["zone"]) == (12, TOKYO)
    assert (by_the_year["plan"], by_the_year["is_end"]) == (None, False)
    assert (smaller["plan"], smaller["at"]) == ("essential", changes[3]["due_at"])
    assert (smaller["months_per_charge"], smaller["zone"], smaller["agreed"]) == (None, None, None)
    assert "a change to essential, scheduled for" in words
    assert "it became larger; a change to payment by the year and billing dates in" in words
