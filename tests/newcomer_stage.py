"""A house that strangers sign up at, behind a proxy that tells where they come from."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx

from api_client import Api, open_api
from mutoscope.storage import history, outbox
from mutoscope.storage.outbox import MessageState
from studio_stage import MovableClock

PROXY = "10.0.0.1"
HOME = "203.0.113.7"
SIGN_UPS = "/v1/sign-ups"


@dataclass
class Door:
    """The API of a house with a key, before which nobody has it."""

    api: Api
    clock: MovableClock

    async def sign_up(
        self, email: str = "ada@example.com", *, home: str = HOME, key: str = "",
        more: Mapping[str, object] | None = None,
    ) -> httpx.Response:  # fmt: skip
        return await self.api.client.post(
            SIGN_UPS, json={"email": email, "name": "Aurora", **(more or {})},
            headers={"Idempotency-Key": key or str(uuid4()), "X-Forwarded-For": home},
        )  # fmt: skip

    async def verify(self, signed_up: httpx.Response, code: str) -> httpx.Response:
        place = f"{SIGN_UPS}/{signed_up.json()['workspace_id']}/verify"
        return await self.api.post(place, {"code": code})

    async def enter(self, email: str = "ada@example.com") -> httpx.Response:
        """Sign up and enter the code."""
        signed_up = await self.sign_up(email)
        assert signed_up.status_code == 201, signed_up.text
        return await self.verify(signed_up, await self.code(signed_up))

    async def mails(self) -> list[Any]:
        async with self.api.house.studio.reading() as connection:
            return list(await outbox.latest(connection, states=list(MessageState), limit=100))

    async def mail(self, signed_up: httpx.Response) -> str:
        """Return the one mail that a sign-up sent."""
        workspace_id = UUID(signed_up.json()["workspace_id"])
        (found,) = [each for each in await self.mails() if each.workspace_id == workspace_id]
        return str(found.body)

    async def code(self, signed_up: httpx.Response) -> str:
        found = re.search(r"Your code is (\d{6})\.", await self.mail(signed_up))
        assert found is not None
        return found[1]

    async def grants(self, workspace_id: str) -> list[tuple[str, int]]:
        """Return the lines of a workspace's image wallet, and the credits they moved."""
        async with self.api.house.studio.reading() as connection:
            found = await history.page(connection, workspace_id=UUID(workspace_id), kind="image")
        return [
            (str(line.entry.operation), sum(each.amount for each in line.entry.postings))
            for line in found.lines
        ]

    async def fetch(self, question: str) -> Any:  # noqa: ANN401 -- a value of any column
        async with self.api.house.studio.reading() as connection:
            return await connection.fetchval(question)


@asynccontextmanager
async def open_door(
    url: str, folder: Path, *, more: Mapping[str, str] | None = None,
    clock: MovableClock | None = None,
) -> AsyncIterator[Door]:  # fmt: skip
    """Open a house whose callers come through a proxy that the operator named."""
    clock = clock or MovableClock(datetime(2025, 1, 20, 12, tzinfo=UTC))
    settings = {"MUTOSCOPE_PROXIES": PROXY, **(more or {})}
    async with open_api(
        url, folder, api_key="a-long-secret", client=(PROXY, 4_000), more=settings, clock=clock
    ) as api:
        yield Door(api, clock)


def told(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json().get("code")
