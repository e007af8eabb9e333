"""Teams over the API: members, invitations, caps and usage, and nothing of another workspace."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from api_client import IMAGE, Api, open_api, operation
from mutoscope.storage import workspaces


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


async def owned(api: Api, name: str = "Corona") -> str:
    """Open a workspace that has an owner."""
    content = {"name": name, "email": f"{name.lower()}@example.com", "is_demo": True}
    opened = await api.post("/v1/workspaces", content, key=name)
    assert opened.status_code == 201, opened.text
    return opened.headers["Location"]


async def token_of(api: Api, place: str) -> str:
    async with api.house.studio.reading() as connection:
        workspace_id = UUID(place.rpartition("/")[2])
        (letter, *_) = await workspaces.outbox(connection, workspace_id=workspace_id, limit=1)
    return letter.body.rpartition(" ")[2]


async def joined(api: Api, place: str, name: str = "ada") -> str:
    """Let somebody join; return the member's id."""
    content = {"email": f"{name}@example.com", "name": name.title()}
    await api.post(f"{place}/invitations", content, key=name)
    token = await token_of(api, place)
    return (await api.post(f"{place}/invitations/accept", {"token": token})).json()["member_id"]


async def cap(api: Api, place: str, member_id: str, credits_max: int) -> dict[str, Any]:
    path = f"{place}/caps/member/{member_id}/image"
    answered = await api.client.put(path, json={"credits": credits_max})
    assert answered.status_code == 200, answered.text
    return answered.json()


async def test_a_person_is_invited_joins_and_is_listed(api: Api) -> None:
    place = await owned(api)
    content = {"email": "ada@example.com", "role": "viewer"}

    made = await api.post(f"{place}/invitations", content, key="ada")
    again = await api.post(f"{place}/invitations", content, key="ada")
    open_ones = (await api.get(f"{place}/invitations")).json()["invitations"]
    answer = {"token": await token_of(api, place), "name": "Ada"}
    accepted = await api.post(f"{place}/invitations/accept", answer)
    used = await api.post(f"{place}/invitations/accept", answer)

    assert (made.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert open_ones == [made.json()] == [again.json()]
    assert (accepted.status_code, accepted.json()["state"]) == (200, "active")
    assert (used.status_code, used.json()["code"]) == (409, "invitation_over")
    listed = (await api.get(f"{place}/members")).json()["members"]
    assert [each["role"] for each in listed] == ["owner", "viewer"]


async def test_lists_of_a_team_page_by_cursor(api: Api) -> None:
    place = await owned(api)
    for name in ("ada", "grace"):
        await api.post(f"{place}/invitations", {"email": f"{name}@example.com"}, key=name)

    for path, expected in (("members", 3), ("invitations", 2)):
        found: list[str] = []
        after: dict[str, str] = {}
        while True:
            page = (await api.get(f"{place}/{path}", params={"limit": "1", **after})).json()
            found += [each["member_id"] for each in page[path]]
            if page["next"] is None:
                break
            after = {"after": page["next"]}
        assert len(set(found)) == len(found) == expected


async def test_roles_change_and_the_last_owner_stays(api: Api) -> None:
    place = await owned(api)
    (owner,) = (await api.get(f"{place}/members")).json()["members"]
    path = f"{place}/members/{owner['member_id']}"
    ada = await joined(api, place)

    kept = await api.post(f"{path}/role", {"role": "viewer"})
    raised = await api.post(f"{place}/members/{ada}/role", {"role": "owner"})
    forbidden = await api.post(f"{path}/remove", {"by": owner["member_id"]})
    last = await api.post(f"{place}/members/{ada}/remove", {"is_erased": True})

    assert (kept.status_code, kept.json()["code"]) == (409, "last_owner")
    assert (raised.status_code, raised.json()["role"]) == (200, "owner")
    assert (forbidden.status_code, forbidden.json()["state"]) == (200, "removed")
    assert (last.status_code, last.json()["code"]) == (409, "last_owner")


async def test_invitations_are_sent_again_and_withdrawn(api: Api) -> None:
    place = await owned(api)
    made = await api.post(f"{place}/invitations", {"email": "ada@example.com"}, key="ada")
    path = f"{place}/invitations/{made.json()['invitation_id']}"

    sent = await api.post(f"{path}/resend", {})
    withdrawn = await api.post(f"{path}/withdraw", {})
    over = await api.post(f"{path}/resend", {})

    assert sent.json()["sendings"] == 2
    assert withdrawn.json()["state"] == "withdrawn"
    assert (over.status_code, over.json()["code"]) == (409, "invitation_over")


async def test_a_cap_refuses_a_job_with_402_and_its_figures(api: Api) -> None:
    place = await owned(api)
    ada = await joined(api, place)
    assert (await cap(api, place, ada, 3))["remaining"] == 3
    job = {**IMAGE, "member_id": ada, "images": 2}
    assert (await api.post(f"{place}/jobs", job, key="one")).status_code == 201

    refused = await api.post(f"{place}/jobs", job, key="two")
    told = (await api.post(f"{place}/estimates", {
        "tool": "image_generation", "images": 2, "member_id": ada,
    })).json()  # fmt: skip

    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (402, "cap_exceeded")
    figures = {name: problem[name] for name in ("cap", "used", "required", "remaining")}
    assert figures == {"cap": 3, "used": 2, "required": 2, "remaining": 1}
    assert problem["may_raise"] == "owner"
    assert problem["period_ends_at"] == told["caps"][0]["period_ends_at"]


async def test_a_cap_is_listed_and_removed(api: Api) -> None:
    place = await owned(api)
    ada = await joined(api, place)
    made = await cap(api, place, ada, 3)
    path = f"{place}/caps/member/{ada}/image"

    listed = (await api.get(f"{place}/caps")).json()["caps"]
    removed = await api.client.delete(path)
    gone = await api.client.delete(path)

    assert listed == [made]
    assert removed.status_code == 204
    assert (gone.status_code, gone.json()["code"]) == (404, "unknown_cap")


async def test_every_way_to_make_something_names_its_member(api: Api) -> None:
    place = await owned(api)
    ada = await joined(api, place)
    await cap(api, place, ada, 0)
    placed = (await api.post(f"{place}/jobs", IMAGE, key="job")).json()
    project = (await api.post(f"{place}/projects", {"name": "Rain"})).json()["project_id"]
    board = f"{place}/projects/{project}"
    await api.post(f"{board}/screenplays", {"text": "EXT. SEA\n\nA wave."})
    (scene,) = (await api.get(board)).json()["scenes"]
    frame = f"{place}/frames/{scene['frames'][0]['frame_id']}"

    answers = [
        await api.post(f"{place}/jobs", {**IMAGE, "member_id": ada}, key="a"),
        await api.post(f"{place}/jobs/{placed['job_id']}/regenerate?member_id={ada}", key="b"),
        await api.post(f"{frame}/stills", {"member_id": ada}, key="c"),
        await api.post(f"{board}/orders", {"wanted": "still", "member_id": ada}, key="d"),
    ]

    assert [answer.json()["code"] for answer in answers] == ["cap_exceeded"] * 4


async def test_usage_is_told_and_exported(api: Api) -> None:
    place = await owned(api)
    ada = await joined(api, place)
    await api.batch(place, operation("charge", "poster", 2, member_id=ada))

    told = (await api.get(f"{place}/usage", params={"by": "member"})).json()
    table = await api.get(f"{place}/usage.csv", params={"by": "member", "kind": "image"})

    (row,) = told["rows"]
    assert (row["name"], row["held"], row["captured"], row["used"]) == ("Ada", 2, 2, 2)
    assert table.headers["Content-Type"].startswith("text/csv")
    assert table.text.splitlines()[1] == f"{ada},Ada,image,2,2,0,0,2,0"
    wrong = await api.get(f"{place}/usage", params={"starts_at": "2026-01-01T00:00:00Z"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "bad_span")


async def test_nothing_of_another_workspace_is_found(api: Api) -> None:
    place, other = await owned(api), await owned(api, "Borealis")
    ada = await joined(api, place)
    made = await api.post(f"{place}/invitations", {"email": "b@example.com"}, key="b")
    project = (await api.post(f"{place}/projects", {"name": "Rain"})).json()["project_id"]
    invitation = f"{other}/invitations/{made.json()['invitation_id']}"
    member = f"{other}/members/{ada}"

    answers = [
        await api.post(f"{member}/role", {"role": "owner"}),
        await api.post(f"{member}/remove", {}),
        await api.post(f"{invitation}/resend", {}),
        await api.post(f"{invitation}/withdraw", {}),
        await api.post(f"{other}/invitations", {"email": "c@example.com", "by": ada}, key="c"),
        await api.client.put(f"{other}/caps/member/{ada}/image", json={"credits": 1}),
        await api.client.put(f"{other}/caps/project/{project}/image", json={"credits": 1}),
        await api.client.delete(f"{other}/caps/member/{ada}/image"),
    ]

    assert [answer.status_code for answer in answers] == [404] * len(answers)


async def test_no_job_is_put_down_to_another_workspace(api: Api) -> None:
    place, other = await owned(api), await owned(api, "Borealis")
    ada = await joined(api, place)
    project = (await api.post(f"{place}/projects", {"name": "Rain"})).json()["project_id"]

    answers = [
        await api.post(f"{other}/jobs", {**IMAGE, "member_id": ada}, key="d"),
        await api.post(f"{other}/jobs", {**IMAGE, "project_id": project}, key="e"),
    ]

    assert [answer.json()["code"] for answer in answers] == ["unknown_member", "unknown_project"]


@pytest.mark.parametrize("path", ["members", "invitations", "caps", "usage", "usage.csv"])
async def test_a_team_of_no_workspace_is_not_found(api: Api, path: str) -> None:
    answered = await api.get(f"/v1/workspaces/{uuid4()}/{path}")

    assert (answered.status_code, answered.json()["code"]) == (404, "unknown_workspace")
