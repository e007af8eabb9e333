"""Hearing a provider's call back: whose work it is about is looked at now instead of later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mutoscope.app.call_backs import CallBackRefused
from mutoscope.app.doubts import is_told, our_id
from mutoscope.app.ports import ProviderError
from mutoscope.app.resolve import follow
from mutoscope.domain.attempts import AttemptState
from mutoscope.storage import attempts, routes

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.domain.attempts import OrderName
    from mutoscope.storage.attempts import Attempt


async def hear(
    studio: Studio, *, order: OrderName, token: str, headers: Mapping[str, str], body: bytes
) -> int:
    """Take a call back as a reason to look; return how many jobs it is about.

    A repeat, or one about work that has ended, does no harm. Where the answer to the order was
    lost, a provider that signs its call backs tells by them under which id it is at work.

    :raises CallBackRefused: when it is not the provider's.
    """
    studio.call_backs.check(order, token=token)
    company = studio.providers.get(order.provider)
    if company is None:
        raise CallBackRefused(provider=order.provider, reason="the provider is not set up here")
    at = studio.clock.now()
    secret = studio.call_backs.secrets.get(order.provider, "")
    try:
        told = await company.parse_webhook(headers=headers, body=body, secret=secret, at=at)
    except ProviderError as error:
        raise CallBackRefused(provider=order.provider, reason=str(error)) from error
    async with studio.reading() as connection:
        found = await attempts.jobs_of(connection, provider=order.provider, provider_job_id=told)
        await attempts.look_now(connection, names=found, at=at)
    return len(found) or await _learn(studio, order, told=told)


async def _learn(studio: Studio, order: OrderName, *, told: str) -> int:
    """Follow the order that a call back was given with, if it is in doubt; tell how many are."""
    async with studio.reading() as connection:
        found = await attempts.attempts_of(
            connection, workspace_id=order.workspace_id, job_id=order.job_id
        )
    doubtful = [each for each in found if each.name == order and _is_in_doubt(studio, each)]
    for attempt in doubtful:
        provider_job_id = our_id(studio, attempt, found=told)
        assert provider_job_id is not None, attempt
        await follow(studio, attempt, provider_job_id=provider_job_id)
        async with studio.reading() as connection:
            await routes.resolve_alerts(
                connection, subject=str(order.job_id), at=studio.clock.now()
            )
    return len(doubtful)


def _is_in_doubt(studio: Studio, attempt: Attempt) -> bool:
    return attempt.state is AttemptState.UNKNOWN and is_told(studio, attempt)
