"""The whole table of routes with the ids of another workspace: nothing of it is found."""

from collections.abc import AsyncIterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from api_client import IMAGE, Api, open_api
from desk_stage import token_of_new
from money_stage import NOBODYS_ID, enable_purchases, ordered
from mutoscope.domain.staff import Role
from storyboard_stage import SCRIPT

CLIENTS_OWN = {"workspace_id", "kind", "code", "ordinal", "subject", "action"}
"""What stands in paths and names nothing that a workspace has."""

PAIR = {"job_id": NOBODYS_ID, "ordinal": 1}
BODIES: dict[str, Any] = {
    "assignee": {"assignee_id": None}, "erase": {"reason": "asked in the chat"},
    "messages": {"body": "x"}, "read": {"ordinal": 1},
    "questions": {"question": "billing_date"}, "edits": {"instruction": "darker"},
    "fine-tunes": {"adjustments": {"contrast": 0.5}}, "place": {"place": 1},
    "comparison": {"first": PAIR, "second": PAIR}, "choice": PAIR,
    "{frame_id}": {"description": "A wave."}, "role": {"role": "viewer"},
    "cast": {"kind": "character", "name": "Mara"}, "scenes": {"heading": "EXT. SEA"},
    "screenplays": {"text": SCRIPT}, "mix": {"budget": 100}, "orders": {"wanted": "still"},
    "frames": {"scene_id": NOBODYS_ID, "description": "A wave."}, "exports": {"form": "pdf"},
    "uploads": {"sha256": "0" * 64}, "{kind}": {"credits": 1},
    "{endpoint_id}": {"url": "https://example.com/", "is_on": True},
    "heading": {"heading": "INT. SHIP"}, "{scene_id}": {"heading": "INT. SHIP"},
    "finding": {"reason": "asked on its pages"},
}  # fmt: skip

CALL_BACKS = "/v1/call-backs/"
"""Where providers call back: a token in the address, made for one order, is what is judged."""


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


def png() -> bytes:
    """Return a small picture."""
    file = BytesIO()
    Image.new("RGB", (64, 36), "navy").save(file, "png")
    return file.getvalue()


async def opened(api: Api, name: str) -> str:
    """Open a workspace with an owner and a plan that includes everything."""
    content = {"name": name, "email": f"{name.lower()}@example.com"}
    place = (await api.post("/v1/workspaces", content, key=name)).headers["Location"]
    assert (await api.post(f"{place}/plan", {"plan": "pro"}, key="plan")).status_code == 201
    await enable_purchases(api, place)
    return str(place)


async def serve_by_engine(api: Api) -> None:
    """Mark every workspace demo: what is sold was sold, and jobs need no provider from now on."""
    async with api.house.studio.reading() as connection:
        await connection.execute("UPDATE workspaces SET is_demo = TRUE")


async def made(api: Api, path: str, content: object, key: str = "") -> dict[str, Any]:
    answer = await api.post(path, content, key=key)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def everything(api: Api, place: str) -> dict[str, str]:
    """Let a workspace have one of everything that a path can name; return the ids."""
    project = await made(api, f"{place}/projects", {"name": "Rain"})
    board = f"{place}/projects/{project['project_id']}"
    await made(api, f"{board}/screenplays", {"text": SCRIPT})
    scenes = (await api.get(board)).json()["scenes"]
    purchase = (await ordered(api, place))["purchase"]
    await serve_by_engine(api)
    picture = await api.client.post(f"{place}/pictures", content=png())
    assert picture.is_success, picture.text
    found = {
        **project,
        **scenes[0]["frames"][0],
        **await made(api, f"{board}/cast", {"kind": "character", "name": "Mara"}),
        **await made(api, f"{place}/jobs", IMAGE, "job"),
        **await made(api, f"{board}/exports", {"form": "pdf"}, "export"),
        **purchase,
        **await made(api, f"{place}/threads", {"subject": "Rain"}, "thread"),
        **await made(api, f"{place}/webhooks", {"url": "https://example.com/"}, "hook"),
        **await made(api, f"{place}/invitations", {"email": "ada@example.com"}, "ada"),
        **(await api.get(f"{place}/invoices")).json()["invoices"][0],
        **picture.json(),
    }
    _, token = await token_of_new(api.house, "ada", Role.FINANCE)
    return {**found, "token": token, "alert_id": NOBODYS_ID, "event_id": str(uuid4())}


async def asked(api: Api, method: str, path: str, named: Mapping[str, str]) -> httpx.Response:
    """Ask at a route, with a body that fits it."""
    last = path.rpartition("/")[2]
    headers = {"Idempotency-Key": str(uuid4())}
    if "/desk/" in path:
        headers["Authorization"] = f"Bearer {named['token']}"
    options: dict[str, Any] = {"json": BODIES.get(last, {})} if method != "get" else {}
    if path.endswith("{part_id}/pictures"):
        options = {"json": {"sha256": named["sha256"]}}
    return await api.client.request(method, path.format(**named), headers=headers, **options)


async def routes_by_id(api: Api) -> list[tuple[str, str]]:
    """Return the routes of a workspace whose path names something that it has."""
    document = (await api.get("/openapi.json")).json()
    found = []
    for path, methods in document["paths"].items():
        names = {part[1:-1] for part in path.split("/") if part.startswith("{")}
        if "workspace_id" in names and names - CLIENTS_OWN and not path.startswith(CALL_BACKS):
            found += [(method, path) for method in methods]
    return found


async def test_every_route_finds_nothing_by_the_ids_of_another_workspace(api: Api) -> None:
    owner, other = await opened(api, "Aurora"), await opened(api, "Borealis")
    named = await everything(api, owner)
    named |= {
        "subject_id": named["member_id"],
        "subject": "member",
        "kind": "image",
        "provider": "fal",
    }
    answers = {}

    for method, path in await routes_by_id(api):
        theirs = named | {"ordinal": "1", "workspace_id": other.rpartition("/")[2]}
        answer = await asked(api, method, path, theirs)
        answers[method, path] = (answer.status_code, answer.json()["code"][:8])

    assert len(answers) > 50
    assert set(answers.values()) == {(404, "unknown_")}, answers


async def test_the_same_ids_are_found_by_their_own_workspace(api: Api) -> None:
    owner = await opened(api, "Aurora")
    named = await everything(api, owner) | {"workspace_id": owner.rpartition("/")[2]}
    answers = {}

    for method, path in await routes_by_id(api):
        if method == "get" and "/outputs/" not in path:  # nothing has been made yet
            answers[path] = (await asked(api, method, path, named)).status_code

    assert len(answers) > 10
    assert set(answers.values()) == {200}, answers
