"""The desk over HTTP, on a stage: a house with a key, a workspace with a plan."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from api_client import Api, open_api
from mutoscope.app import staff, subscribe
from mutoscope.app.staff import NewStaff
from mutoscope.domain.staff import Role

KEY = "a-long-secret"
PASSWORD = "correct horse battery"
WHY = {"reason": "the clip came out black"}


@dataclass
class Front:
    """The API of a house with a key, its workspace, and its staff's tokens by name."""

    api: Api
    workspace: str
    tokens: dict[str, str]

    async def ask(
        self, method: str, path: str, body: object = None, *, by: str = "", key: str = ""
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens.get(by, by)}"} if by else {}
        if key:
            headers["Idempotency-Key"] = key
        return await self.api.client.request(method, path, json=body, headers=headers)

    async def act(
        self, action: str, body: object, *, by: str = "grace", key: str = "press"
    ) -> httpx.Response:
        path = self.workspace.replace("/v1/", "/v1/desk/")
        return await self.ask("POST", f"{path}/actions/{action}", body, by=by, key=key)

    async def decide(
        self, action: str, data: object, *, by: str = "ada", key: str = ""
    ) -> httpx.Response:
        """Decide about money of nobody."""
        path, body = f"/v1/desk/nobody/actions/{action}", {**WHY, "data": data}
        return await self.ask("POST", path, body, by=by, key=key or action)

    async def waiting(self, what: str) -> Any:  # noqa: ANN401 -- JSON has no narrower type
        """Return the one thing of its sort that waits for staff."""
        (only,) = (await self.ask("GET", "/v1/desk/waiting", by="ada")).json()[what]
        return only

    async def view(self, *, by: str = "ada") -> str:
        path = self.workspace.replace("/v1/", "/v1/desk/")
        opened = await self.ask("POST", f"{path}/views", WHY, by=by)
        assert opened.status_code == 201, opened.text
        token: str = opened.json()["token"]
        return token


@asynccontextmanager
async def open_front(
    url: str, folder: Path, *, more: Mapping[str, str] | None = None
) -> AsyncIterator[Front]:
    """Open the API with a workspace on the plan Pro, an admin and two of finance."""
    async with open_api(url, folder, api_key=KEY, more=more) as api:
        opened = await api.client.post(
            "/v1/workspaces", json={"name": "Aurora"},
            headers={"Authorization": f"Bearer {KEY}", "Idempotency-Key": "open"},
        )  # fmt: skip
        workspace_id = opened.json()["workspace_id"]
        await subscribe.start_plan(api.house.studio, workspace_id=workspace_id, plan="pro")
        front = Front(api, opened.headers["Location"], {"house": KEY})
        await take_in(front, "root", Role.ADMIN)
        for name in ("grace", "ada"):
            await take_in(front, name, Role.FINANCE)
        yield front


async def take_in(front: Front, name: str, role: Role) -> None:
    studio = front.api.house.studio
    root = None
    if "root" in front.tokens:
        root = await staff.bearer(studio, token=front.tokens["root"])
    new = NewStaff(name=name, email=f"{name}@studio.example", password=PASSWORD, roles=(role,))
    await staff.add_staff(studio, root, new=new, reason="they join the desk")
    body = {"name": name, "password": PASSWORD}
    signed_in = await front.ask("POST", "/v1/staff/sign-in", body)
    front.tokens[name] = signed_in.json()["token"]


def code(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json().get("code")
