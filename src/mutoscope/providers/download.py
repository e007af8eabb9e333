"""Fetches what a provider delivers, from addresses that nobody has reason to trust.

Invariant: no request leaves for an address inside this network. A name is looked up once, every
answer is checked, and the connection goes to the address that was checked, so that a name cannot
change its meaning in between. Redirects are followed by hand and checked like the first address.
While a provider is played on this machine, its own port is allowed, and nothing else beside it.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import httpx

from mutoscope.app.ports import ErrorCode
from mutoscope.app.public_hosts import HostInside, Resolve, public_address, resolve
from mutoscope.providers.wire import Site, refusal, trusted

REDIRECTS_MAX: Final = 3
FILE_BYTES_MAX: Final = 1024 * 1024 * 1024
"""Bytes of one delivered file: a minute of 4K at the highest rates."""

FILE_S: Final = 600
"""Seconds for one whole file; a stream that drips on for ever ends here."""

_EXPIRED: Final = frozenset({400, 401, 403, 404, 410})
_NO_HEADERS: Final = MappingProxyType[str, str]({})


class AddressExpired(Exception):
    """An address that no longer gives the file; the provider may have a fresh one."""

    code = "output_lost"

    def __init__(self, *, status: int) -> None:
        super().__init__(f"the address answers {status}: the file is no longer there")
        self.status = status


class AddressRefused(Exception):
    """An address to which nobody may be led; asking again gives no better one."""

    code = "provider_failed"

    def __init__(self, *, provider: str, reason: str) -> None:
        super().__init__(f"{provider} delivers from an address that is refused: {reason}.")
        self.reason = reason


class Downloads:
    """Fetches files of one provider; `resolve` looks names up."""

    def __init__(self, *, site: Site, resolve: Resolve = resolve) -> None:
        self._site = site
        self._resolve = resolve
        timeout = httpx.Timeout(site.ask_s, connect=site.connect_s)
        self._client = httpx.AsyncClient(timeout=timeout, verify=trusted(), trust_env=False)

    async def close(self) -> None:
        """Drop the connections."""
        await self._client.aclose()

    async def fetch(
        self, *, url: str, path: Path, headers: Mapping[str, str] = _NO_HEADERS
    ) -> None:
        """Write what lies at an address to a file; a key in `headers` goes to own hosts alone.

        :raises AddressExpired: when it is no longer there.
        :raises AddressRefused: when it is none that may be asked.
        :raises ProviderError: when the transfer breaks off (`transient`).
        """
        provider = self._site.provider
        try:
            async with asyncio.timeout(FILE_S):
                await self._follow(httpx.URL(url), path, headers)
        except (httpx.RequestError, TimeoutError, OSError) as error:
            sentence = f"A file of {provider} did not come through ({type(error).__name__})."
            raise refusal(ErrorCode.TRANSIENT, sentence) from error
        except httpx.InvalidURL as error:
            raise self._refused("it is no address") from error

    async def _follow(self, url: httpx.URL, path: Path, headers: Mapping[str, str]) -> None:
        for _ in range(REDIRECTS_MAX + 1):
            request = await self._request(url, headers)
            response = await self._client.send(request, stream=True)
            try:
                if not response.has_redirect_location:
                    await self._write(response, path)
                    return
                url = url.join(response.headers["location"])
            finally:
                await response.aclose()
        raise self._refused(f"it leads on more than {REDIRECTS_MAX} times")

    async def _request(self, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Request:
        """Return the request for an address, aimed at an address of the net that was checked."""
        sent = dict(headers) if self._site.is_own(url) else {}
        if self._is_loopback_site(url):
            return self._client.build_request("GET", url, headers=sent)
        if url.scheme != "https":
            raise self._refused("it is not https")
        aimed = await self._checked(url.host)
        return self._client.build_request(
            "GET",
            url.copy_with(host=aimed),
            headers={**sent, "Host": url.netloc.decode()},
            extensions={"sni_hostname": url.host},
        )

    def _is_loopback_site(self, url: httpx.URL) -> bool:
        base = httpx.URL(self._site.base_url)
        is_same = (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port)
        return self._site.is_loopback and is_same

    async def _checked(self, host: str) -> str:
        try:
            return await public_address(host, resolve=self._resolve)
        except HostInside as error:
            raise self._refused(str(error)) from error

    async def _write(self, response: httpx.Response, path: Path) -> None:
        if response.status_code in _EXPIRED:
            raise AddressExpired(status=response.status_code)
        if not response.is_success:
            sentence = f"{self._site.provider} gives no file just now ({response.status_code})."
            raise refusal(ErrorCode.TRANSIENT, sentence)
        size = 0
        with path.open("wb") as file:
            async for piece in response.aiter_bytes():
                size += len(piece)
                if size > FILE_BYTES_MAX:
                    raise self._refused(f"it holds more than {FILE_BYTES_MAX:,} bytes")
                await asyncio.to_thread(file.write, piece)

    def _refused(self, reason: str) -> AddressRefused:
        return AddressRefused(provider=self._site.provider, reason=reason)
