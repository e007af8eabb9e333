"""The simulators as one server on the loopback, down to connections that are cut.

Invariant: it listens on 127.0.0.1 alone, and every answer bears `X-Simulator`. Cutting a line needs
the line itself, which the protocol below keeps by its caller's address.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

import httpx
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from mutoscope.simulators.control import control
from mutoscope.simulators.exchange import Act, Answer, Call
from mutoscope.simulators.faults import Fault
from mutoscope.simulators.files import FOLDER, served
from mutoscope.simulators.play import Dropped, Hanging, Player, answered, route_of
from mutoscope.simulators.registry import SIMULATORS
from mutoscope.simulators.simulator import Played, Simulator
from mutoscope.simulators.tasks import Recorded, Task, World

HOST: Final = "127.0.0.1"
BODY_MAX: Final = 64 * 1024 * 1024
"""Bytes of a request: a dozen stills in base64."""

HOOK_TIMEOUT_S: Final = 5
HOOK_AFTER_S: Final = 0.05
"""Seconds until a task with a call back ends by itself."""

Kinds = Iterable[Callable[..., Played]]
Lines = dict[tuple[str, int], asyncio.Transport]


class Application:
    """The ASGI application of all simulators."""

    def __init__(self, *, world: World, lines: Lines, kinds: Kinds) -> None:
        self._world = world
        self._lines = lines
        self._simulators = {each.name: each for each in (kind(world=world) for kind in kinds)}
        self._client = httpx.AsyncClient(timeout=HOOK_TIMEOUT_S, trust_env=False)
        self._sending: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Stop calling back."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        await self._client.aclose()
        for simulator in self._simulators.values():
            await simulator.close()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 -- ASGI
        """Answer one request, cut its line, or leave it without an answer."""
        call = await _received(scope, receive)
        try:
            answer, is_cut = await self._answered(call)
        except Dropped:
            self._lines[tuple(scope["client"])].abort()
        except Hanging:
            while (await receive())["type"] != "http.disconnect":
                pass
        else:
            await _send(send, answer, is_cut=is_cut)

    async def _answered(self, call: Call) -> tuple[Answer, bool]:
        """Return an answer, and whether its line is to be cut in the middle."""
        _, name, *rest = call.path.split("/")
        if name == "_sim":
            return control(call=call, world=self._world, simulators=self._simulators), False
        simulator = self._simulators.get(name)
        if simulator is None:
            return Answer(status=404, content={"error": f"no provider {name!r} here"}), False
        if rest[:1] == [FOLDER]:
            return await self._file(name, rest[1])
        inner = replace(call, path="/" + "/".join(rest))
        return await self._played(simulator, inner), False

    async def _file(self, provider: str, task_id: str) -> tuple[Answer, bool]:
        task = self._world.task(provider=provider, text=task_id)
        answer = await asyncio.to_thread(served, task=task)
        return answer, task is not None and task.script.fault is Fault.TRUNCATED

    async def _played(self, simulator: Played, call: Call) -> Answer:
        number = next(self._world.numbers)
        found = route_of(simulator, call)
        act = Act.OTHER if found is None else found[0].act
        recorded = Recorded(number=number, provider=simulator.name, act=act, call=call)
        self._world.requests.append(recorded)
        if isinstance(simulator, Simulator):
            player = Player(simulator=simulator, call_back=partial(self._call_back, simulator))
            answer = await player.answer(call)
        else:
            answer = await answered(simulator=simulator, call=call)
        recorded.status = answer.status
        return answer

    async def _call_back(
        self, simulator: Simulator, task: Task, *, times: int, is_early: bool
    ) -> None:
        if is_early:
            await self._hook(simulator, task, times, 0)
            return
        sending = asyncio.create_task(self._hook(simulator, task, times, HOOK_AFTER_S))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    async def _hook(self, simulator: Simulator, task: Task, times: int, after_s: float) -> None:
        await asyncio.sleep(after_s)
        task.is_hurried = True
        is_forged = task.script.fault is Fault.BAD_SIGNATURE
        hook = simulator.webhook(task, is_forged=is_forged)
        if hook is None or task.webhook_url is None:
            return
        for _ in range(times):
            with suppress(httpx.RequestError):  # nobody listens: a provider does not mind
                await self._client.post(task.webhook_url, content=hook.body, headers=hook.headers)


@asynccontextmanager
async def running(
    *,
    port: int,
    now: Callable[[], datetime],
    new_id: Callable[[], UUID],
    kinds: Kinds = SIMULATORS,
) -> AsyncIterator[World]:
    """Run simulators on a port of the loopback, 0 for a free one, until the block ends.

    :raises OSError: when the port is taken.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        address = f"http://{HOST}:{listening.getsockname()[1]}"
        world = World(address=address, now=now, new_id=new_id)
        lines: Lines = {}
        application = Application(world=world, lines=lines, kinds=kinds)
        server = _Server(
            uvicorn.Config(
                application, http=_protocol(lines), ws="none", lifespan="off",
                log_config=None, access_log=False, timeout_graceful_shutdown=1,
            )
        )  # fmt: skip
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            while not server.started:  # noqa: ASYNC110 -- uvicorn has no event to wait for
                await asyncio.sleep(0.01)
            yield world
        finally:
            server.should_exit = True
            await serving
            await application.close()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the program around the server."""
        yield


def _protocol(lines: Lines) -> type[H11Protocol]:
    class LineKeeper(H11Protocol):
        """Keeps each line by its caller's address, so that it can be cut."""

        def connection_made(self, transport: Any) -> None:  # noqa: ANN401 -- asyncio's own
            lines[transport.get_extra_info("peername")] = transport
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            lines.pop(self.transport.get_extra_info("peername"), None)
            super().connection_lost(exc)

    return LineKeeper


async def _received(scope: Any, receive: Any) -> Call:  # noqa: ANN401 -- ASGI
    assert scope["type"] == "http"
    body = bytearray()
    is_more = True
    while is_more:
        message = await receive()
        body += message.get("body", b"")
        assert len(body) <= BODY_MAX, "no order is that large"
        is_more = message.get("more_body", False)
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return Call(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode(),
        headers=headers,
        body=bytes(body),
    )


async def _send(send: Any, answer: Answer, *, is_cut: bool) -> None:  # noqa: ANN401 -- ASGI
    body = answer.body()
    headers = {
        "content-type": answer.media_type,
        "content-length": str(len(body)),
        "x-simulator": "mutoscope",
        **answer.headers,
    }
    spelled = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": spelled})
    sent = body[: len(body) // 2] if is_cut else body
    # An application that ends before its body is whole makes the server close the line.
    await send({"type": "http.response.body", "body": sent, "more_body": is_cut})
