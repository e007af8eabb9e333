"""Hearing a provider's call back: whose work it is about is looked at now instead of later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mutoscope.app.call_backs import CallBackRefused
from mutoscope.app.ports import ProviderError
from mutoscope.storage import attempts

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio


async def hear(
    studio: Studio, *, provider: str, token: str, headers: Mapping[str, str], body: bytes
) -> int:
    """Take a call back as a reason to look; return how many jobs it is about.

    A repeat, or one about work that has ended, does no harm.

    :raises CallBackRefused: when it is not the provider's.
    """
    studio.call_backs.check(provider=provider, token=token)
    company = studio.providers.get(provider)
    if company is None:
        raise CallBackRefused(provider=provider, reason="the provider is not set up here")
    at = studio.clock.now()
    secret = studio.call_backs.secrets.get(provider, "")
    try:
        provider_job_id = await company.parse_webhook(
            headers=headers, body=body, secret=secret, at=at
        )
    except ProviderError as error:
        raise CallBackRefused(provider=provider, reason=str(error)) from error
    async with studio.reading() as connection:
        found = await attempts.jobs_of(
            connection, provider=provider, provider_job_id=provider_job_id
        )
        await attempts.look_now(connection, names=found, at=at)
    return len(found)
