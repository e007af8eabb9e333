"""The page behind the link of an e-mail: looking reads nothing, an answer is said once."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from io import BytesIO
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from PIL import Image

from api_client import Api, open_api
from mutoscope.app import chat
from mutoscope.domain.chat import BODY_MAX, Card, Words, creator, default_thread_id, staff
from mutoscope.domain.chat_links import AnswerLink, answer_link
from mutoscope.storage.chat import Thread, erase

KEY = "a-long-secret"
ELSEWHERE = ("203.0.113.7", 4_000)
ANN = UUID(int=0xA)
NASTY = "</textarea><script>alert('x')</script>"


@dataclass(frozen=True, kw_only=True)
class Talk:
    """A workspace whose owner may answer by a link, and the link's path."""

    api: Api
    workspace_id: UUID

    @property
    def thread_id(self) -> UUID:
        return default_thread_id(workspace_id=self.workspace_id)

    @property
    def path(self) -> str:
        return self.link()

    def link(
        self, *, person_id: UUID | None = None, thread_id: UUID | None = None, days: int = 7
    ) -> str:
        """Return the path of a link that this house has signed."""
        studio = self.api.house.studio
        link = AnswerLink(
            workspace_id=self.workspace_id, thread_id=thread_id or self.thread_id,
            person_id=person_id or self.workspace_id,
            expires_at=studio.clock.now() + timedelta(days=days),
        )  # fmt: skip
        return f"/chat/{answer_link(link, key=studio.asset_rules.link_key)}"

    async def say(self, body: str, *, by: UUID | None = None, files: tuple[bytes, ...] = ()) -> int:
        """Let support say something, or a person of the workspace; return its number."""
        studio = self.api.house.studio
        author = creator(workspace_id=self.workspace_id, member_id=by)
        said = await chat.say(
            studio, workspace_id=self.workspace_id, thread_id=None, key=str(studio.ids.new()),
            author=author if by else staff(staff_id=ANN), words=Words(body=body, files=files),
        )  # fmt: skip
        return said.message.ordinal

    async def thread(self) -> Thread:
        """Return the thread as the owner sees it."""
        found = await chat.threads_of(
            self.api.house.studio, workspace_id=self.workspace_id,
            reader=creator(workspace_id=self.workspace_id),
        )  # fmt: skip
        return found.threads[0]

    async def bodies(self) -> list[str | None]:
        found = await chat.messages_of(
            self.api.house.studio, workspace_id=self.workspace_id, thread_id=self.thread_id
        )
        return [each.body for each in found]

    async def execute(self, statement: str) -> None:
        async with self.api.house.studio.reading() as connection:
            await connection.execute(statement)

    async def member(self, member_id: UUID, *, state: str = "active", name: str = "Ada") -> UUID:
        """Let somebody be in the team, or have been."""
        place = f"'{self.workspace_id}', '{member_id}'"
        at = "joined_at" if state == "active" else "removed_at"
        await self.execute(
            f"INSERT INTO members (workspace_id, member_id, role, state, invited_at, {at}) "
            f"VALUES ({place}, 'member', '{state}', now(), now())"
        )
        await self.execute(
            "INSERT INTO member_names (workspace_id, member_id, email, name) "
            f"VALUES ({place}, 'ada@example.com', $${name}$$)"
        )
        return member_id

    async def opened(self, path: str = "") -> httpx.Response:
        """Open a page without the key, as a browser does."""
        return await self.api.client.get(path or self.path)

    async def sent(self, path: str = "", **fields: str) -> httpx.Response:
        """Send the form of a page without the key."""
        return await self.api.client.post(path or self.path, data=fields)


@pytest.fixture
async def talk(database_url: str, tmp_path: Path) -> AsyncIterator[Talk]:
    async with open_api(database_url, tmp_path, api_key=KEY, client=ELSEWHERE) as api:
        bearer = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": "open"}
        content = {"name": "Aurora", "zone": "Europe/Berlin", "is_demo": True}
        opened = await api.client.post("/v1/workspaces", json=content, headers=bearer)
        talk = Talk(api=api, workspace_id=UUID(opened.headers["Location"].rpartition("/")[2]))
        await talk.say("Which clip <b>stops</b>?\nThe third?")
        yield talk


def told(page: httpx.Response) -> str:
    """Return what a page says, without its markup."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text.partition("<main>")[2])).split())


def field(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found is not None, page.text
    return found[1]


def written(page: httpx.Response) -> str:
    """Return what stands in the form's text."""
    found = re.search(r"<textarea[^>]*>\n(.*)</textarea>", page.text, re.DOTALL)
    assert found is not None, page.text
    return unescape(found[1])


async def test_the_page_shows_the_thread_and_reads_nothing(talk: Talk) -> None:
    await talk.execute("UPDATE chat_messages SET said_at = '2026-07-01T22:30:00Z'")

    page = await talk.opened()

    assert (page.status_code, page.headers["Content-Type"][:9]) == (200, "text/html")
    assert "Support 02 Jul 2026, 00:30 new Which clip <b>stops</b>?" in told(page)
    assert "times of Europe/Berlin" in told(page)
    assert "<b>stops</b>" not in page.text
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert (await talk.thread()).read_up_to == 0


async def test_an_answer_stands_in_the_thread_and_is_shown_at_once(talk: Talk) -> None:
    form = await talk.opened()
    answer = await talk.sent(body="The third.\r\nAt 0:02", key=field(form, "key"))

    page = await talk.opened(str(httpx.URL(talk.path).join(answer.headers["Location"])))
    assert (answer.status_code, answer.headers["Location"][-10:]) == (303, "#message-2")
    assert '<li id="message-2" class="creator"' in page.text
    assert "The third.\nAt 0:02" in page.text
    assert "You" in told(page)
    assert ((await talk.thread()).unread, "Mark as read" in page.text) == (0, False)
    assert field(page, "key") != field(form, "key")


async def test_a_form_that_is_sent_twice_says_one_thing_once(talk: Talk) -> None:
    key = field(await talk.opened(), "key")

    answers = await asyncio.gather(*(talk.sent(body="The third.", key=key) for _ in range(4)))

    assert [answer.status_code for answer in answers] == [303] * 4
    assert len({answer.headers["Location"].rpartition("#")[2] for answer in answers}) == 1
    assert (await talk.bodies())[1:] == ["The third."]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("  ", "Your answer says nothing: write something"),
        ("x" * (BODY_MAX + 1), "has 4,001 characters of 4,000"),
    ],
)
async def test_an_answer_that_cannot_be_said_is_kept_in_the_form(
    talk: Talk, body: str, reason: str
) -> None:
    key = field(await talk.opened(), "key")

    answer = await talk.sent(body=body, key=key)

    assert (answer.status_code, written(answer), field(answer, "key")) == (422, body, key)
    assert reason in told(answer)
    assert "Which clip" in told(answer)
    assert len(await talk.bodies()) == 1


async def test_lines_count_once_however_a_browser_ends_them(talk: Talk) -> None:
    body = "\r\n".join("x" * 39 for _ in range(100))

    answer = await talk.sent(body=body, key="key-1")

    assert answer.status_code == 303


@pytest.mark.parametrize("key", ["key-1", "", "no key\n"])
async def test_a_form_that_said_something_else_before_gets_another_key(
    talk: Talk, key: str
) -> None:
    await talk.sent(body="first", key="key-1")

    refused = await talk.sent(body=f"second {NASTY}", key=key)
    again = await talk.sent(body=written(refused), key=field(refused, "key"))

    assert (refused.status_code, again.status_code) == (422, 303)
    assert "look above, then send this one as well" in told(refused)
    assert "<script>" not in refused.text
    assert (await talk.bodies())[1:] == ["first", f"second {NASTY}"]


async def test_the_button_marks_as_read_what_was_shown_and_keeps_the_draft(talk: Talk) -> None:
    shown = await talk.opened()
    await talk.say("And another thing: `tools`.")

    page = await talk.sent(act="read", read=field(shown, "read"), body="half a", key="key-1")

    assert (page.status_code, written(page), field(page, "key")) == (200, "half a", "key-1")
    assert (await talk.thread()).read_up_to == 1
    assert (field(page, "read"), page.text.count(">new<")) == ("2", 1)
    assert "And another thing: <code>tools</code>." in page.text


@pytest.mark.parametrize("number", ["", "x", "-1", "9" * 16])
async def test_a_number_that_no_page_has_shown_marks_nothing(talk: Talk, number: str) -> None:
    page = await talk.sent(act="read", read=number, body="half a", key="key-1")

    assert (page.status_code, written(page)) == (400, "half a")
    assert (await talk.thread()).read_up_to == 0


async def test_who_wrote_is_told_by_name_and_names_are_text(talk: Talk) -> None:
    ada = await talk.member(UUID(int=7), name=NASTY)
    await talk.say(NASTY, by=ada)
    await talk.say("`mine` https://x.example", by=talk.workspace_id)
    await talk.say("whose?", by=UUID(int=8))

    owner, member = [await talk.opened(talk.link(person_id=each)) for each in (None, ada)]

    assert f"{NASTY} " in told(owner)
    assert re.search(r"You \d\d \w+ \d{4}, \d\d:\d\d Sent `mine` https", told(owner))
    assert re.search(r"The owner \d\d \w+ \d{4}, \d\d:\d\d `mine` https", told(member))
    assert "A member" in told(owner)
    assert "<script>" not in owner.text + member.text


async def test_files_are_links_that_open_beside_the_page(talk: Talk) -> None:
    picture = BytesIO()
    Image.new("RGB", (400, 400), "teal").save(picture, "PNG")
    brought = await talk.api.client.post(
        f"/v1/workspaces/{talk.workspace_id}/pictures", content=picture.getvalue(),
        headers={"Authorization": f"Bearer {KEY}"},
    )  # fmt: skip
    await talk.say("", files=(bytes.fromhex(brought.json()["sha256"]),))

    page = await talk.opened()

    found = re.search(r'<a href="(\.\./v1/links/[^"]+)" target="_blank"', page.text)
    assert found is not None
    shown = await talk.opened(str(httpx.URL(talk.path).join(found[1])))
    assert shown.headers["Content-Type"] == "image/png"


async def test_cards_and_what_was_erased_are_told_in_words(talk: Talk) -> None:
    studio = talk.api.house.studio
    rows = chat.card_rows(
        workspace_id=talk.workspace_id, thread_id=None, message_id=studio.ids.new(),
        author=staff(staff_id=ANN), card=Card.GOODWILL, data={"credits": 50, "kind": "<image>"},
        at=studio.clock.now(),
    )  # fmt: skip
    async with studio.reading() as connection, connection.transaction():
        for row in rows:
            await row.writer(connection, [row.row])
        await erase(
            connection, workspace_id=talk.workspace_id, thread_id=talk.thread_id, ordinal=1,
            at=studio.clock.now(),
        )  # fmt: skip

    page = await talk.opened()

    assert "What was said here is erased." in told(page)
    assert "Goodwill kind <image> credits 50" in told(page)


async def test_a_long_thread_shows_its_end(talk: Talk) -> None:
    for number in range(2, 23):
        await talk.say(f"message {number}.")

    page = await talk.opened()

    assert "Earlier messages are in the studio." in told(page)
    assert ("message 2." in told(page), "message 3." in told(page)) == (False, True)
    assert told(page).index("message 21.") < told(page).index("message 22.")


async def test_a_thread_in_which_nobody_spoke_can_be_spoken_in(talk: Talk) -> None:
    opened, _ = await chat.open_thread(
        talk.api.house.studio, workspace_id=talk.workspace_id, subject="My <invoice>",
        author=creator(workspace_id=talk.workspace_id), key="open-2",
    )  # fmt: skip
    path = talk.link(thread_id=opened.thread_id)

    page = await talk.opened(path)
    answer = await talk.sent(path, body="hello", key="key-1")

    assert (page.status_code, answer.status_code) == (200, 303)
    assert "My <invoice>" in told(page)
    assert "Nobody has said anything yet." in told(page)


async def test_a_closed_workspace_can_still_be_read_and_answered(talk: Talk) -> None:
    await talk.execute("UPDATE workspaces SET closed_at = '2026-07-01T22:30:00Z'")

    page = await talk.opened()
    answer = await talk.sent(body="my last invoice?", key="key-1")

    assert "This workspace was closed on 02 Jul 2026, 00:30" in told(page)
    assert answer.status_code == 303


def not_whole(talk: Talk) -> str:
    return talk.path[:-1]


def of_another_alphabet(_talk: Talk) -> str:
    return "/chat/%3Cscript%3E"


def of_another_house(_talk: Talk) -> str:
    return f"/chat/{'A' * 120}"


def ended(talk: Talk) -> str:
    return talk.link(days=-1)


def of_who_left(talk: Talk) -> str:
    return talk.link(person_id=UUID(int=7))


def to_no_thread(talk: Talk) -> str:
    return talk.link(thread_id=UUID(int=1))


@pytest.mark.parametrize(
    ("link", "status", "remedy"),
    [
        (not_whole, 404, "Open it from the mail once more"),
        (of_another_alphabet, 404, "Open it from the mail once more"),
        (of_another_house, 404, "Open it from the mail once more"),
        (ended, 403, "it works for 7 days. The next mail"),
        (of_who_left, 404, "ask an owner of the workspace to invite you again"),
        (to_no_thread, 404, "Open the link of a newer mail"),
    ],
)
async def test_a_link_that_opens_nothing_is_a_page_with_what_was_written(
    talk: Talk, link: Callable[[Talk], str], status: int, remedy: str
) -> None:
    await talk.member(UUID(int=7), state="removed")

    page, answer = await talk.opened(link(talk)), await talk.sent(link(talk), body=NASTY, key="k")

    assert (page.status_code, answer.status_code) == (status, status)
    assert "<h2>This link opens no chat</h2>" in page.text
    assert remedy in told(page)
    assert written(answer) == NASTY
    assert "<script>" not in page.text + answer.text
    assert ("<form" in answer.text, "Which clip" in page.text) == (False, False)
    assert len(await talk.bodies()) == 1


async def test_a_thread_of_another_workspace_is_not_found(talk: Talk) -> None:
    bearer = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": "other"}
    opened = await talk.api.client.post("/v1/workspaces", json={"name": "B"}, headers=bearer)
    other = Talk(api=talk.api, workspace_id=UUID(opened.headers["Location"].rpartition("/")[2]))

    page = await other.opened(other.link(thread_id=talk.thread_id))

    assert (page.status_code, "Which clip" in page.text) == (404, False)


async def test_a_failure_of_ours_keeps_the_form_with_its_words_and_its_key(talk: Talk) -> None:
    await talk.execute("ALTER TABLE chat_messages RENAME TO away")
    answer = await talk.sent(body=NASTY, key="key-1")
    await talk.execute("ALTER TABLE away RENAME TO chat_messages")

    again = await talk.sent(body=written(answer), key=field(answer, "key"))

    assert (answer.status_code, field(answer, "key")) == (500, "key-1")
    assert "What you wrote is kept here" in told(answer)
    assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
    assert (again.status_code, (await talk.bodies())[1:]) == (303, [NASTY])
