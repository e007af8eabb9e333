"""The chat over HTTP: threads, cards, the desk, links without a key, and no way to another's."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from PIL import Image

from api_client import Api, open_api
from desk_stage import token_of_new
from mutoscope.domain.chat import default_thread_id
from mutoscope.domain.chat_links import AnswerLink, answer_link
from mutoscope.domain.staff import Role

ANN = str(UUID(int=0xA))
WHY = {"reason": "it named a customer"}


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


@dataclass(frozen=True)
class Ada:
    """Somebody of the staff at the API."""

    api: Api
    staff_id: str
    bearer: dict[str, str]

    async def get(self, path: str, **options: object) -> httpx.Response:
        return await self.api.client.get(path, headers=self.bearer, **options)

    async def post(self, path: str, body: object = None, *, key: str = "press") -> httpx.Response:
        headers = {**self.bearer, "Idempotency-Key": key}
        return await self.api.client.post(path, json=body, headers=headers)


@pytest.fixture
async def ada(api: Api) -> Ada:
    actor, token = await token_of_new(api.house, "ada", Role.SUPPORT)
    return Ada(api, str(actor.staff_id), {"Authorization": f"Bearer {token}"})


def thread_of(workspace: str) -> str:
    """Return the address of the thread that a workspace has."""
    workspace_id = UUID(workspace.rpartition("/")[2])
    return f"{workspace}/threads/{default_thread_id(workspace_id=workspace_id)}"


def desk_of(thread: str) -> str:
    return thread.replace("/v1/", "/v1/desk/")


async def said(api: Api, thread: str, body: str, *, key: str = "say-1") -> httpx.Response:
    return await api.post(f"{thread}/messages", {"body": body}, key=key)


async def test_a_message_is_said_once_and_read_by_staff(api: Api, ada: Ada) -> None:
    thread = thread_of(await api.workspace())
    first = await said(api, thread, "hello")
    again = await said(api, thread, "hello")

    page = await ada.get(f"{desk_of(thread)}/messages")

    assert (first.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert page.json() == {"messages": [first.json()], "before": None}


async def test_staff_answer_from_the_inbox_and_the_creator_sees_it_unread(
    api: Api, ada: Ada
) -> None:
    workspace = await api.workspace()
    thread = thread_of(workspace)
    await said(api, thread, "help")
    waiting = (await ada.get("/v1/desk/inbox")).json()["threads"]

    answer = await ada.post(f"{desk_of(thread)}/messages", {"body": "yes?"})

    inbox = (await ada.get("/v1/desk/inbox")).json()
    (listed,) = (await api.get(f"{workspace}/threads")).json()["threads"]
    assert [(each["workspace"], each["unread"]) for each in waiting] == [("Aurora", 1)]
    assert (inbox["threads"], inbox["next"]) == ([], None)
    assert answer.json()["author_id"] == ada.staff_id
    assert (listed["unread"], listed["read_up_to"], listed["waiting_since"]) == (1, 1, None)


@pytest.mark.parametrize("is_all", [False, True])
async def test_pages_of_the_inbox_list_every_thread_once(
    api: Api, ada: Ada, *, is_all: bool
) -> None:
    names = [f"Studio-{number}" for number in range(5)]
    for name in names:
        await said(api, thread_of(await api.workspace(name)), "help")
    found: list[str] = []
    after: dict[str, str] = {}

    while True:
        asked = {"limit": 2, "is_all": is_all, **after}
        page = (await ada.get("/v1/desk/inbox", params=asked)).json()
        found += [each["workspace"] for each in page["threads"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}

    assert found == (names[::-1] if is_all else names)


async def test_pages_of_messages_go_back_to_the_first(api: Api) -> None:
    thread = thread_of(await api.workspace())
    for number in range(1, 6):
        await said(api, thread, str(number), key=f"say-{number}")
    found: list[int] = []
    before: dict[str, int] = {}

    while True:
        page = (await api.get(f"{thread}/messages", params={"limit": 2, **before})).json()
        found = [each["ordinal"] for each in page["messages"]] + found
        if page["before"] is None:
            break
        before = {"before": page["before"]}

    assert found == [1, 2, 3, 4, 5]
    newer = (await api.get(f"{thread}/messages", params={"after": 3})).json()["messages"]
    assert [each["ordinal"] for each in newer] == [4, 5]


async def test_a_picture_is_attached_and_shown_without_a_key(api: Api) -> None:
    workspace = await api.workspace()
    picture = BytesIO()
    Image.new("RGB", (400, 400), "teal").save(picture, "PNG")
    brought = await api.client.post(f"{workspace}/pictures", content=picture.getvalue())

    content = {"attachments": [brought.json()["sha256"]]}
    answer = await api.post(f"{thread_of(workspace)}/messages", content, key="say-1")

    (attachment,) = answer.json()["attachments"]
    shown = await api.get(attachment["url"])
    assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/png")


async def test_a_quick_question_is_answered_by_a_card(api: Api) -> None:
    workspace = await api.workspace()
    await api.post(f"{workspace}/plan", {"plan": "pro"}, key="plan-1")
    question = {"question": "billing_date"}

    asked = await api.post(f"{thread_of(workspace)}/questions", question, key="ask-1")
    again = await api.post(f"{thread_of(workspace)}/questions", question, key="ask-1")

    answer = asked.json()["answer"]
    calendar = await api.get(answer["data"]["calendar"])
    assert (answer["card"], answer["side"], answer["data"]["state"]) == (
        "billing_date", "house", "fixed"
    )  # fmt: skip
    assert again.json() == asked.json()
    assert calendar.headers["Content-Type"].startswith("text/calendar")
    assert calendar.text.count("BEGIN:VEVENT") == 24


async def test_a_thread_is_opened_assigned_settled_and_erased(api: Api, ada: Ada) -> None:
    workspace = await api.workspace()
    opened = await api.post(f"{workspace}/threads", {"subject": "My invoice"}, key="open-1")
    desk = desk_of(f"{workspace}/threads/{opened.json()['thread_id']}")
    await said(api, desk.replace("/desk/", "/"), "look")

    mine = {"assignee_id": ada.staff_id}
    assigned = await api.client.put(f"{desk}/assignee", json=mine, headers=ada.bearer)
    (listed,) = (await ada.get("/v1/desk/inbox", params=mine)).json()["threads"]
    settled = await ada.post(f"{desk}/settled")
    erased = await ada.post(f"{desk}/messages/1/erase", WHY)
    whole = await ada.post(f"{desk}/erase", WHY)

    assert (assigned.status_code, settled.status_code, opened.status_code) == (204, 204, 201)
    assert (listed["subject"], listed["assignee_id"]) == ("My invoice", ada.staff_id)
    assert (erased.json(), whole.json()) == ({"messages": 1}, {"messages": 0})
    assert (await ada.get("/v1/desk/inbox", params=mine)).json()["threads"] == []


async def test_marks_of_either_side_move_on(api: Api, ada: Ada) -> None:
    thread = thread_of(await api.workspace())
    await said(api, thread, "one")
    await said(api, thread, "two", key="say-2")

    creator = await api.post(f"{thread}/read", {"ordinal": 1, "member_id": ANN})
    staff = await ada.post(f"{desk_of(thread)}/read", {"ordinal": 2})

    assert (creator.json()["read_up_to"], staff.json()["read_up_to"]) == (1, 2)


async def test_the_facts_have_what_staff_need(api: Api, ada: Ada) -> None:
    workspace = await api.workspace()
    await api.post(f"{workspace}/plan", {"plan": "pro"}, key="plan-1")

    facts = (await ada.get(f"{desk_of(workspace)}/facts")).json()

    assert (facts["plan"], facts["standing"]["state"]) == ("pro", "active")
    assert facts["period"]["index"] == 0
    assert {each["kind"]: each["spendable"] for each in facts["balances"]} == {
        "image": 700, "video": 1_500
    }  # fmt: skip


def link_of(api: Api, thread: str) -> str:
    """Return the address at which somebody may answer in a thread for a while."""
    studio = api.house.studio
    workspace_id = UUID(thread.split("/")[3])
    link = AnswerLink(
        workspace_id=workspace_id, thread_id=UUID(thread.split("/")[5]),
        person_id=workspace_id, expires_at=studio.clock.now().replace(year=2099),
    )  # fmt: skip
    return f"/v1/chat-links/{answer_link(link, key=studio.asset_rules.link_key)}"


async def test_a_key_is_not_needed_for_a_link_alone(database_url: str, tmp_path: Path) -> None:
    bearer = {"Authorization": "Bearer secret", "Idempotency-Key": "one"}
    async with open_api(database_url, tmp_path, api_key="secret") as api:
        opened = await api.client.post("/v1/workspaces", json={"name": "A"}, headers=bearer)
        thread = thread_of(opened.headers["Location"])
        await api.client.post(f"{thread}/messages", json={"body": "hi"}, headers=bearer)

        shown = await api.get(link_of(api, thread))
        answer = await api.post(link_of(api, thread), {"body": "by link"}, key="answer-1")
        forged = await api.get(f"{link_of(api, thread)[:-1]}!")
        closed = await api.get(f"{thread}/messages")

    assert [each["body"] for each in shown.json()["messages"]] == ["hi"]
    assert (answer.json()["body"], answer.json()["author_id"]) == (
        "by link", thread.split("/")[3]
    )  # fmt: skip
    assert (forged.status_code, closed.status_code) == (403, 401)


BODIES: dict[str, dict[str, object]] = {
    "messages": {"body": "x"}, "read": {"ordinal": 1}, "questions": {"question": "billing_date"},
    "assignee": {"assignee_id": None}, "erase": WHY,
}  # fmt: skip


async def ask_at(ada: Ada, method: str, path: str, place: dict[str, str]) -> httpx.Response:
    """Ask at a route of a thread, with a body that fits it."""
    options = {} if method == "get" else {"json": BODIES.get(path.rpartition("/")[2], {})}
    bearer = ada.bearer if "/desk/" in path else {}
    headers = {**bearer, "Idempotency-Key": str(uuid4())}
    return await ada.api.client.request(
        method, path.format(**place, ordinal=1), headers=headers, **options
    )


async def test_no_route_leads_to_another_workspace_s_thread(api: Api, ada: Ada) -> None:
    thread = thread_of(await api.workspace())
    await said(api, thread, "a secret")
    other = await api.workspace("Borealis")
    document = (await api.get("/openapi.json")).json()
    place = {"workspace_id": other.rpartition("/")[2], "thread_id": thread.rpartition("/")[2]}

    answers = {}
    for path, methods in document["paths"].items():
        for method in methods if "{thread_id}" in path else ():
            answer = await ask_at(ada, method, path, place)
            answers[method, path] = (answer.status_code, answer.json()["code"])

    assert len(answers) == 11
    assert set(answers.values()) == {(404, "unknown_thread")}, answers


async def test_the_desk_s_chat_is_asked_for_by_staff_alone(api: Api) -> None:
    thread = thread_of(await api.workspace())
    document = (await api.get("/openapi.json")).json()
    place = dict(zip(("workspace_id", "thread_id"), thread.split("/")[3:6:2], strict=True))

    answers = {
        (method, path): (await ask_at(Ada(api, "", {}), method, path, place)).json()["code"]
        for path, methods in document["paths"].items()
        for method in methods
        if path.startswith("/v1/desk/") and ("{thread_id}" in path or "inbox" in path)
    }

    assert len(answers) == 8
    assert set(answers.values()) == {"staff_needed"}


async def test_staff_act_in_their_own_name_alone(api: Api, ada: Ada) -> None:
    desk = desk_of(thread_of(await api.workspace()))

    forged = await ada.post(f"{desk}/messages", {"body": "not me", "staff_id": ANN})
    stranger = await api.client.put(
        f"{desk}/assignee", json={"assignee_id": ANN}, headers=ada.bearer
    )

    assert forged.status_code == 400
    assert stranger.json()["code"] == "unknown_staff"


@pytest.mark.parametrize("reason", ["", "short", "x" * 501])
async def test_nothing_is_erased_without_a_reason(api: Api, ada: Ada, reason: str) -> None:
    thread = thread_of(await api.workspace())
    await said(api, thread, "hello")

    answers = [
        await ada.post(f"{desk_of(thread)}/{path}", {"reason": reason})
        for path in ("messages/1/erase", "erase")
    ]

    assert {answer.json()["code"] for answer in answers} == {"bad_reason"}
    (message,) = (await api.get(f"{thread}/messages")).json()["messages"]
    assert message["body"] == "hello"
