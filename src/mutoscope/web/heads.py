"""HEAD is answered as GET is, without the body: monitors and mail programs ask so.

The surprising choice: the answer ends with its headers, so that a live stream, which never ends of
itself, is told that its caller has gone.
"""

from typing import Any, Final

from litestar.types import ASGIApp, Message, Receive, Scope, Send


class Heads:
    """An application whose routes for GET answer HEAD as well."""

    def __init__(self, app: ASGIApp) -> None:
        self._app: Final = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope.get("method") != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        asked: Any = {**scope, "method": "GET"}  # a copy: the server goes by its own
        await self._app(asked, receive, send_headers)
