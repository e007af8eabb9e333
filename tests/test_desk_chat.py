"""The desk's side of the chat: each act is in the audit, under who did it, or nothing happens."""

from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from chat_stage import BEN, Chat, open_chat
from desk_stage import join
from mutoscope.app import desk_chat, sign_up
from mutoscope.app import staff as people
from mutoscope.app.audit import verify_audit
from mutoscope.app.chat import Said
from mutoscope.domain.audit import BadReason
from mutoscope.domain.chat import MessageEmpty, Side, Words
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.staff import NotAllowed, Role
from mutoscope.storage.chat import UnknownChatMessage, UnknownThread
from mutoscope.storage.staff import UnknownStaff
from soundness import assert_sound


@pytest.fixture
async def talk(database_url: str, tmp_path: Path) -> AsyncIterator[Chat]:
    async with open_chat(database_url, tmp_path) as talk:
        yield talk
        await assert_sound(database_url)


async def answer(talk: Chat, body: str = "we look", *, key: str = "answer-1") -> Said:
    return await desk_chat.answer(
        talk.studio, talk.ada, workspace_id=talk.workspace_id, thread_id=None,
        words=Words(body=body), key=key,
    )  # fmt: skip


async def assign(talk: Chat, assignee_id: UUID | None) -> None:
    await desk_chat.assign(
        talk.studio, talk.ada, workspace_id=talk.workspace_id, thread_id=talk.thread_id,
        assignee_id=assignee_id,
    )  # fmt: skip


async def settle(talk: Chat) -> None:
    await desk_chat.settle(
        talk.studio, talk.ada, workspace_id=talk.workspace_id, thread_id=talk.thread_id
    )


async def test_an_answer_is_in_the_audit_once_however_often_it_is_given(talk: Chat) -> None:
    said = await answer(talk)
    again = await answer(talk)

    told = {"thread_id": str(talk.thread_id), "message_id": str(said.message.message_id)}
    assert (said.message.side, said.message.author_id) == (Side.STAFF, talk.ada.staff_id)
    assert (said.is_replay, again.is_replay) == (False, True)
    assert await talk.lines() == [("chat", None, told)]


async def test_what_is_not_said_is_not_in_the_audit(talk: Chat) -> None:
    with pytest.raises(MessageEmpty):
        await answer(talk, "  ")
    await answer(talk)
    with pytest.raises(KeyReused):
        await answer(talk, "something else")

    assert len(await talk.lines()) == len(await talk.messages()) == 1


async def test_a_thread_is_assigned_and_let_go(talk: Chat) -> None:
    await talk.creator_says("help")

    await assign(talk, talk.ada.staff_id)
    taken = await talk.thread()
    await assign(talk, None)
    free = await talk.thread()

    place = {"thread_id": str(talk.thread_id)}
    assert (taken.assignee_id, free.assignee_id) == (talk.ada.staff_id, None)
    assert await talk.lines() == [
        ("assign_thread", None, {**place, "assignee_id": None}),
        ("assign_thread", None, {**place, "assignee_id": str(talk.ada.staff_id)}),
    ]


async def test_a_thread_is_given_to_nobody_who_is_not_of_the_staff(talk: Chat) -> None:
    await talk.creator_says("help")
    root = await join(talk.stage, "root", Role.ADMIN)
    linus = await join(talk.stage, "linus", Role.SUPPORT)
    await people.leave(talk.studio, root, name="linus", reason="moved on to painting")

    for stranger in (BEN, linus.staff_id):
        with pytest.raises(UnknownStaff):
            await assign(talk, stranger)

    assert (await talk.thread()).assignee_id is None


async def test_a_thread_that_needs_no_answer_is_settled(talk: Chat) -> None:
    await talk.creator_says("thank you!")

    await settle(talk)

    assert (await talk.thread()).waiting_since is None
    assert await talk.lines() == [("settle_thread", None, {"thread_id": str(talk.thread_id)})]


@pytest.mark.parametrize(("ordinal", "count"), [(2, 1), (None, 2)])
async def test_what_is_erased_is_told_with_its_reason(
    talk: Chat, ordinal: int | None, count: int
) -> None:
    await talk.creator_says("my address is 1 Main St")
    await talk.creator_says("and my telephone")

    erased = await talk.erase(ordinal)

    told = {"thread_id": str(talk.thread_id), "ordinal": ordinal, "messages": count}
    assert erased == count
    assert await talk.lines() == [("erase_messages", "it named a customer", told)]


@pytest.mark.parametrize(
    ("ordinal", "reason", "refusal"),
    [(1, "", BadReason), (1, "short", BadReason), (1, "x" * 501, BadReason),
     (7, "it named a customer", UnknownChatMessage)],
)  # fmt: skip
async def test_what_cannot_be_erased_stays(
    talk: Chat, ordinal: int, reason: str, refusal: type[Exception]
) -> None:
    await talk.creator_says("hello")

    with pytest.raises(refusal):
        await talk.erase(ordinal, reason=reason)

    assert [each.body for each in await talk.messages()] == ["hello"]
    assert await talk.lines() == []


async def test_nothing_happens_without_its_line(talk: Chat) -> None:
    await talk.creator_says("help")
    await talk.execute("ALTER TABLE audit_lines ADD CONSTRAINT closed CHECK (false) NOT VALID")

    for act in (answer(talk), assign(talk, talk.ada.staff_id), settle(talk), talk.erase(1)):
        with pytest.raises(asyncpg.CheckViolationError):
            await act

    thread = await talk.thread()
    assert [each.body for each in await talk.messages()] == ["help"]
    assert (thread.assignee_id, thread.waiting_since is None) == (None, False)


def acts(talk: Chat, workspace_id: UUID) -> list[Awaitable[object]]:
    """Return each act at the thread of the stage, as if it were another workspace's."""
    place = {"workspace_id": workspace_id, "thread_id": talk.thread_id}
    reason = "it named a customer"
    return [
        desk_chat.answer(talk.studio, talk.ada, **place, words=Words(body="x"), key="k"),
        desk_chat.assign(talk.studio, talk.ada, **place, assignee_id=None),
        desk_chat.settle(talk.studio, talk.ada, **place),
        desk_chat.erase(
            talk.studio, talk.ada, workspace_id=workspace_id, place=(talk.thread_id, 1),
            reason=reason,
        ),
    ]  # fmt: skip


async def test_another_workspace_s_thread_is_unknown(talk: Chat) -> None:
    other = await sign_up.create(talk.studio, name="Borealis", zone="UTC", is_demo=True)
    await talk.creator_says("hello")

    for act in acts(talk, other.workspace_id):
        with pytest.raises(UnknownThread):
            await act

    assert await talk.lines() == []


async def test_who_has_no_role_does_nothing(talk: Chat) -> None:
    talk.ada = replace(talk.ada, roles=frozenset())

    for act in acts(talk, uuid4()):
        with pytest.raises(NotAllowed):
            await act


async def test_lines_without_a_reason_are_proved_like_others(talk: Chat) -> None:
    await answer(talk)
    await talk.erase(1)
    forge = "INSERT INTO audit_reasons (sequence, salt, reason) VALUES (1, '\\x00', 'for fun')"

    async with talk.studio.reading() as connection, connection.transaction():
        clean = await verify_audit(connection)
    await talk.execute(forge)
    async with talk.studio.reading() as connection, connection.transaction():
        forged = await verify_audit(connection)

    assert (clean.is_clean, clean.lines, clean.erased_reasons) == (True, 2, 0)
    assert [each.fault for each in forged.findings] == ["note_changed"]
