"""The chat over HTTP: threads, cards, the desk, links without a key, and no way to another's."""

from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from PIL import Image

from api_client import Api, open_api
from mutoscope.domain.chat import default_thread_id
from mutoscope.domain.chat_links import AnswerLink, answer_link

ANN = str(UUID(int=0xA))


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


def thread_of(workspace: str) -> str:
    """Return the address of the thread that a workspace has."""
    workspace_id = UUID(workspace.rpartition("/")[2])
    return f"{workspace}/threads/{default_thread_id(workspace_id=workspace_id)}"


def desk_of(thread: str) -> str:
    return thread.replace("/v1/", "/v1/desk/")


async def said(api: Api, thread: str, body: str, *, key: str = "say-1") -> httpx.Response:
    return await api.post(f"{thread}/messages", {"body": body}, key=key)


async def test_a_message_is_said_once_and_read_by_staff(api: Api) -> None:
    thread = thread_of(await api.workspace())
    first = await said(api, thread, "hello")
    again = await said(api, thread, "hello")

    page = await api.get(f"{desk_of(thread)}/messages")

    assert (first.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert page.json() == {"messages": [first.json()], "before": None}


async def test_staff_answer_from_the_inbox_and_the_creator_sees_it_unread(api: Api) -> None:
    workspace = await api.workspace()
    thread = thread_of(workspace)
    await said(api, thread, "help")
    waiting = (await api.get("/v1/desk/inbox", params={"staff_id": ANN})).json()["threads"]

    await api.post(f"{desk_of(thread)}/messages", {"staff_id": ANN, "body": "yes?"}, key="a-1")

    inbox = (await api.get("/v1/desk/inbox", params={"staff_id": ANN})).json()
    (listed,) = (await api.get(f"{workspace}/threads")).json()["threads"]
    assert [(each["workspace"], each["unread"]) for each in waiting] == [("Aurora", 1)]
    assert (inbox["threads"], inbox["next"]) == ([], None)
    assert (listed["unread"], listed["read_up_to"], listed["waiting_since"]) == (1, 1, None)


@pytest.mark.parametrize("is_all", [False, True])
async def test_pages_of_the_inbox_list_every_thread_once(api: Api, *, is_all: bool) -> None:
    names = [f"Studio-{number}" for number in range(5)]
    for name in names:
        await said(api, thread_of(await api.workspace(name)), "help")
    found: list[str] = []
    after: dict[str, str] = {}

    while True:
        asked = {"staff_id": ANN, "limit": 2, "is_all": is_all, **after}
        page = (await api.get("/v1/desk/inbox", params=asked)).json()
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


async def test_a_thread_is_opened_assigned_settled_and_erased(api: Api) -> None:
    workspace = await api.workspace()
    opened = await api.post(f"{workspace}/threads", {"subject": "My invoice"}, key="open-1")
    desk = desk_of(f"{workspace}/threads/{opened.json()['thread_id']}")
    await said(api, desk.replace("/desk/", "/"), "look")

    assigned = await api.client.put(f"{desk}/assignee", json={"assignee_id": ANN})
    mine = {"staff_id": ANN, "assignee_id": ANN}
    (listed,) = (await api.get("/v1/desk/inbox", params=mine)).json()["threads"]
    settled = await api.post(f"{desk}/settled")
    erased = await api.post(f"{desk}/messages/1/erase")
    whole = await api.post(f"{desk}/erase")

    assert (assigned.status_code, settled.status_code, opened.status_code) == (204, 204, 201)
    assert (listed["subject"], listed["assignee_id"]) == ("My invoice", ANN)
    assert (erased.json(), whole.json()) == ({"messages": 1}, {"messages": 0})
    assert (await api.get("/v1/desk/inbox", params=mine)).json()["threads"] == []


async def test_marks_of_either_side_move_on(api: Api) -> None:
    thread = thread_of(await api.workspace())
    await said(api, thread, "one")
    await said(api, thread, "two", key="say-2")

    creator = await api.post(f"{thread}/read", {"ordinal": 1, "member_id": ANN})
    staff = await api.post(f"{desk_of(thread)}/read", {"ordinal": 2, "staff_id": ANN})

    assert (creator.json()["read_up_to"], staff.json()["read_up_to"]) == (1, 2)


async def test_the_facts_have_what_staff_need(api: Api) -> None:
    workspace = await api.workspace()
    await api.post(f"{workspace}/plan", {"plan": "pro"}, key="plan-1")

    facts = (await api.get(f"{desk_of(workspace)}/facts")).json()

    assert (facts["plan"], facts["standing"]["state"]) == ("pro", "active")
    assert facts["period"]["index"] == 0
    assert {each["kind"]: each["spendable"] for each in facts["balances"]} == {
        "image": 700, "video": 1_500
    }  # fmt: skip


def link_of(api: Api, thread: str) -> str:
    """Return the address at which somebody may answer in a thread for a while."""
    studio = api.house.studio
    link = AnswerLink(
        workspace_id=UUID(thread.split("/")[3]), thread_id=UUID(thread.split("/")[5]),
        person_id=UUID(int=7), expires_at=studio.clock.now().replace(year=2099),
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
    assert (answer.json()["body"], answer.json()["author_id"]) == ("by link", str(UUID(int=7)))
    assert (forged.status_code, closed.status_code) == (403, 401)


BODIES: dict[str, dict[str, object]] = {
    "messages": {"body": "x"}, "read": {"ordinal": 1}, "questions": {"question": "billing_date"},
    "assignee": {"assignee_id": ANN},
}  # fmt: skip


async def ask_at(api: Api, method: str, path: str, place: dict[str, str]) -> httpx.Response:
    """Ask at a route of a thread, with a body that fits it."""
    name = path.rpartition("/")[2]
    signed = {"staff_id": ANN} if "/desk/" in path and name in {"messages", "read"} else {}
    options = {} if method == "get" else {"json": {**BODIES.get(name, {}), **signed}}
    headers = {"Idempotency-Key": str(uuid4())}
    return await api.client.request(
        method, path.format(**place, ordinal=1), headers=headers, **options
    )


async def test_no_route_leads_to_another_workspace_s_thread(api: Api) -> None:
    thread = thread_of(await api.workspace())
    await said(api, thread, "a secret")
    other = await api.workspace("Borealis")
    document = (await api.get("/openapi.json")).json()
    place = {"workspace_id": other.rpartition("/")[2], "thread_id": thread.rpartition("/")[2]}

    answers = {}
    for path, methods in document["paths"].items():
        for method in methods if "{thread_id}" in path else ():
            answer = await ask_at(api, method, path, place)
            answers[method, path] = (answer.status_code, answer.json()["code"])

    assert len(answers) == 11
    assert set(answers.values()) == {(404, "unknown_thread")}, answers
