"""Sends events over HTTP, signed as Standard Webhooks says.

Invariant: no request leaves for an address inside this network, unless the operator allows it for
trials on one machine; the connection goes to the address that was checked. Redirects are not
followed, and nothing that is answered is read but its status.
"""

import asyncio
from ipaddress import ip_address
from typing import Final

import httpx
from standardwebhooks import Webhook

from mutoscope.app.hook_sender import Hook, Sent
from mutoscope.app.public_hosts import HostInside, Resolve, is_public, public_address, resolve

SEND_S: Final = 10.0
"""Seconds for one try, connecting included: who needs longer answers first and works after."""

CONNECTIONS_MAX: Final = 200
URL_MAX: Final = 2_000
GONE: Final = 410
"""The status by which the other side asks for nothing more."""


class HttpHooks:
    """Sends to what names resolve to; local addresses only where the operator allows them."""

    def __init__(self, *, is_local_allowed: bool = False, resolve: Resolve = resolve) -> None:
        self._is_local_allowed = is_local_allowed
        self._resolve = resolve
        self._opened: httpx.AsyncClient | None = None

    def objection(self, *, url: str) -> str | None:
        """Return why nothing may be sent to an address, or None when it may."""
        try:
            found = httpx.URL(url)
        except httpx.InvalidURL:
            return "it is no address"
        if len(url) > URL_MAX or not found.host:
            return "it is no address"
        if found.userinfo or found.fragment:
            return "it has a password or a fragment"
        if self._is_local_allowed:
            return None if found.scheme in {"http", "https"} else "it is neither http nor https"
        if found.scheme != "https":
            return "it is not https"
        return "it is inside this network" if _is_inside(found.host) else None

    async def send(self, *, hook: Hook) -> Sent:
        """Send an event once, and return what became of it."""
        refused = self.objection(url=hook.url)
        if refused is not None:
            return Sent(error=f"the address is refused: {refused}")
        try:
            async with asyncio.timeout(SEND_S):
                return await self._send(hook)
        except HostInside as error:
            return Sent(error=f"the address is refused: {error}")
        except TimeoutError:
            return Sent(error=f"no answer within {SEND_S:.0f} s")
        except (httpx.HTTPError, OSError) as error:
            return Sent(error=f"it cannot be reached ({type(error).__name__})")

    async def close(self) -> None:
        """Drop the connections."""
        if self._opened is not None:
            await self._opened.aclose()

    @property
    def _client(self) -> httpx.AsyncClient:
        """Return what sends; most commands send nothing, and reading certificates is slow."""
        if self._opened is None:
            self._opened = httpx.AsyncClient(
                timeout=SEND_S, verify=httpx.create_ssl_context(trust_env=False), trust_env=False,
                limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=0),
                follow_redirects=False,
            )  # fmt: skip
        return self._opened

    async def _send(self, hook: Hook) -> Sent:
        url = httpx.URL(hook.url)
        extensions = {}
        headers = _headers(hook) | {"Host": url.netloc.decode()}
        if not self._is_local_allowed:
            extensions = {"sni_hostname": url.host}
            url = url.copy_with(host=await public_address(url.host, resolve=self._resolve))
        request = self._client.build_request(
            "POST", url, content=hook.body.encode(), headers=headers, extensions=extensions
        )
        response = await self._client.send(request, stream=True)
        await response.aclose()
        status = response.status_code
        if response.is_success:
            return Sent(status=status)
        follows = ", and redirects are not followed" if response.is_redirect else ""
        return Sent(status=status, error=f"it answers {status}{follows}", is_gone=status == GONE)


def _headers(hook: Hook) -> dict[str, str]:
    event_id = str(hook.event_id)
    signatures = [Webhook(secret).sign(event_id, hook.at, hook.body) for secret in hook.secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Mutoscope",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(hook.at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _is_inside(host: str) -> bool:
    """Tell whether a host is written as an address of this network; names are looked up later."""
    try:
        return not is_public(str(ip_address(host)))
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
