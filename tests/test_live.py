"""Live streams over a real server: told within a second, exact over every break, each apart."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from desk_stage import join, token_of_new
from mutoscope.app import chat, desk_chat, follow, generate, live, sign_up
from mutoscope.app.advance import advance
from mutoscope.bootstrap import House, open_house
from mutoscope.domain.chat import Words, creator, default_thread_id, staff
from mutoscope.domain.staff import Role
from mutoscope.settings import read_settings
from mutoscope.storage.jobs import Job
from servers import enterable_folder, kill, postmaster, until
from stream_client import Served, serving
from studio_stage import FRAME

ANN = UUID(int=0xA)
TRIES = 3
"""How often a span is measured: the shortest tells the product, a longer one a busy machine."""

CUT_OFF = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_type = 'client backend'
"""


@pytest.fixture
async def served(database_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    settings = {"DATABASE_URL": database_url, "MUTOSCOPE_DATA": str(tmp_path)}
    async with open_house(read_settings(settings)) as house, serving(house) as served:
        yield served


async def opened(house: House, name: str = "Aurora") -> UUID:
    workspace = await sign_up.create(house.studio, name=name, zone="UTC", is_demo=True)
    return workspace.workspace_id


async def bearer_of(house: House) -> dict[str, str]:
    """Return the header of somebody of the staff."""
    _, token = await token_of_new(house, "ada", Role.SUPPORT)
    return {"Authorization": f"Bearer {token}"}


async def say(house: House, workspace_id: UUID, body: str) -> None:
    await chat.say(
        house.studio, workspace_id=workspace_id, thread_id=None, author=staff(staff_id=ANN),
        words=Words(body=body), key=str(uuid4()),
    )  # fmt: skip


async def test_two_followers_are_told_a_message_within_a_second(served: Served) -> None:
    workspace_id = await opened(served.house)

    spans_s = []

    async with served.stream(workspace_id) as one, served.stream(workspace_id) as other:
        for number in range(1, TRIES + 1):
            began = time.monotonic()
            await say(served.house, workspace_id, "hello")
            told = [(await each.until("message"))[0] for each in (one, other)]
            spans_s.append(time.monotonic() - began)
            assert [(each.data["body"], each.id) for each in told] == [("hello", str(number))] * 2

    assert min(spans_s) < 1


async def test_another_workspace_s_stream_sees_nothing(served: Served) -> None:
    workspace_id = await opened(served.house)
    other_id = await opened(served.house, "Borealis")

    async with served.stream(other_id) as stream:
        await say(served.house, workspace_id, "a secret")
        place = default_thread_id(workspace_id=workspace_id)
        await chat.read_up_to(
            served.house.studio, workspace_id=workspace_id, thread_id=place, ordinal=1,
            reader=creator(workspace_id=workspace_id),
        )  # fmt: skip
        await generate.place(
            served.house.studio, workspace_id=workspace_id, wish=FRAME, key="job-1"
        )
        await asyncio.sleep(1)
        await say(served.house, other_id, "for you")
        await stream.until("message")

    assert {each.data["workspace_id"] for each in stream.seen[1:]} == {str(other_id)}


async def test_a_stream_that_goes_on_loses_nothing_and_doubles_nothing(served: Served) -> None:
    workspace_id = await opened(served.house)
    async with served.stream(workspace_id) as stream:
        await say(served.house, workspace_id, "1")
        (last,) = await stream.until("message")
    for number in range(2, 252):
        await say(served.house, workspace_id, str(number))

    async with served.stream(workspace_id, headers={"Last-Event-ID": last.id}) as stream:
        writing = asyncio.create_task(_say_all(served.house, workspace_id, range(252, 302)))
        found = await stream.until("message", count=300)
        await writing

    assert [each.data["body"] for each in found] == [str(number) for number in range(2, 302)]
    assert [each.id for each in found] == [str(number) for number in range(2, 302)]


async def _say_all(house: House, workspace_id: UUID, numbers: range) -> None:
    for number in numbers:
        await say(house, workspace_id, str(number))


async def test_a_reader_goes_on_from_the_serial_of_its_list(served: Served) -> None:
    workspace_id = await opened(served.house)
    await say(served.house, workspace_id, "before")
    listed = (await served.client.get(f"/v1/workspaces/{workspace_id}/threads")).json()
    await say(served.house, workspace_id, "between")

    async with served.stream(workspace_id, params={"after": listed["serial"]}) as stream:
        (found,) = await stream.until("message")

    assert found.data["body"] == "between"


async def test_a_place_that_never_was_is_answered_by_a_reset(served: Served) -> None:
    workspace_id = await opened(served.house)
    await say(served.house, workspace_id, "one")

    async with served.stream(workspace_id, headers={"Last-Event-ID": "77"}) as stream:
        assert (await stream.next()).name == "reset"
        await say(served.house, workspace_id, "two")
        (found,) = await stream.until("message")

    assert (found.data["body"], stream.seen[0].id) == ("two", "1")


async def test_a_lost_connection_is_told_as_a_reset_and_nothing_is_missed(
    served: Served,
) -> None:
    workspace_id = await opened(served.house)

    async with served.stream(workspace_id) as stream:
        await say(served.house, workspace_id, "before")
        await stream.until("message")
        async with served.house.studio.reading() as connection:
            await connection.execute(CUT_OFF)
        await say(served.house, workspace_id, "while away")
        (found,) = await stream.until("message")
        if not any(each.name == "reset" for each in stream.seen):
            await stream.until("reset")

    assert found.data["body"] == "while away"


async def test_both_followers_go_on_after_the_database_was_killed() -> None:
    with enterable_folder() as data:
        settings = read_settings({"MUTOSCOPE_DATA": str(data)})
        async with open_house(settings) as house, serving(house) as served:
            workspace_id = await opened(house)
            async with served.stream(workspace_id) as one, served.stream(workspace_id) as other:
                await say(house, workspace_id, "before")
                await asyncio.gather(one.until("message"), other.until("message"))
                await kill(postmaster(data / "postgres"), folder=data / "postgres")
                await asyncio.gather(one.until("reset"), other.until("reset"))
                await say(house, workspace_id, "after")
                found = await asyncio.gather(one.until("message"), other.until("message"))

    assert [each.data["body"] for (each,) in found] == ["after", "after"]
    assert [each.id for (each,) in found] == ["2", "2"]


async def test_a_slow_follower_holds_nobody_up(served: Served) -> None:
    workspace_id = await opened(served.house)
    request = (
        f"GET /v1/workspaces/{workspace_id}/live HTTP/1.1\r\nHost: localhost\r\n"
        "Accept: text/event-stream\r\n\r\n"
    )

    with socket.socket() as slow:  # it asks, and never reads
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        slow.connect(("127.0.0.1", served.port))
        slow.sendall(request.encode())
        async with served.stream(workspace_id) as quick:
            await until(lambda: served.house.live.streams == 2)
            began = time.monotonic()
            writing = asyncio.create_task(_say_much(served.house, workspace_id, 300))
            found = await quick.until("message", count=300)
            await writing

    assert [each.id for each in found] == [str(number) for number in range(1, 301)]
    assert time.monotonic() - began < 20


async def _say_much(house: House, workspace_id: UUID, count: int) -> None:
    for _ in range(count):
        await say(house, workspace_id, "x" * 3_900)


async def test_a_stream_that_is_left_leaves_nothing_behind(served: Served) -> None:
    workspace_id = await opened(served.house)

    async with served.stream(workspace_id):
        assert served.house.live.streams == 1

    await until(lambda: served.house.live.streams == 0)


async def test_a_balance_that_moves_is_told_within_a_second(served: Served) -> None:
    workspace_id = await opened(served.house)
    spans_s, jobs = [], []

    async with served.stream(workspace_id) as stream:
        (first,) = await stream.until("balance")
        for number in range(1, TRIES + 1):
            began = time.monotonic()
            job, _ = await generate.place(
                served.house.studio, workspace_id=workspace_id, wish=FRAME, key=f"job-{number}"
            )
            jobs.append(str(job.job_id))
            (moved,) = await stream.until("balance")
            spans_s.append(time.monotonic() - began)
            assert (moved.data["spendable"], moved.data["held"]) == (50 - number, number)
        told = {each.data["job_id"]: each for each in stream.seen if each.name == "job"}

    assert (first.data["spendable"], first.data["held"]) == (50, 0)
    assert told[jobs[0]].data["state"] == "waiting"
    assert min(spans_s) < 1


async def test_a_job_is_followed_to_its_end(served: Served) -> None:
    workspace_id = await opened(served.house)
    job, _ = await generate.place(
        served.house.studio, workspace_id=workspace_id, wish=FRAME, key="job-1"
    )

    async with served.stream(workspace_id) as stream:
        (first,) = await stream.until("job")
        await _play(served.house, job)
        last = first
        while last.data["state"] != "succeeded":
            (last,) = await stream.until("job")

    assert (first.data["state"], last.data["captured"]) == ("waiting", 1)


async def _play(house: House, job: Job) -> None:
    """Take the steps of a job until there is none left."""
    wait_s: float | None = 0
    while wait_s is not None:
        await asyncio.sleep(min(wait_s, 0.05))
        wait_s = (
            await advance(house.studio, workspace_id=job.workspace_id, job_id=job.job_id)
        ).wait_s


async def test_what_was_read_is_told_to_the_other_side(served: Served) -> None:
    workspace_id = await opened(served.house)
    await say(served.house, workspace_id, "hello")
    thread_id = default_thread_id(workspace_id=workspace_id)

    async with served.stream(workspace_id) as stream:
        await served.post(
            f"/v1/workspaces/{workspace_id}/threads/{thread_id}/read", {"ordinal": 1}, key="-"
        )
        (found,) = await stream.until("read")

    assert found.data == {
        "thread_id": str(thread_id), "ordinal": 1, "side": "creator",
        "reader_id": str(workspace_id),
    }  # fmt: skip


async def test_staff_follow_the_inbox_of_all_workspaces(served: Served) -> None:
    workspace_id = await opened(served.house)
    thread_id = default_thread_id(workspace_id=workspace_id)
    bearer = await bearer_of(served.house)

    async with served.stream_at("/v1/desk/live", headers=bearer) as stream:
        await say(served.house, workspace_id, "hello")
        (found,) = await stream.until("inbox")

    place = {"workspace_id": str(workspace_id), "thread_id": str(thread_id)}
    assert found.data == {"what": "message", **place}


async def test_a_lost_connection_is_told_to_the_inbox_as_a_reset(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "HEARTBEAT_S", 0.2)
    bearer = await bearer_of(served.house)

    async with served.stream_at("/v1/desk/live", headers=bearer) as stream:
        while (await stream.next()).comment is None:
            continue
        async with served.house.studio.reading() as connection:
            await connection.execute(CUT_OFF)
        (found,) = await stream.until("reset")

    assert found.data == {}


async def test_a_thread_that_needs_no_answer_is_told(served: Served) -> None:
    workspace_id = await opened(served.house)
    await say(served.house, workspace_id, "hello")
    thread_id = default_thread_id(workspace_id=workspace_id)
    ada = await join(served.house, "ada", Role.SUPPORT)

    async with served.stream(workspace_id) as stream:
        await stream.until("balance")
        await desk_chat.settle(
            served.house.studio, ada, workspace_id=workspace_id, thread_id=thread_id
        )
        (found,) = await stream.until("thread")

    assert found.data == {"thread_id": str(thread_id)}


async def test_silence_is_broken_by_a_comment(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "HEARTBEAT_S", 0.2)
    workspace_id = await opened(served.house)

    async with served.stream(workspace_id) as stream:
        while (told := await stream.next()).comment is None:
            continue

    assert (told.name, told.comment) == ("", "nothing new")


async def test_there_are_so_many_streams_and_no_more(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "STREAMS_OF_ONE_MAX", 1)
    workspace_id = await opened(served.house)

    async with served.stream(workspace_id):
        refused = await served.client.get(f"/v1/workspaces/{workspace_id}/live")

    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
    assert refused.headers["Retry-After"] == "2"


async def test_a_workspace_that_is_none_is_not_followed(served: Served) -> None:
    refused = await served.client.get(f"/v1/workspaces/{uuid4()}/live")

    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_workspace")


async def test_a_server_that_stops_does_not_wait_for_its_streams(
    database_url: str, tmp_path: Path
) -> None:
    settings = {"DATABASE_URL": database_url, "MUTOSCOPE_DATA": str(tmp_path)}
    async with open_house(read_settings(settings)) as house, serving(house) as served:
        workspace_id = await opened(house)
        async with served.stream(workspace_id) as stream:
            began = time.monotonic()
            house.live.end()
            await stream.rest()

    assert time.monotonic() - began < 5


async def test_who_listens_is_noted(served: Served) -> None:
    workspace_id = await opened(served.house)
    question = "SELECT count(*) FROM listeners WHERE workspace_id = $1 AND person_id = $1"

    async with served.stream(workspace_id) as stream:
        await stream.until("balance")
        await asyncio.sleep(0.2)
        async with served.house.studio.reading() as connection:
            assert await connection.fetchval(question, workspace_id) == 1
