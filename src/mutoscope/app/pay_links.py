"""Paying what is asked for: the link in a reminder, and the checkout behind it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mutoscope.app.gateway import Demand, GatewayAway, GatewayError, GatewayFailed
from mutoscope.app.studio import MANUAL
from mutoscope.domain.credits import Refusal
from mutoscope.domain.pay_links import PayLink, opened, signed
from mutoscope.storage import payments, workspaces
from mutoscope.storage.payments import PaymentRequest, Purpose

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from mutoscope.app.gateway import Checkout
    from mutoscope.app.studio import Studio

LASTS: Final = timedelta(days=60)
"""How long a link to pay lasts: longer than any reminder waits."""

PATH: Final = "/v1/pay"


class GatewayMissing(Refusal):
    """A payment over a gateway that is not set up here."""

    code = "gateway_missing"

    def __init__(self, *, gateway: str) -> None:
        super().__init__(
            f"the gateway {gateway} is not set up: the operator has to set its key, or confirm the "
            "payment by hand"
        )
        self.gateway = gateway


class NothingToPay(Refusal):
    """A request that is paid, or need not be any more."""

    code = "nothing_to_pay"

    def __init__(self, *, request_id: UUID, state: str) -> None:
        super().__init__(f"the request {request_id} is {state}: there is nothing to pay")
        self.request_id = request_id
        self.state = state


def pay_link(studio: Studio, request: PaymentRequest, *, at: datetime) -> str:
    """Return the address at which a request is paid."""
    return f"{studio.call_backs.url}{_path(studio, request, at=at)}"


async def how_to_pay(studio: Studio, request: PaymentRequest, *, at: datetime) -> str:
    """Return how an open request is paid: where to transfer what, and the address of its page.

    Where the studio knows no public address of its own, the link is told without one.
    """
    where = "here" if studio.call_backs.url else "at this studio's address"
    link = pay_link(studio, request, at=at)
    if request.gateway != MANUAL or MANUAL not in studio.gateways:
        return f"Pay it, or change your card, {where}: {link}"
    instructions = (await checkout(studio, request)).instructions
    return f"{instructions} It stands {where}, too: {link}"


async def open_pay_link(studio: Studio, *, token: str) -> PaymentRequest:
    """Return what a link asks for, be it open, paid or cancelled.

    :raises LinkForged: when this house has not signed it.
    :raises LinkExpired: when its time is over.
    """
    link = opened(token, key=studio.asset_rules.link_key, at=studio.clock.now())
    async with studio.reading() as connection:
        return await payments.request(
            connection, workspace_id=link.workspace_id, request_id=link.request_id
        )


async def checkout(studio: Studio, request: PaymentRequest) -> Checkout:
    """Return where and how a request is paid; a repeat of one day is the same checkout.

    :raises NothingToPay: when it is paid, or need not be any more.
    :raises GatewayMissing: when its gateway is not set up.
    :raises GatewayAway: when the gateway does not answer just now.
    :raises GatewayFailed: when it refuses.
    """
    if request.state != "open":
        raise NothingToPay(request_id=request.request_id, state=request.state)
    gateway = studio.gateways.get(request.gateway)
    if gateway is None:
        raise GatewayMissing(gateway=request.gateway)
    async with studio.reading() as connection:
        workspace = await workspaces.get(connection, workspace_id=request.workspace_id)
        kept = await payments.method(
            connection, workspace_id=request.workspace_id, gateway=request.gateway
        )
    now = studio.clock.now()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)  # yesterday's may be over
    demand = Demand(
        request_id=request.request_id, workspace_id=request.workspace_id, total=request.money(),
        title=request.title, email=workspace.email, customer=kept and kept[0],
        keeps_method=request.purpose is not Purpose.PURCHASE,
        back=_path(studio, request, at=today),
    )  # fmt: skip
    try:
        return await gateway.checkout(
            demand=demand, key=request.attempt(f"checkout/{today.date()}")
        )
    except GatewayError as error:
        refused = GatewayFailed if error.permanent else GatewayAway
        raise refused(gateway=request.gateway, reason=str(error)) from error


def _path(studio: Studio, request: PaymentRequest, *, at: datetime) -> str:
    link = PayLink(
        workspace_id=request.workspace_id, request_id=request.request_id, expires_at=at + LASTS
    )
    return f"{PATH}/{signed(link, key=studio.asset_rules.link_key)}"
