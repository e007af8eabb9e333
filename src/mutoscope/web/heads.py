"""HEAD is answered as GET is, without the body: monitors and mail programs ask so.

Who asks which methods an address has (OPTIONS, or a 405) is told of it where there is GET.

The surprising choice: the answer ends with its headers, so that a live stream, which never ends of
itself, is told that its caller has gone.
"""

from typing import Any, Final

from litestar.types import ASGIApp, Message, Receive, Scope, Send

ALLOW: Final = "allow"
"""The header of the methods that an address has, as the framework writes it."""


class Heads:
    """An application whose routes for GET answer HEAD as well."""

    def __init__(self, app: ASGIApp) -> None:
        self._app: Final = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        method = scope.get("method")
        if method != "HEAD":
            await self._app(scope, receive, _telling(send) if method == "OPTIONS" else send)
            return

        async def send_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        asked: Any = {**scope, "method": "GET"}  # a copy: the server goes by its own
        await self._app(asked, receive, send_headers)


def allowed(methods: str) -> str:
    """Return the methods of an `Allow` header in order; who has GET has HEAD as well."""
    found = set(methods.split(", "))
    return ", ".join(sorted(found | ({"HEAD"} if "GET" in found else set())))


def _telling(send: Send) -> Send:
    """Return what sends an answer on, with HEAD in its `Allow`."""

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [
                (name, allowed(value.decode()).encode() if name == ALLOW.encode() else value)
                for name, value in message["headers"]
            ]
        await send(message)

    return send_on
