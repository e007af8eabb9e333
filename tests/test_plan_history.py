"""What the history of a plan says of each event, and when it says that it happened."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from command_line import run_here
from mutoscope.domain.billing_words import EVENTS, happened, happened_at
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
        (Event.RENEW, "it renewed, or what was scheduled began", DUE_AT),
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


def test_an_end_that_was_undone_is_not_said_to_have_taken_effect(
    database_url: str, tmp_path: Path
) -> None:
    place = {"database_url": database_url, "data": tmp_path}
    made = run_here("workspace", "create", "Ada", "--json", **place).json()
    workspace = made["workspace"]["workspace_id"]
    for command in (("start", workspace, "pro"), ("cancel", workspace), ("undo", workspace)):
        assert run_here("subscription", *command, "--json", **place).code == 0, command

    told = run_here("subscription", "history", workspace, **place).output

    assert "took effect" not in told
    rows = told.splitlines()[-3:]
    words = ("what was scheduled was undone", "a change or an end was scheduled", "plan started")
    assert all(word in row for word, row in zip(words, rows, strict=True)), told
    assert len({row[:11] for row in rows}) == 1, told
