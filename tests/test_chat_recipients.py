"""Who is written to about a thread: the member who spoke last, over a real mail server."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from email.message import EmailMessage
from pathlib import Path

import pytest

import desk_stage
from chat_stage import Chat
from mail_server import MailServer, open_mail_server
from mutoscope.app import chat, chat_mail, members
from mutoscope.app.call_backs import CallBacks
from mutoscope.app.chat_mail import tell_absent
from mutoscope.app.post import send_due
from mutoscope.domain.chat import creator
from mutoscope.domain.staff import Role
from mutoscope.domain.team import UnknownMember
from mutoscope.storage.team import Member
from post_stage import open_post
from team_stage import join

OWNER = "owner@example.com"


@dataclass
class Post(Chat):
    """A chat whose mails reach a server."""

    server: MailServer

    async def told(self) -> tuple[EmailMessage, ...]:
        """Let staff's message lie unread for five minutes; return the mails that came of it."""
        self.clock.move(minutes=5)
        await tell_absent(self.studio)
        self.server.taken.clear()
        while await send_due(self.studio):
            pass
        return tuple(each for each in self.server.taken if "has written" in each["Subject"])

    async def answered(self) -> str:
        """Return to whom the mail of an answer goes."""
        await self.staff_says("yes?")
        (letter,) = await self.told()
        return str(letter["To"])

    async def remove(self, member: Member) -> None:
        await members.remove(
            self.studio, workspace_id=self.workspace_id, member_id=member.member_id
        )

    async def read_by(self, member: Member | None) -> None:
        reader = creator(workspace_id=self.workspace_id, member_id=member and member.member_id)
        await chat.read_up_to(
            self.studio, workspace_id=self.workspace_id, thread_id=self.thread_id, ordinal=99,
            reader=reader,
        )  # fmt: skip


@pytest.fixture
async def post(database_url: str, tmp_path: Path) -> AsyncIterator[Post]:
    async with (
        open_mail_server(tmp_path) as server,
        open_post(database_url, tmp_path, server) as stage,
    ):
        calls = CallBacks(url="https://studio.example", key=b"key")
        stage.studio = replace(stage.studio, call_backs=calls)
        staff = await desk_stage.join(stage, "ann", Role.SUPPORT)
        post = Post(stage, database_url, staff, server)
        await post.execute("UPDATE workspaces SET email = $1", OWNER)
        yield post


def token_in(letter: EmailMessage) -> str:
    found = re.search(r"https://studio\.example/chat/(\S+)", letter.get_content())
    assert found is not None
    return found[1]


async def test_the_member_who_spoke_last_is_written_to_and_answers_as_such(post: Post) -> None:
    ada, ben = await join(post.stage, "ada"), await join(post.stage, "ben")
    await post.creator_says("mine stops", member_id=ada.member_id)
    await post.creator_says("mine as well", member_id=ben.member_id)
    await post.staff_says("found it")

    (letter,) = await post.told()
    said = await chat_mail.answer(post.studio, token=token_in(letter), body="thanks", key="one")

    assert letter["To"] == "ben@example.com"
    assert said.message.author_id == ben.member_id


async def test_who_has_left_the_team_is_passed_over_for_who_spoke_before(post: Post) -> None:
    ada, ben = await join(post.stage, "ada"), await join(post.stage, "ben")
    await post.creator_says("help", member_id=ada.member_id)
    await post.creator_says("help", member_id=ben.member_id)
    await post.remove(ben)
    first = await post.answered()
    await post.read_by(ada)
    await post.remove(ada)

    second = await post.answered()

    assert (first, second) == ("ada@example.com", OWNER)


async def test_the_owner_is_written_to_when_nobody_else_has_spoken(post: Post) -> None:
    await join(post.stage, "ada")

    assert await post.answered() == OWNER


async def test_what_another_member_reads_is_not_read_by_who_asked(post: Post) -> None:
    ada = await join(post.stage, "ada")
    await post.creator_says("help", member_id=ada.member_id)
    await post.staff_says("yes?")
    await post.read_by(None)

    (letter,) = await post.told()

    assert letter["To"] == "ada@example.com"


async def test_the_link_of_who_left_the_team_opens_nothing(post: Post) -> None:
    ada = await join(post.stage, "ada")
    await post.creator_says("help", member_id=ada.member_id)
    await post.staff_says("yes?")
    (letter,) = await post.told()
    await post.remove(ada)
    link = {"token": token_in(letter)}

    for act in (
        chat_mail.shown(post.studio, **link),
        chat_mail.answer(post.studio, **link, body="hi", key="one"),
        chat_mail.read(post.studio, **link, ordinal=2),
    ):
        with pytest.raises(UnknownMember):
            await act

    assert len(await post.messages()) == 2


async def test_reading_by_the_link_lets_the_next_mail_come_in_time(post: Post) -> None:
    ada = await join(post.stage, "ada")
    await post.creator_says("help", member_id=ada.member_id)
    await post.staff_says("yes?")
    (letter,) = await post.told()
    await chat_mail.read(post.studio, token=token_in(letter), ordinal=2)

    assert await post.answered() == "ada@example.com"


async def test_without_a_public_address_the_mail_has_the_command(post: Post) -> None:
    post.stage.studio = replace(post.studio, call_backs=CallBacks())
    await post.staff_says("yes?")

    (letter,) = await post.told()

    place = f"{post.workspace_id} --thread {post.thread_id}"
    assert f"Read: mutoscope chat read {place}" in letter.get_content().replace("\n", " ")
    assert "link" not in letter.get_content()
