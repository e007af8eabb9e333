"""fal's key list: the public keys that it signs call backs with, fetched and kept for a day.

A call back that none of them signed may be signed by a newer one, so the list is fetched anew for
it, but at most once in `PAUSE`: whoever makes call backs up cannot make us ask. While the list
cannot be fetched and none of the last day is there, no call back is believed; polls go on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from mutoscope.app.ports import ErrorCode, ProviderError
from mutoscope.providers.fal_hooks import Signed, signed
from mutoscope.providers.wire import refusal

LASTS: Final = timedelta(hours=24)
"""How long a list may be used, as fal allows."""

PAUSE: Final = timedelta(minutes=1)
"""Time between two fetches, whatever became of the first."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class KeyList:
    """The keys of one fal, fetched by `fetch` when a call back needs them."""

    def __init__(self, *, fetch: Callable[[], Awaitable[bytes]]) -> None:
        self._fetch = fetch
        self._lock = asyncio.Lock()
        self._keys = b""
        self._fetched_at = _LONG_AGO
        self._asked_at = _LONG_AGO

    async def verified(
        self, *, headers: Mapping[str, str], body: bytes, at: datetime
    ) -> str:  # fmt: skip
        """Return the request that a call back is about.

        :raises ProviderError: when it is not signed by fal, not now, or nobody can tell
            (`transient`).
        """
        call_back = signed(headers=headers, body=body, at=at)
        if not self._is_ours(call_back, at):
            async with self._lock:
                if not self._is_ours(call_back, at):
                    await self._renew(at)
            if not call_back.is_by(self._keys):
                raise refusal(ErrorCode.AUTH, "A call back in fal's name has another's signature.")
        return call_back.request_id

    def _is_ours(self, call_back: Signed, at: datetime) -> bool:
        return at - self._fetched_at < LASTS and call_back.is_by(self._keys)

    async def _renew(self, at: datetime) -> None:
        """Fetch the list, unless that was done or tried just now."""
        is_fresh = at - self._fetched_at < LASTS
        if at - self._asked_at < PAUSE:
            if is_fresh:
                return
            raise _unknown("it could not be fetched a moment ago")
        self._asked_at = at
        try:
            self._keys = await self._fetch()
        except ProviderError as error:
            raise _unknown(str(error)) from error
        self._fetched_at = at


def _unknown(reason: str) -> ProviderError:
    sentence = f"Whether a call back is fal's cannot be told without its key list: {reason}"
    return refusal(ErrorCode.TRANSIENT, sentence)
