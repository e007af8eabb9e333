"""E-mail to who is away: one a burst, none to who has read or listens; answered by its link."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from chat_stage import Chat, open_chat
from mutoscope.app import chat, chat_mail
from mutoscope.app.call_backs import CallBacks
from mutoscope.app.chat_mail import tell_absent
from mutoscope.domain.chat import creator
from mutoscope.domain.chat_links import ANSWER_LASTS
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.sealed_links import LinkExpired, LinkForged
from mutoscope.storage import live, workspaces
from mutoscope.storage.workspaces import Message
from soundness import assert_sound


@pytest.fixture
async def talk(database_url: str, tmp_path: Path) -> AsyncIterator[Chat]:
    async with open_chat(database_url, tmp_path) as talk:
        await talk.execute("UPDATE workspaces SET email = 'ann@example.com'")
        talk.stage.studio = replace(
            talk.studio, call_backs=CallBacks(url="https://studio.example", key=b"key")
        )
        yield talk
        await assert_sound(database_url)


async def letters(talk: Chat) -> tuple[Message, ...]:
    async with talk.studio.reading() as connection:
        return await workspaces.outbox(connection, workspace_id=talk.workspace_id, limit=9)


async def token_of(talk: Chat) -> str:
    found = re.search(r"https://studio\.example/chat/(\S+)", (await letters(talk))[0].body)
    assert found is not None
    return found[1]


async def read_all(talk: Chat) -> None:
    await chat.read_up_to(
        talk.studio, workspace_id=talk.workspace_id, thread_id=talk.thread_id, ordinal=99,
        reader=creator(workspace_id=talk.workspace_id),
    )  # fmt: skip


async def listen(talk: Chat) -> None:
    async with talk.studio.reading() as connection:
        await live.note_listeners(
            connection, persons=[(talk.workspace_id, talk.workspace_id)], at=talk.clock.now()
        )


async def test_five_minutes_unread_are_told_by_one_e_mail(talk: Chat) -> None:
    await talk.creator_says("help")
    await talk.staff_says("we are on it")
    talk.clock.move(seconds=299)
    early = await tell_absent(talk.studio)
    await talk.staff_says("and found it")

    talk.clock.move(seconds=1)
    told = [await tell_absent(talk.studio) for _ in range(3)]

    (letter,) = await letters(talk)
    assert (early, told) == (0, [1, 0, 0])
    assert (letter.recipient, letter.subject) == (
        "ann@example.com", "Support has written to Aurora"
    )  # fmt: skip
    assert "2 messages" in letter.body
    assert "found" not in letter.body


async def test_what_was_read_in_time_needs_no_e_mail(talk: Chat) -> None:
    await talk.staff_says("hello")
    await read_all(talk)
    talk.clock.move(minutes=6)

    assert await tell_absent(talk.studio) == 0


async def test_an_erased_message_needs_no_e_mail(talk: Chat) -> None:
    await talk.staff_says("to the wrong one")
    await talk.erase(1)
    talk.clock.move(minutes=6)

    assert await tell_absent(talk.studio) == 0


async def test_who_listens_is_not_told_until_the_stream_is_left(talk: Chat) -> None:
    await talk.staff_says("hello")
    talk.clock.move(minutes=5)
    await listen(talk)
    while_there = await tell_absent(talk.studio)

    talk.clock.move(minutes=5)
    gone = await tell_absent(talk.studio)

    assert (while_there, gone) == (0, 1)


async def test_a_burst_is_told_once_an_hour(talk: Chat) -> None:
    await talk.staff_says("one")
    talk.clock.move(minutes=5)
    first = await tell_absent(talk.studio)
    await talk.staff_says("two")
    talk.clock.move(minutes=59)
    within = await tell_absent(talk.studio)

    talk.clock.move(minutes=1)

    assert (first, within, await tell_absent(talk.studio)) == (1, 0, 1)


async def test_a_burst_that_was_read_lets_the_next_e_mail_come_in_time(talk: Chat) -> None:
    await talk.staff_says("one")
    talk.clock.move(minutes=5)
    await tell_absent(talk.studio)
    await talk.staff_says("two")
    await read_all(talk)
    await talk.staff_says("three")
    talk.clock.move(minutes=5)

    assert await tell_absent(talk.studio) == 1


async def test_the_member_who_asked_is_the_one_who_may_be_away(talk: Chat) -> None:
    member = UUID(int=7)
    await talk.creator_says("help", member_id=member)
    await talk.staff_says("done")
    await chat.read_up_to(
        talk.studio, workspace_id=talk.workspace_id, thread_id=talk.thread_id, ordinal=2,
        reader=creator(workspace_id=talk.workspace_id, member_id=member),
    )  # fmt: skip
    talk.clock.move(minutes=5)

    assert await tell_absent(talk.studio) == 0


async def test_a_workspace_without_an_address_gets_none(talk: Chat) -> None:
    await talk.execute("UPDATE workspaces SET email = NULL")
    await talk.staff_says("hello")
    talk.clock.move(minutes=5)

    assert await tell_absent(talk.studio) == 0


async def mailed(talk: Chat) -> str:
    await talk.staff_says("which clip?")
    talk.clock.move(minutes=5)
    await tell_absent(talk.studio)
    return await token_of(talk)


async def test_an_answer_by_link_stands_in_the_thread_once(talk: Chat) -> None:
    token = await mailed(talk)
    _, shown = await chat_mail.shown(talk.studio, token=token)

    said = await chat_mail.answer(talk.studio, token=token, body="the third", key="answer-1")
    again = await chat_mail.answer(talk.studio, token=token, body="the third", key="answer-1")

    assert [message.body for message in shown] == ["which clip?"]
    assert (said.message.author_id, said.message.side) == (talk.workspace_id, "creator")
    assert (again.message, again.is_replay) == (said.message, True)
    thread = await talk.thread()
    assert (thread.unread, thread.waiting_since) == (0, talk.clock.now())
    with pytest.raises(KeyReused):
        await chat_mail.answer(talk.studio, token=token, body="other", key="answer-1")


async def test_a_link_ends_at_its_instant(talk: Chat) -> None:
    token = await mailed(talk)
    talk.clock.at += ANSWER_LASTS - timedelta(seconds=1)
    await chat_mail.shown(talk.studio, token=token)
    talk.clock.move(seconds=1)

    with pytest.raises(LinkExpired):
        await chat_mail.answer(talk.studio, token=token, body="late", key="answer-1")


async def test_a_link_that_was_changed_in_any_letter_is_refused(talk: Chat) -> None:
    token = await mailed(talk)

    for place in range(0, len(token), 5):
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(LinkForged):
            await chat_mail.shown(talk.studio, token=token[:place] + other + token[place + 1 :])
