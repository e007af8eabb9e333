"""Storyboards over HTTP: begun, imported, priced, ordered once a key, and told whole."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from PIL import Image

from api_client import Api, open_api
from mutoscope.app.advance import advance
from mutoscope.domain.jobs import FINAL
from storyboard_stage import SCRIPT

FDX = (
    '<?xml version="1.0"?><FinalDraft><Content>'
    '<Paragraph Type="Scene Heading"><Text>EXT. SEA - DAY</Text></Paragraph>'
    '<Paragraph Type="Action"><Text>A wave.</Text></Paragraph></Content></FinalDraft>'
)


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


@pytest.fixture
async def workspace(api: Api) -> str:
    return await api.workspace()


@pytest.fixture
async def project(api: Api, workspace: str) -> str:
    """Begin a board of three frames, and return its address."""
    begun = await api.post(f"{workspace}/projects", {"name": "Rain"})
    place = f"{workspace}/projects/{begun.json()['project_id']}"
    imported = await api.post(f"{place}/screenplays", {"text": SCRIPT})
    assert imported.json() == {"scenes": 2, "shots": 3}
    return place


async def frames(api: Api, project: str) -> list[dict[str, Any]]:
    board = (await api.get(project)).json()
    return [frame for scene in board["scenes"] for frame in scene["frames"]]


async def finish(api: Api, job: dict[str, Any]) -> None:
    """Take the steps of a job as a worker would, until it ends."""
    place = f"/v1/workspaces/{job['workspace_id']}/jobs/{job['job_id']}"
    name = {"workspace_id": UUID(job["workspace_id"]), "job_id": UUID(job["job_id"])}
    async with asyncio.timeout(60):
        while (await api.get(place)).json()["state"] not in FINAL:
            await advance(api.house.studio, **name)
            await asyncio.sleep(0.1)


async def pay(api: Api, workspace: str) -> None:
    """Start a plan, so that clips may be made."""
    begun = await api.post(f"{workspace}/plan", {"plan": "pro"}, key="plan")
    assert begun.status_code == 201, begun.text


async def test_a_scene_is_renamed_moved_deleted_and_brought_back(api: Api, project: str) -> None:
    first, second = ((await api.get(project)).json())["scenes"]
    kitchen = f"{project}/scenes/{first['scene_id']}"

    renamed = await api.post(f"{kitchen}/heading", {"heading": " INT. ATTIC "})
    moved = await api.post(f"{kitchen}/place", {"place": 9})
    gone = await api.post(f"{kitchen}/archive", {})
    back = await api.post(f"{kitchen}/archive", {"is_undo": True})
    unknown = await api.post(f"{project}/scenes/{uuid4()}/place", {"place": 1})
    blank = await api.post(f"{kitchen}/heading", {"heading": " "})

    assert renamed.json()["scenes"][0]["heading"] == "INT. ATTIC"
    assert [each["heading"] for each in moved.json()["scenes"]] == [
        second["heading"], "INT. ATTIC",
    ]  # fmt: skip
    assert [each["scene_id"] for each in gone.json()["scenes"]] == [second["scene_id"]]
    assert back.json() == moved.json() == (await api.get(project)).json()
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_scene")
    assert (blank.status_code, blank.json()["code"]) == (422, "bad_text")


async def brought(api: Api, workspace: str) -> str:
    file = io.BytesIO()
    Image.new("RGB", (64, 36), "teal").save(file, "PNG")
    headers = {"Content-Type": "image/png"}
    answer = await api.client.post(
        f"{workspace}/pictures", content=file.getvalue(), headers=headers
    )
    digest: str = answer.json()["sha256"]
    return digest


async def test_a_board_is_listed_shown_deleted_and_brought_back(
    api: Api, workspace: str, project: str
) -> None:
    shown = (await api.get(project)).json()
    await api.post(f"{project}/archive", {})
    gone = (await api.get(f"{workspace}/projects")).json()["projects"]
    deleted = (await api.get(f"{workspace}/projects?is_archived=true")).json()["projects"]
    await api.post(f"{project}/archive", {"is_undo": True})

    back = (await api.get(f"{workspace}/projects")).json()["projects"]

    assert shown["project"]["name"] == "Rain"
    assert [len(scene["frames"]) for scene in shown["scenes"]] == [2, 1]
    assert (gone, len(deleted)) == ([], 1)
    assert back == [shown["project"]]


async def test_a_script_of_final_draft_is_read_and_a_hostile_one_refused(
    api: Api, project: str
) -> None:
    read = await api.post(f"{project}/screenplays", {"text": FDX})
    hostile = FDX.replace("<FinalDraft>", '<!DOCTYPE x [<!ENTITY a "b">]><FinalDraft>')
    refused = await api.post(f"{project}/screenplays", {"text": hostile})
    empty = await api.post(f"{project}/screenplays", {"text": " "})

    assert read.json() == {"scenes": 1, "shots": 1}
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_final_draft")
    assert (empty.status_code, empty.json()["code"]) == (422, "empty_screenplay")


async def test_an_order_is_placed_once_a_key(api: Api, workspace: str, project: str) -> None:
    placed = await api.post(f"{project}/orders", {"wanted": "still"}, key="all")
    again = await api.post(f"{project}/orders", {"wanted": "still"}, key="all")
    other = await api.post(f"{project}/orders", {"wanted": "clip"}, key="all")
    more = await api.post(f"{project}/orders", {"wanted": "still"}, key="more")

    image = (await api.get(f"{workspace}/balances")).json()["balances"][0]

    assert placed.status_code == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == placed.json()
    assert (image["spendable"], image["held"]) == (47, 3)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert (more.status_code, more.json()["code"]) == (409, "nothing_lacking")


async def test_a_shortfall_tells_what_is_required_and_there(api: Api, project: str) -> None:
    text = "EXT. SEA\n\n" + "A wave.\n\n" * 50
    await api.post(f"{project}/screenplays", {"text": text})

    refused = await api.post(f"{project}/orders", {"wanted": "still"}, key="all")

    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (402, "insufficient_credits")
    assert (problem["required"], problem["available"], problem["shortfall"]) == (53, 50, 3)


async def test_a_quote_is_ordered_at_its_price(api: Api, workspace: str, project: str) -> None:
    await pay(api, workspace)
    estimate = (await api.get(f"{project}/estimate")).json()
    quote = (await api.post(f"{project}/quotes")).json()

    placed = await api.post(
        f"{project}/orders", {"wanted": "still", "quote_id": quote["quote_id"]}, key="all"
    )
    unknown = await api.post(
        f"{project}/orders", {"wanted": "still", "quote_id": str(uuid4())}, key="none"
    )

    assert quote["estimate"] == estimate
    assert [total["required"] for total in estimate["totals"]] == [3, 75]
    assert [job["price"] for job in placed.json()["jobs"]] == [1, 1, 1]
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_quote")


async def test_a_mix_and_the_tools_are_told(api: Api, workspace: str, project: str) -> None:
    await pay(api, workspace)
    mix = (await api.post(f"{project}/mix", {"budget": 100, "is_chosen": True})).json()
    short = await api.post(f"{project}/mix", {"budget": 10})
    tools = (await api.get(f"{workspace}/tools")).json()["tools"]

    runway = next(tool for tool in tools if tool["tool"] == "runway_gen4_turbo")

    assert (mix["price"], mix["rank_sum"]) == (100, 8)
    assert [f["tool"] for f in await frames(api, project)] == [f["tool"] for f in mix["frames"]]
    assert (short.status_code, short.json()["shortfall"]) == (422, 65)
    assert (runway["available"], runway["seconds_affordable"]) == (1_500, 300)


async def test_a_frame_is_made_edited_chosen_and_animated(
    api: Api, workspace: str, project: str
) -> None:
    await pay(api, workspace)
    place = f"{workspace}/frames/{(await frames(api, project))[0]['frame_id']}"
    made = await api.post(f"{place}/stills", {"images": 2}, key="still")
    await finish(api, made.json())
    edited = await api.post(f"{place}/edits", {"instruction": "at night"}, key="edit")
    tuned = await api.post(f"{place}/fine-tunes", {"adjustments": {"light": "left"}}, key="tune")
    early = await api.post(f"{place}/clips", {}, key="clip")
    first = (await api.get(place)).json()["versions"][0]
    await api.post(f"{place}/choice", first["name"])
    await api.post(f"{place}/final", {})
    clip = await api.post(f"{place}/clips", {"tool": "kling_pro"}, key="clip")

    assert [answer.status_code for answer in (made, edited, tuned, clip)] == [201] * 4
    assert edited.json()["spec"]["source"]["ordinal"] == 2
    assert (early.status_code, early.json()["code"]) == (409, "frame_not_final")
    assert clip.json()["spec"]["source"] == first["name"]
    assert clip.json()["price"] == 50


async def test_versions_are_compared_and_made_again(api: Api, workspace: str, project: str) -> None:
    place = f"{workspace}/frames/{(await frames(api, project))[0]['frame_id']}"
    made = await api.post(f"{place}/stills", {"seed": 7}, key="still")
    await finish(api, made.json())
    again = await api.post(f"{place}/regenerate", {}, key="again")
    await finish(api, again.json())
    first, second = (each["name"] for each in (await api.get(place)).json()["versions"])

    told = await api.post(f"{place}/comparison", {"first": first, "second": second})
    other = await api.post(
        f"{place}/comparison", {"first": first, "second": {**second, "ordinal": 2}}
    )

    assert told.json()["differences"] == [{"name": "seed", "first": 7, "second": 8}]
    assert (other.status_code, other.json()["code"]) == (422, "no_such_frame")


async def test_a_picture_becomes_a_version_and_shows_a_part(
    api: Api, workspace: str, project: str
) -> None:
    digest = await brought(api, workspace)
    place = f"{workspace}/frames/{(await frames(api, project))[0]['frame_id']}"
    part = (await api.post(f"{project}/cast", {"kind": "character", "name": "Mara"})).json()
    pictured = await api.post(f"{project}/cast/{part['part_id']}/pictures", {"sha256": digest})
    uploaded = await api.post(f"{place}/uploads", {"sha256": digest})
    unknown = await api.post(f"{place}/uploads", {"sha256": "0" * 64})

    frame = (await api.get(place)).json()

    assert pictured.json()["pictures"] == [digest]
    assert (await api.get(project)).json()["cast"] == [pictured.json()]
    assert frame["still"] == uploaded.json()["name"]
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_asset")


async def test_a_frame_is_added_told_moved_and_deleted(
    api: Api, workspace: str, project: str
) -> None:
    scene = (await api.post(f"{project}/scenes", {"heading": "INT. ATTIC"})).json()
    added = await api.post(
        f"{project}/frames", {"scene_id": scene["scene_id"], "description": "A moth."}
    )
    place = f"{workspace}/frames/{added.json()['frame_id']}"
    first = (await frames(api, project))[0]
    told = await api.client.put(place, json={"description": "A bat.", "tool": "veo3"})
    moved = await api.post(f"{place}/place", {"place": 1, "scene_id": first["scene_id"]})
    gone = await api.post(f"{place}/archive", {})

    assert added.json()["number"] == 4
    assert (told.json()["description"], told.json()["duration_s"]) == ("A bat.", 8)
    assert moved.json()["number"] == 1
    assert gone.status_code == 204
    assert (await api.get(place)).status_code == 404
    await api.post(f"{place}/archive", {"is_undo": True})
    assert (await api.get(place)).status_code == 200


async def test_a_board_of_another_workspace_is_not_there(api: Api, project: str) -> None:
    other = await api.workspace("Borealis")
    project_id = project.rpartition("/")[2]
    frame_id = (await frames(api, project))[0]["frame_id"]

    answers = [
        await api.get(f"{other}/projects/{project_id}"),
        await api.get(f"{other}/frames/{frame_id}"),
        await api.post(f"{other}/frames/{frame_id}/stills", {}, key="a"),
        await api.post(f"{other}/projects/{project_id}/orders", {"wanted": "still"}, key="b"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
