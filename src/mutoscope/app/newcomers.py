"""Newcomers: strangers who sign up over the API, so often and no oftener.

Invariant: what comes of a sign-up is the same whether the person is known or not; only the mail to
the address tells them apart. A sign-up is counted in the transaction that keeps it: what is refused
counts for nothing, so that nobody waits longer for having asked again. Who never proves the address
is removed after some days. The surprising choice: the workspace's id follows from the client's
address and key by the house's own key, so that a repeat finds what was made, nobody else's key
meets it, and no table of keys is kept.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.app.forgetting import FORGOTTEN_MAX, forget_parts
from mutoscope.app.repeats import once
from mutoscope.app.sign_up import keep_unproven, normalised_email, opened_before, unproven
from mutoscope.app.sign_up_limits import ADDRESS_SPAN, EMAIL_SPAN, HOUSE_SPAN
from mutoscope.domain import instants
from mutoscope.domain.credits import Refusal, checked_key
from mutoscope.domain.planner import KeyReused
from mutoscope.storage import sign_ups

if TYPE_CHECKING:
    from datetime import datetime

    from mutoscope.app.studio import Studio
    from mutoscope.storage.database import Connection
    from mutoscope.storage.workspaces import Workspace

NAMESPACE: Final = "sign_up"
HOUSE: Final = "studio"
_WHO: Final = {HOUSE: "as many have signed up at this studio as may in an hour"}
"""Whom a limit is told of, where it is about more than who asks."""


class SignUpsClosed(Refusal):
    """A sign-up at a studio whose operator alone opens workspaces."""

    code = "sign_ups_closed"

    def __init__(self) -> None:
        super().__init__("nobody signs up here by themselves: ask the studio for a workspace")


class TooManySignUps(Refusal):
    """More sign-ups from one client address, with one e-mail address, or in all, than may pass."""

    code = "too_many_sign_ups"

    def __init__(self, *, subject: str, retry_at: datetime, at: datetime) -> None:
        super().__init__(
            f"{_WHO.get(subject, f'this {subject} has signed up as often as it may')}: wait until "
            f"{instants.told(retry_at)}, then try again"
        )
        self.subject = subject
        self.retry_at = retry_at
        self.retry_after_s = instants.seconds_until(retry_at, at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """Who signs up as what, and from which network."""

    name: str
    email: str
    zone: str
    network: str


async def sign_up_newcomer(
    studio: Studio, *, newcomer: Newcomer, key: str
) -> tuple[Workspace, bool]:
    """Open a workspace for a stranger, who is sent a code; return it, and whether it was before.

    :raises SignUpsClosed: when nobody may.
    :raises BadKey: when the key is malformed.
    :raises BadEmail: when the address is malformed.
    :raises BadName: when the name is.
    :raises UnknownZone: when the zone is not in the zone database.
    :raises KeyReused: when the key was used from there for another sign-up.
    :raises TooManySignUps: when too many came from there, with the address, or in all.
    """
    if studio.sign_up_limits.is_closed:
        raise SignUpsClosed
    source = f"{newcomer.network} {checked_key(key)}"
    workspace = unproven(
        studio, workspace_id=UUID(bytes=_digest(studio, "key", source)[:16], version=4),
        name=newcomer.name, email=newcomer.email, zone=newcomer.zone,
    )  # fmt: skip

    async def before() -> tuple[Workspace, bool] | None:
        found = await opened_before(studio, workspace.workspace_id)
        if found is not None and _asked(found) != _asked(workspace):
            raise KeyReused(namespace=NAMESPACE, key=key)
        return None if found is None else (found, True)

    async def make() -> tuple[Workspace, bool]:
        async with studio.reading() as connection, connection.transaction():
            await _count(studio, connection, newcomer, at=workspace.created_at)
            if await keep_unproven(studio, connection, workspace):
                return workspace, False
            raise KeyReused(namespace=NAMESPACE, key=key)  # or made meanwhile, as it is asked here

    return await once(before=before, make=make)


async def remove_unproven(studio: Studio) -> int:
    """Remove the sign-ups that never proved their address in their days; return how many.

    One whose workspace has anything else (credits, money, a word with staff, work) stays.
    """
    keep = studio.keep_unproven
    if keep is None:
        return 0
    at = studio.clock.now()
    return await forget_parts(
        studio,
        lambda part: sign_ups.remove_unproven(
            part, before=at - keep, at=at, limit=FORGOTTEN_MAX
        ),
    )  # fmt: skip


async def forget_over(studio: Studio) -> int:
    """Forget the counts whose span is over; return how many."""
    at = studio.clock.now()
    return await forget_parts(
        studio, lambda part: sign_ups.forget(part, at=at, limit=FORGOTTEN_MAX)
    )


async def _count(
    studio: Studio, connection: Connection, newcomer: Newcomer, *, at: datetime
) -> None:
    """Count a sign-up by both its addresses and in all, in this order.

    All take the order, so that none waits in a ring; the house's count comes last, since everybody
    waits for it.
    """
    limits = studio.sign_up_limits
    for subject, what, passed_max, span in (
        ("client address", newcomer.network, limits.of_address, ADDRESS_SPAN),
        ("e-mail address", normalised_email(newcomer.email), limits.of_email, EMAIL_SPAN),
        (HOUSE, "", limits.of_house, HOUSE_SPAN),
    ):
        retry_at = await sign_ups.count(
            connection, subject_digest=_digest(studio, subject, what), passed_max=passed_max,
            at=at, ends_at=at + span,
        )  # fmt: skip
        if retry_at is not None:
            raise TooManySignUps(subject=subject, retry_at=retry_at, at=at)


def _asked(workspace: Workspace) -> tuple[str, str | None, str]:
    return workspace.name, workspace.email, workspace.zone


def _digest(studio: Studio, what: str, text: str) -> bytes:
    return hmac.digest(studio.email_key, f"sign-up {what} {text}".encode(), "sha256")
