"""A network that is cut at a chosen moment: a relay between a client and PostgreSQL.

It counts what the client sends. At the one that it was armed for it cuts the connection, either
before the server has seen it, or after the server has answered and before the client has heard.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHUNK_BYTES = 65_536
READY = b"Z\x00\x00\x00\x05"
"""With this message the server ends every answer; one byte follows."""


class Side(Enum):
    """On which side of the server's work the network is cut."""

    BEFORE_THE_REQUEST = "before"
    BEFORE_THE_ANSWER = "after"


@dataclass
class Cut:
    """What the relay has seen, and where it cuts next: at which sending from now, 0 for never."""

    sendings: int = 0
    at: int = 0
    side: Side = Side.BEFORE_THE_REQUEST
    made: int = 0

    def is_here(self) -> bool:
        """Count a sending and tell whether it is the one to be cut."""
        self.sendings += 1
        if not self.at or self.sendings < self.at:
            return False
        self.at = 0
        self.made += 1
        return True


@asynccontextmanager
async def relayed(url: str) -> AsyncIterator[tuple[str, Cut]]:
    """Give the address of a relay to a database on a socket of this machine, and its cut."""
    cut, socket = Cut(), _socket_of(url)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _relay(cut, socket, reader, writer)

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    parts = urlsplit(url)
    address = f"{parts.username}:{parts.password}@127.0.0.1:{port}{parts.path}"
    try:
        yield f"postgresql://{address}", cut
    finally:
        server.close()
        await server.wait_closed()


def _socket_of(url: str) -> str:
    (folder,), (port,) = (parse_qs(urlsplit(url).query)[name] for name in ("host", "port"))
    return f"{folder}/.s.PGSQL.{port}"


async def _relay(
    cut: Cut, socket: str, client: asyncio.StreamReader, back: asyncio.StreamWriter
) -> None:
    server, onward = await asyncio.open_unix_connection(socket)
    answering = asyncio.create_task(_answers(server, back))
    try:
        while sent := await client.read(CHUNK_BYTES):
            is_here = cut.is_here()
            if is_here and cut.side is Side.BEFORE_THE_REQUEST:
                break
            if is_here:
                answering.cancel()
                await asyncio.wait((answering,))
            onward.write(sent)
            if is_here:
                await _whole_answer(server)
                break
    finally:
        answering.cancel()
        await asyncio.wait((answering,))
        for writer in (onward, back):
            writer.transport.abort()


async def _answers(server: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
    while told := await server.read(CHUNK_BYTES):
        back.write(told)
    back.close()


async def _whole_answer(server: asyncio.StreamReader) -> None:
    """Hear an answer to its end, so that what was asked is surely done."""
    with suppress(TimeoutError):  # some sendings (a cancellation, a farewell) are not answered
        async with asyncio.timeout(1):
            await server.readuntil(READY)
