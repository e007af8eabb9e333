"""Sending money back over its gateway.

Invariant: a refund is sent once. It goes under a key of its own, so that one in doubt is sent again
as the same; since gateways remember keys for a day or so, an older one is looked up before that. It
has failed only when the gateway says so of the refund itself, never when looking it up fails.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from mutoscope.app.gateway import GatewayError, PaymentState, is_forgotten, refund_key
from mutoscope.app.refund_end import FAILED, SUCCEEDED, finish
from mutoscope.domain.offers import Money
from mutoscope.storage import payments, purchases

if TYPE_CHECKING:
    from mutoscope.app.gateway import Gateway, GatewayRefund
    from mutoscope.app.studio import Studio
    from mutoscope.storage.purchases import Refund

LIMIT: Final = 200
"""Refunds that a pass sends."""

_log = structlog.get_logger()


async def send_all(studio: Studio) -> int:
    """Send every refund whose outcome is not known; return how many were finished."""
    async with studio.reading() as connection:
        asked = await purchases.asked_refunds(connection, limit=LIMIT)
    return sum([await send(studio, each) for each in asked])


async def send(studio: Studio, asked: Refund) -> bool:
    """Send a refund to its gateway and note what came of it; tell whether it is finished."""
    async with studio.reading() as connection:
        payment = await payments.payment(
            connection, workspace_id=asked.workspace_id, payment_id=asked.payment_id
        )
    gateway = studio.gateways.get(payment.gateway)
    if gateway is None:
        return False  # a transfer, or a gateway that is not set up: staff confirm it
    try:
        answer = await _sent_before(studio, gateway, asked, reference=payment.reference)
    except GatewayError as error:
        _log.warning("refund_not_looked_up", refund_id=str(asked.refund_id), code=error.code)
        return False
    try:
        answer = answer or await gateway.refund(
            reference=payment.reference, key=refund_key(asked.refund_id),
            amount=Money(amount=asked.amount, currency=asked.currency),
        )  # fmt: skip
    except GatewayError as error:
        _log.warning("refund_not_sent", refund_id=str(asked.refund_id), code=error.code)
        if error.permanent:
            await finish(studio, asked, state=FAILED)
        return error.permanent
    async with studio.reading() as connection:
        await purchases.note_refund(connection, asked, reference=answer.reference)
    if answer.state is PaymentState.PENDING:
        return False
    state = SUCCEEDED if answer.state is PaymentState.SUCCEEDED else FAILED
    await finish(studio, replace(asked, reference=answer.reference), state=state)
    return True


async def _sent_before(
    studio: Studio, gateway: Gateway, asked: Refund, *, reference: str
) -> GatewayRefund | None:
    """Return what an earlier try came to, of which the gateway may not know the key any more."""
    if not is_forgotten(studio.clock.now() - asked.asked_at):
        return None
    return await gateway.refund_under(reference=reference, key=refund_key(asked.refund_id))
