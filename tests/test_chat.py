"""The chat: numbered without a gap, said once a key, read by person, erased without a trace."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from PIL import Image

from chat_stage import ANN, BEN, Chat, open_chat
from mutoscope.app import chat, sign_up
from mutoscope.app import inbox as threads
from mutoscope.app.chat import TooManyThreads
from mutoscope.app.downloads import UnknownAsset
from mutoscope.assets.uploads import upload
from mutoscope.domain.chat import (
    ATTACHMENTS_MAX,
    BODY_MAX,
    SUBJECT_MAX,
    MessageEmpty,
    MessageTooLong,
    TooManyAttachments,
    Words,
    creator,
)
from mutoscope.domain.planner import KeyReused
from mutoscope.storage.chat import UnknownChatMessage, UnknownThread
from mutoscope.storage.inbox import InboxView
from mutoscope.storage.workspaces import UnknownWorkspace
from soundness import assert_sound


@pytest.fixture
async def talk(database_url: str, tmp_path: Path) -> AsyncIterator[Chat]:
    async with open_chat(database_url, tmp_path) as talk:
        yield talk
        await assert_sound(database_url)


async def said(talk: Chat, words: Words, *, key: str = "say-1") -> chat.Said:
    return await chat.say(
        talk.studio, workspace_id=talk.workspace_id, thread_id=None, words=words, key=key,
        author=creator(workspace_id=talk.workspace_id),
    )  # fmt: skip


async def inbox(talk: Chat, *, staff_id: UUID = ANN, is_all: bool = False) -> list[object]:
    begin = talk.clock.now() + timedelta(days=1) if is_all else talk.clock.now() - timedelta(days=9)
    view = InboxView(staff_id=staff_id, at=begin, item_id=UUID(int=0), limit=50)
    return list(await threads.inbox_page(talk.studio, view=view, is_all=is_all))


async def picture(talk: Chat, colour: str = "red") -> bytes:
    content = BytesIO()
    Image.new("RGB", (400, 400), colour).save(content, "PNG")
    kept = await upload(talk.studio, workspace_id=talk.workspace_id, content=content.getvalue())
    return kept.asset


async def test_messages_said_at_once_are_numbered_without_a_gap(talk: Chat) -> None:
    await asyncio.gather(*[talk.creator_says(f"word {number}") for number in range(20)])

    found = await talk.messages()

    assert [message.ordinal for message in found] == list(range(1, 21))
    assert sorted(message.serial for message in found) == list(range(1, 21))


async def test_threads_have_ordinals_of_their_own_and_serials_together(talk: Chat) -> None:
    other, _ = await chat.open_thread(
        talk.studio, workspace_id=talk.workspace_id, subject=" My  invoice ", key="open-1",
        author=creator(workspace_id=talk.workspace_id),
    )  # fmt: skip
    await talk.creator_says("here")

    there = await chat.say(
        talk.studio, workspace_id=talk.workspace_id, thread_id=other.thread_id, key="there",
        author=creator(workspace_id=talk.workspace_id), words=Words(body="there"),
    )  # fmt: skip

    assert other.subject == "My invoice"
    assert (there.message.ordinal, there.message.serial) == (1, 2)


async def test_a_key_says_one_thing_once(talk: Chat) -> None:
    first = await said(talk, Words(body="hello"))

    again = await said(talk, Words(body=" hello "))

    assert (again.message, again.is_replay) == (first.message, True)
    with pytest.raises(KeyReused):
        await said(talk, Words(body="goodbye"))
    assert len(await talk.messages()) == 1


async def test_the_same_key_at_once_is_one_message_and_leaves_no_gap(talk: Chat) -> None:
    told = await asyncio.gather(*[said(talk, Words(body="hello")) for _ in range(4)])
    await talk.creator_says("and on")

    assert [each.is_replay for each in told].count(False) == 1
    assert [message.ordinal for message in await talk.messages()] == [1, 2]


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (Words(), MessageEmpty),
        (Words(body=" \n\x00 "), MessageEmpty),
        (Words(body="x" * (BODY_MAX + 1)), MessageTooLong),
        (Words(files=tuple(bytes([n]) * 32 for n in range(ATTACHMENTS_MAX + 1))),
         TooManyAttachments),
        (Words(files=(b"\x01" * 32,)), UnknownAsset),
    ],
)  # fmt: skip
async def test_what_is_no_message_is_refused(
    talk: Chat, words: Words, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await said(talk, words)

    assert await talk.messages() == ()


async def test_a_message_of_the_largest_size_is_taken(talk: Chat) -> None:
    longest = await said(talk, Words(body="x" * BODY_MAX))

    assert len(longest.message.body or "") == BODY_MAX


async def test_a_subject_that_is_too_long_opens_no_thread(talk: Chat) -> None:
    with pytest.raises(MessageTooLong):
        await chat.open_thread(
            talk.studio, workspace_id=talk.workspace_id, subject="x" * (SUBJECT_MAX + 1),
            author=creator(workspace_id=talk.workspace_id), key="open-1",
        )  # fmt: skip


async def test_a_workspace_has_so_many_threads_and_no_more(talk: Chat) -> None:
    place = {"workspace_id": talk.workspace_id, "subject": "s"}
    author = creator(workspace_id=talk.workspace_id)
    opened = [
        await chat.open_thread(talk.studio, **place, author=author, key=f"open-{number}")
        for number in range(50)
    ]

    with pytest.raises(TooManyThreads):
        await chat.open_thread(talk.studio, **place, author=author, key="one-more")

    again = await chat.open_thread(talk.studio, **place, author=author, key="open-3")
    assert again == (opened[3][0], True)


async def test_a_thread_s_key_with_another_subject_is_refused(talk: Chat) -> None:
    author = creator(workspace_id=talk.workspace_id)
    place = {"workspace_id": talk.workspace_id, "author": author, "key": "open-1"}
    await chat.open_thread(talk.studio, subject="one", **place)

    with pytest.raises(KeyReused):
        await chat.open_thread(talk.studio, subject="other", **place)


async def test_a_picture_is_attached_by_its_digest(talk: Chat) -> None:
    asset = await picture(talk)

    found = await said(talk, Words(files=(asset, asset)))

    (attachment,) = found.message.attachments
    assert (attachment.sha256, attachment.media_type) == (asset.hex(), "image/png")


async def test_what_others_said_is_unread_until_the_person_reads(talk: Chat) -> None:
    await talk.creator_says("hello")
    await talk.staff_says("good day")
    await talk.staff_says("how can we help?")
    member = uuid4()

    owner_before = (await talk.thread()).unread
    reader = creator(workspace_id=talk.workspace_id)
    place = {"workspace_id": talk.workspace_id, "thread_id": talk.thread_id}
    thread = await chat.read_up_to(talk.studio, **place, reader=reader, ordinal=99)

    assert (owner_before, (await talk.thread()).unread) == (2, 0)
    assert thread.read_up_to == 3
    assert (await talk.thread(member_id=member)).unread == 3


async def test_a_mark_never_goes_back(talk: Chat) -> None:
    await talk.staff_says("one")
    await talk.staff_says("two")
    reader = creator(workspace_id=talk.workspace_id)
    place = {"workspace_id": talk.workspace_id, "thread_id": talk.thread_id}
    await chat.read_up_to(talk.studio, **place, reader=reader, ordinal=2)

    thread = await chat.read_up_to(talk.studio, **place, reader=reader, ordinal=1)

    assert thread.read_up_to == 2


async def test_the_inbox_begins_with_who_waits_longest(talk: Chat) -> None:
    other = await sign_up.create(talk.studio, name="Borealis", zone="UTC", is_demo=True)
    first_at = talk.clock.now()
    await talk.creator_says("help")
    talk.clock.move(minutes=5)
    await chat.say(
        talk.studio, workspace_id=other.workspace_id, thread_id=None, key="help",
        author=creator(workspace_id=other.workspace_id), words=Words(body="help, too"),
    )  # fmt: skip
    await talk.creator_says("please")

    found = await inbox(talk)

    assert [thread.workspace for thread in found] == ["Aurora", "Borealis"]
    assert (found[0].waiting_since, found[0].unread) == (first_at, 2)


async def test_an_answer_of_staff_ends_the_waiting(talk: Chat) -> None:
    await talk.creator_says("help")

    await talk.staff_says("here we are", staff_id=BEN)

    assert await inbox(talk) == []
    (listed,) = await inbox(talk, is_all=True)
    assert (listed.waiting_since, listed.unread) == (None, 1)
    (listed,) = await inbox(talk, staff_id=BEN, is_all=True)
    assert listed.unread == 0


async def test_an_erased_message_keeps_its_place_alone(talk: Chat) -> None:
    asset = await picture(talk)
    first = await said(talk, Words(body="my address is 1 Main St", files=(asset,)))
    await talk.staff_says("noted")

    assert await talk.erase(1) == 1

    gone, kept = await talk.messages()
    assert (gone.body, gone.attachments, gone.said_at) == (None, (), first.message.said_at)
    assert (gone.erased_at, kept.body) == (talk.clock.now(), "noted")
    with pytest.raises(UnknownAsset):
        await said(talk, Words(files=(asset,)), key="again")
    with pytest.raises(UnknownChatMessage):
        await talk.erase(1)


async def test_a_file_that_another_message_shows_outlives_an_erased_one(talk: Chat) -> None:
    asset = await picture(talk)
    await said(talk, Words(files=(asset,)), key="one")
    await said(talk, Words(files=(asset,)), key="two")

    await talk.erase(1)

    again = await said(talk, Words(files=(asset,)), key="three")
    assert again.message.attachments


async def test_a_thread_is_erased_with_its_subject_and_a_key_still_tells(talk: Chat) -> None:
    first = await said(talk, Words(body="hello"))

    assert await talk.erase(None) == 1

    again = await said(talk, Words(body="hello"))
    assert (again.is_replay, again.message.message_id) == (True, first.message.message_id)
    assert again.message.body is None


async def test_pages_go_both_ways(talk: Chat) -> None:
    for number in range(1, 8):
        await talk.creator_says(str(number))
    place = {"workspace_id": talk.workspace_id, "thread_id": talk.thread_id}

    last = await chat.messages_of(talk.studio, **place, limit=3)
    before = await chat.messages_of(talk.studio, **place, before=5, limit=3)
    after = await chat.messages_of(talk.studio, **place, after=2, limit=3)

    assert [each.ordinal for each in last] == [5, 6, 7]
    assert [each.ordinal for each in before] == [2, 3, 4]
    assert [each.ordinal for each in after] == [3, 4, 5]


async def test_the_facts_stand_beside_the_thread(talk: Chat) -> None:
    await talk.stage.place(key="job-1")

    facts = await threads.facts_of(talk.studio, workspace_id=talk.workspace_id)

    assert (facts.plan, facts.period, facts.purchases) == ("trial", None, ())
    assert [(job.tool, job.price) for job in facts.jobs] == [("image_generation", 1)]
    assert [(each.kind, each.held) for each in facts.balances] == [("image", 1)]


async def test_another_workspace_s_thread_is_unknown(talk: Chat) -> None:
    other = await sign_up.create(talk.studio, name="Borealis", zone="UTC", is_demo=True)
    await talk.creator_says("hello")
    place = {"workspace_id": other.workspace_id, "thread_id": talk.thread_id}
    author = creator(workspace_id=other.workspace_id)

    for act in (
        chat.say(talk.studio, **place, author=author, words=Words(body="x"), key="k"),
        chat.read_up_to(talk.studio, **place, reader=author, ordinal=1),
        chat.messages_of(talk.studio, **place),
    ):  # fmt: skip
        with pytest.raises(UnknownThread):
            await act


async def test_a_workspace_that_is_none_has_no_chat(talk: Chat) -> None:
    nobody = uuid4()

    for act in (
        chat.say(talk.studio, workspace_id=nobody, thread_id=None, words=Words(body="x"), key="k",
                 author=creator(workspace_id=nobody)),
        chat.threads_of(talk.studio, workspace_id=nobody, reader=creator(workspace_id=nobody)),
        threads.facts_of(talk.studio, workspace_id=nobody),
    ):  # fmt: skip
        with pytest.raises(UnknownWorkspace):
            await act
