"""The stage of the providers' tests: simulators on the loopback, and what each adapter is asked.

A provider adds one line to `PLAYS`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import httpx
from PIL import Image

from mutoscope.app.ports import Order, Render, RenderState
from mutoscope.providers.adapter import Adapter
from mutoscope.providers.bfl import Bfl
from mutoscope.providers.dashscope import DashScope
from mutoscope.providers.download import Downloads
from mutoscope.providers.fal import Fal
from mutoscope.providers.google import Google
from mutoscope.providers.google_account import service_account
from mutoscope.providers.kling import Kling
from mutoscope.providers.openai import OpenAI
from mutoscope.providers.pixverse import PixVerse
from mutoscope.providers.remote import RemoteGenerator
from mutoscope.providers.runway import Runway
from mutoscope.providers.vertex import Vertex
from mutoscope.providers.wire import Site
from mutoscope.simulators.bfl import BflSimulator
from mutoscope.simulators.dashscope import DashScopeSimulator
from mutoscope.simulators.fal import FalSimulator
from mutoscope.simulators.google import GoogleSimulator
from mutoscope.simulators.google_account import account
from mutoscope.simulators.kling import KlingSimulator
from mutoscope.simulators.openai import OpenAISimulator
from mutoscope.simulators.pixverse import PixVerseSimulator
from mutoscope.simulators.runway import RunwaySimulator
from mutoscope.simulators.server import running

OPEN = (RenderState.QUEUED, RenderState.RUNNING)
POLLS_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """One adapter against its simulator.

    `order` is a good one, without its still; `micros` what its success costs. `cost_of_moderated`
    and the like tell how the provider bills. `codes` are where a fault's code differs from the
    usual one, `skipped` faults that its simulator has no words for, `secret` verifies call backs.
    """

    name: str
    provider: str
    make: Callable[[Site], Adapter]
    order: dict[str, Any]
    micros: int
    moderated_micros: int = 0
    codes: dict[str, str] = field(default_factory=dict)
    skipped: frozenset[str] = frozenset()
    secret: str = ""


def runway(site: Site) -> Adapter:
    return Runway(site=site, key=RunwaySimulator.key, random=Random(3))


def dashscope(site: Site) -> Adapter:
    return DashScope(site=site, key=DashScopeSimulator.key, random=Random(3))


def google(site: Site) -> Adapter:
    return Google(site=site, key=GoogleSimulator.key, random=Random(3))


def kling(site: Site) -> Adapter:
    return Kling(
        site=site, access_key=KlingSimulator.access_key, secret_key=KlingSimulator.signing_key,
        now=lambda: datetime.now(UTC), random=Random(3),
    )  # fmt: skip


def pixverse(site: Site) -> Adapter:
    return PixVerse(site=site, key=PixVerseSimulator.key, new_id=uuid4, random=Random(3))


def openai(site: Site) -> Adapter:
    return OpenAI(site=site, key=OpenAISimulator.key, random=Random(3))


def bfl(site: Site) -> Adapter:
    return Bfl(site=site, key=BflSimulator.key, random=Random(3))


UNSIGNED = frozenset({"webhook_bad_signature"})  # its call backs have none


def vertex(site: Site) -> Adapter:
    return Vertex(
        site=site, parent="projects/studio/locations/us-central1", random=Random(3),
        account=service_account(account(token_uri=f"{site.base_url}/token")),
        now=lambda: datetime.now(UTC),
    )  # fmt: skip


def fal(site: Site) -> Adapter:
    here = site.base_url
    return Fal(site=site, key=FalSimulator.key, random=Random(3), api_url=here, rest_url=here)


RUNWAY_CODES = {"concurrency": "rate_limited"}  # it throttles tasks instead; a 429 is its rate
GOOGLE_CODES = {"concurrency": "rate_limited"}  # one word for all that is too much
BFL_CODES = {"rate_limited": "concurrency"}  # its limit is of tasks at once
AT_ONCE = frozenset(
    {
        "expired_output_url", "expired_output_url_once", "truncated_download",
        "redirect_to_private_address", "never_finishes", "unknown_status_string",
        "http500_on_poll:2",
    }
)  # fmt: skip
"""What cannot happen where the answer to a creation is the picture itself."""
INLINE = frozenset(
    {
        "expired_output_url", "expired_output_url_once", "truncated_download",
        "redirect_to_private_address", "unknown_status_string",
    }
)  # fmt: skip
"""What cannot happen where the clip is in the answer, which knows no states."""

PLAYS = (
    Play(
        name="runway clip", provider="runway", codes=RUNWAY_CODES, make=runway, micros=100_000,
        moderated_micros=100_000,
        order={"model": "gen4_turbo", "duration_s": 2, "width": 1280, "height": 720},
    ),
    Play(
        name="runway still", provider="runway", codes=RUNWAY_CODES, make=runway, micros=50_000,
        moderated_micros=50_000,
        order={"model": "gen4_image", "width": 1280, "height": 720},
    ),
    Play(
        name="wan 2.2 clip", provider="dashscope", make=dashscope, micros=100_000,
        order={"model": "wan2.2-i2v-plus", "duration_s": 5, "width": 640, "height": 360},
    ),
    Play(
        name="wan 2.7 clip", provider="dashscope", make=dashscope, micros=300_000,
        order={
            "model": "wan2.7-i2v", "duration_s": 2, "width": 640, "height": 360,
            "parameters": {"resolution": "1080P", "negative_prompt": "fog"},
        },
    ),
    Play(
        name="gemini still", provider="google", codes=GOOGLE_CODES, make=google, micros=67_562,
        moderated_micros=2, skipped=AT_ONCE,
        order={"model": "gemini-3.1-flash-image", "width": 1376, "height": 768},
    ),
    Play(
        name="omni clip", provider="google", codes=GOOGLE_CODES, make=google, micros=306_125,
        moderated_micros=2_090,
        order={"model": "gemini-omni-1.1-flash", "duration_s": 3, "width": 1280, "height": 720},
    ),
    Play(
        name="kling standard clip", provider="kling", make=kling, micros=280_000, skipped=UNSIGNED,
        order={"model": "kling-v2-1", "duration_s": 5, "width": 1280, "height": 720},
    ),
    Play(
        name="kling pro clip", provider="kling", make=kling, micros=490_000, skipped=UNSIGNED,
        order={
            "model": "kling-v2-1", "duration_s": 5, "width": 720, "height": 720,
            "parameters": {"mode": "pro"},
        },
    ),
    Play(
        name="pixverse clip", provider="pixverse", make=pixverse, micros=600_000,
        secret=PixVerseSimulator.signing_key,
        order={
            "model": "v4", "duration_s": 5, "width": 1280, "height": 720,
            "parameters": {"quality": "720p"},
        },
    ),
    Play(
        name="veo clip", provider="vertex", codes=GOOGLE_CODES, make=vertex, micros=200_000,
        skipped=INLINE,
        order={
            "model": "veo-3.1-lite-generate-001", "duration_s": 4, "width": 1280, "height": 720,
        },
    ),
    Play(
        name="openai still", provider="openai", make=openai, micros=27_895,
        codes={"concurrency": "rate_limited"}, skipped=AT_ONCE | {"failed"},  # that is a 500
        order={"model": "gpt-image-2", "width": 1280, "height": 720},
    ),
    Play(
        name="flux kontext still", provider="bfl", codes=BFL_CODES, make=bfl, micros=40_000,
        order={"model": "flux-kontext-pro", "width": 1280, "height": 720},
    ),
    Play(
        name="flux pro still", provider="bfl", codes=BFL_CODES, make=bfl, micros=40_000,
        order={"model": "flux-pro-1.1", "width": 720, "height": 1280},
    ),
    Play(
        name="fal clip", provider="fal", make=fal, micros=280_000, moderated_micros=280_000,
        order={
            "model": "fal-ai/kling-video/v2.1/standard/image-to-video", "duration_s": 5,
            "width": 640, "height": 360,
        },
    ),
    Play(
        name="fal still", provider="fal", make=fal, micros=120_000, moderated_micros=120_000,
        order={
            "model": "fal-ai/nano-banana-2", "width": 1280, "height": 720,
            "parameters": {"resolution": "2K"},
        },
    ),
    Play(
        name="fal still by tokens", provider="fal", make=fal, micros=40_020,
        moderated_micros=40_040,
        order={"model": "openai/gpt-image-2", "width": 1280, "height": 720},
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The simulators at work, and one adapter in front of them."""

    play: Play
    address: str
    generator: RemoteGenerator
    folder: Path

    def order(self, fault: str = "ok", **more: object) -> Order:
        """Return a good order that asks for a fault."""
        asked: dict[str, Any] = {
            "job_id": uuid4(), "tool": "any", "seed": 7, "prompt": f"A lamp. [[sim:{fault}]]",
            **self.play.order, **more,
        }  # fmt: skip
        if asked.get("duration_s"):
            asked["source_path"] = frame(self.folder)
        return Order(**asked)

    async def carried_out(self, order: Order) -> Render:
        """Hand an order over and ask until it ends."""
        submitted = await self.generator.submit(order=order)
        if submitted.render is not None:
            return submitted.render
        for _ in range(POLLS_MAX):
            render = await self.asked(order, submitted.provider_job_id)
            if render.state not in OPEN:
                return render
        return render

    async def asked(self, order: Order, provider_job_id: str) -> Render:
        """Poll once."""
        return await self.generator.poll(
            provider_job_id=provider_job_id,
            job_id=order.job_id,
            is_clip=order.duration_s is not None,
        )

    async def read(self, headers: dict[str, str], body: bytes) -> str:
        """Return whose work a call back is about."""
        return await self.generator.parse_webhook(
            headers=headers, body=body, secret=self.play.secret, at=datetime.now(UTC)
        )

    async def told(self, what: str) -> list[dict[str, Any]]:
        """Return the simulators' books or requests of this provider."""
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            answer = (await client.get(f"{self.address}/_sim/{what}")).json()
        return [each for each in answer if each["provider"] == self.play.provider]

    async def creations(self) -> int:
        """Count the requests that begin work."""
        return sum(each["act"] == "create" for each in await self.told("requests"))

    async def charged(self) -> int:
        """Return what the provider charges for all that was ordered, in micros."""
        return sum(each["micros"] for each in await self.told("charges"))


@asynccontextmanager
async def simulators() -> AsyncIterator[str]:
    """Run all simulators on a free port."""
    async with running(port=0, now=lambda: datetime.now(UTC), new_id=uuid4) as world:
        yield world.address


@asynccontextmanager
async def staged(
    *, play: Play, address: str, folder: Path, reach: str = ""
) -> AsyncIterator[Stage]:
    """Put an adapter in front of its simulator, whose memory is empty; `reach` misses it."""
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        await client.post(f"{address}/_sim/clear")
    site = Site(
        provider=play.provider, base_url=f"{reach or address}/{play.provider}",
        create_s=2, ask_s=5, pause_s=0.01,
    )  # fmt: skip
    generator = RemoteGenerator(
        adapter=play.make(site), folder=folder / "jobs", downloads=Downloads(site=site)
    )
    yield Stage(play=play, address=address, generator=generator, folder=folder)
    await generator.close()


def impatient(play: Play) -> Play:
    """Return a play whose creations are given up at once."""

    def make(site: Site) -> Adapter:
        return play.make(replace(site, create_s=0.2))

    return replace(play, make=make)


def frame(folder: Path, size: tuple[int, int] = (640, 360)) -> Path:
    """Return a still to start from."""
    path = folder / f"frame-{size[0]}.png"
    if not path.exists():
        Image.linear_gradient("L").resize(size).convert("RGB").save(path, compress_level=1)
    return path


@dataclass(slots=True)
class Listener:
    """Hears what simulators call back, on a free port of the loopback."""

    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    url: str = ""

    async def until(self, count: int) -> None:
        """Wait for so many call backs, half a minute at most."""
        async with asyncio.timeout(30):
            while len(self.heard) < count:  # noqa: ASYNC110 -- as short as it is
                await asyncio.sleep(0.01)

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request down and answer it."""
        first, *head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.paths.append(first.split(" ")[1])
        self.heard.append((headers, body))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    """Listen for call backs."""
    listener = Listener()
    server = await asyncio.start_server(listener.hear, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    listener.url = f"http://127.0.0.1:{port}/hooks"
    async with server:
        yield listener


@asynccontextmanager
async def serving(*answers: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Give the address of a server that gives these answers in turn, and what it was sent."""
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answers[min(len(heard), len(answers)) - 1])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard


def http(status: int, body: bytes = b"{}", more: bytes = b"") -> bytes:
    """Return a whole answer as it travels."""
    head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\nconnection: close\r\n"
    return head.encode() + more + b"\r\n" + body
