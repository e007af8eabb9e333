"""What followers are told passes through mailboxes of a stated size, and streams are counted."""

from uuid import UUID

import pytest

from mutoscope.app import live
from mutoscope.app.live import END, QUEUE_MAX, RESET, Live, Mailbox, TooManyStreams
from mutoscope.storage.live import Notice

ANN = UUID(int=0xA)


async def test_what_does_not_fit_a_mailbox_is_told_as_one_reset() -> None:
    mailbox = Mailbox(workspace_id=ANN, person_id=ANN)
    for number in range(QUEUE_MAX + 1):
        mailbox.put(Notice("message", ANN, (str(number),)))

    assert await mailbox.take(timeout_s=0.1) is RESET
    assert await mailbox.take(timeout_s=0.01) is None


async def test_an_end_is_told_to_a_full_mailbox_too() -> None:
    mailbox = Mailbox(workspace_id=ANN, person_id=ANN)
    for number in range(QUEUE_MAX):
        mailbox.put(Notice("message", ANN, (str(number),)))

    mailbox.put(END)

    assert await mailbox.take(timeout_s=0.1) is END


async def test_a_process_has_so_many_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "STREAMS_MAX", 0)
    streams = Live(url="postgresql://nowhere.invalid", now=lambda: None)

    with pytest.raises(TooManyStreams):
        streams.require_room(workspace_id=None)
