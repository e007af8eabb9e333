"""A house with its API, as a caller on this machine sees it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from mutoscope.app.ports import Clock
from mutoscope.bootstrap import House, open_house
from mutoscope.settings import read_settings
from mutoscope.web.application import build_app

LOCAL = ("127.0.0.1", 50_000)
END_PLANS = (
    "UPDATE subscriptions SET state = 'cancelled', ends_at = $1, charge_at = NULL"
    " WHERE ends_at IS NULL"
)
IMAGE = {"tool": "image_generation", "prompt": "a lighthouse at dusk"}


@dataclass(frozen=True)
class Api:
    """A client of a house that runs, and the house."""

    client: httpx.AsyncClient
    house: House

    async def get(self, path: str, **options: object) -> httpx.Response:
        return await self.client.get(path, **options)

    async def post(self, path: str, content: object = None, *, key: str = "") -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return await self.client.post(path, json=content, headers=headers)

    async def workspace(self, name: str = "Aurora", *, is_demo: bool = True) -> str:
        """Open a workspace with its trial, and return its address."""
        opened = await self.post("/v1/workspaces", {"name": name, "is_demo": is_demo}, key=name)
        assert opened.status_code == 201, opened.text
        return opened.headers["Location"]

    async def batch(self, workspace: str, *operations: dict[str, Any]) -> list[dict[str, Any]]:
        answered = await self.post(f"{workspace}/ledger/batch", {"operations": operations})
        assert answered.status_code == 200, answered.text
        return answered.json()["outcomes"]

    async def end_plans(self) -> None:
        """End what runs, as the end of a subscription does."""
        async with self.house.studio.reading() as connection:
            await connection.execute(END_PLANS, self.house.studio.clock.now())


@asynccontextmanager
async def open_api(
    url: str, data: Path, *, api_key: str = "", client: tuple[str, int] = LOCAL,
    more: Mapping[str, str] | None = None, clock: Clock | None = None,
) -> AsyncIterator[Api]:  # fmt: skip
    """Open a house on a database, with more settings, and a client that calls from an address."""
    settings = read_settings({"DATABASE_URL": url, "MUTOSCOPE_DATA": str(data), **(more or {})})
    async with open_house(settings, clock=clock) as house:
        transport = httpx.ASGITransport(app=build_app(house=house, api_key=api_key), client=client)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as caller:
            yield Api(caller, house)


def operation(name: str, key: str, amount: int | None = None, **more: object) -> dict[str, Any]:
    """Return an operation of a batch on the image wallet."""
    amounts = {} if amount is None else {"amount": amount}
    return {"operation": name, "kind": "image", "key": key, **amounts, **more}
