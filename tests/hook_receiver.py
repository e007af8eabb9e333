"""A real HTTP server on the loopback that receives webhooks, and answers as the test wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook


@dataclass
class Receiver:
    """Answers with a status after a pause, and keeps what came."""

    url: str = ""
    status: int = 204
    pause_s: float = 0.0
    extra: str = ""
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def verified(self, secret: str, number: int = -1) -> Any:  # noqa: ANN401 -- any JSON
        """Return an event that came, its signature verified by the library."""
        headers, body = self.received[number]
        return Webhook(secret).verify(body, headers)

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.received]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            pairs = [line.split(": ", 1) for line in head[1:] if line]
            headers = {name.lower(): value for name, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.received.append((headers, body))
            await asyncio.sleep(self.pause_s)
            answer = f"HTTP/1.1 {self.status} Fine\r\nContent-Length: 0\r\n{self.extra}\r\n"
            writer.write(answer.encode())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield receiver
