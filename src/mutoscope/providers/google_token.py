"""Google's sign-in of programs: a service account's claim becomes a bearer token.

A token is kept until shortly before its end, and asked for once however many calls wait for it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

import httpx
import msgspec

from mutoscope.app.ports import ErrorCode, ProviderError
from mutoscope.providers.google_account import ServiceAccount
from mutoscope.providers.wire import Reply, Site, Wire, refusal, status_code

GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PAST: Final = datetime.min.replace(tzinfo=UTC)
SPARE: Final = timedelta(minutes=5)
"""How long before its end a token is replaced: longer than any request takes."""


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float


class _Said(msgspec.Struct):
    error: str
    error_description: str = ""


class Bearer:
    """The token of one service account; `headers` bear it once it was renewed."""

    def __init__(
        self, *, account: ServiceAccount, site: Site, now: Callable[[], datetime], random: Random
    ) -> None:
        url = httpx.URL(account.token_uri)
        self._account = account
        self._path = url.raw_path.decode()
        base_url = str(url.copy_with(raw_path=b"/")).rstrip("/")
        self._site = replace(site, base_url=base_url, key_domains=())
        self._now = now
        self._random = random
        self._lock = asyncio.Lock()
        self._renew_at = PAST
        self.headers: dict[str, str] = {}

    async def renew(self) -> None:
        """See to it that the token lives longer than any request takes.

        :raises ProviderError: when Google refuses the account (`auth`), or does not answer.
        """
        async with self._lock:
            at = self._now()
            if at < self._renew_at:
                return
            token = await self._asked(at)
            self._renew_at = at + timedelta(seconds=token.expires_in) - SPARE
            self.headers = {"Authorization": f"Bearer {token.access_token}"}

    async def _asked(self, at: datetime) -> _Token:
        """Exchange a claim for a token, over a connection that is not kept for the next hour."""
        wire = Wire(site=self._site, headers=dict, explain=_explain, random=self._random)
        form = {"grant_type": GRANT, "assertion": self._account.claim(at=at)}
        try:
            return (await wire.ask(self._path, "POST", data=form)).read(_Token)
        finally:
            await wire.close()


def _explain(reply: Reply) -> ProviderError | None:
    if (code := status_code(reply)) is None:
        return None
    if code in (ErrorCode.TRANSIENT, ErrorCode.RATE_LIMITED):
        return refusal(ErrorCode.TRANSIENT, "Google's sign-in does not answer just now.")
    said = reply.peek(_Said) or _Said(error=f"status {reply.status}")
    sentence = f"Google refuses the service account: {said.error_description or said.error}"
    return refusal(ErrorCode.AUTH, sentence, provider_code=said.error)
