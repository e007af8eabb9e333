"""Which payment request the words of a bank statement name: all that staff have in their hands.

A payer copies what stands on the page, the invoice or the printed request; so the words of a
transfer, the number of an invoice and an id each name one request, also within a longer text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.domain.invoices import number_in
from mutoscope.domain.transfer_words import request_end
from mutoscope.storage import invoices, payments

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.storage.database import Connection
    from mutoscope.storage.payments import PaymentRequest

EXAMPLE: Final = "MU-PZTW-H43M-08SE"


class UnknownWords(Refusal):
    """Words of a bank statement that name no payment request."""

    code = "unknown_words"

    def __init__(self, *, words: str) -> None:
        super().__init__(
            f"{words[:80]!r} names no payment request: give the words of the transfer, such as "
            f"{EXAMPLE}, an invoice's number or a request's id; `desk confirm` without any lists "
            "what is open, and `desk enter-payment` enters money of which nobody knows what for"
        )
        self.words = words


async def named_request(studio: Studio, *, words: str) -> PaymentRequest:
    """Return the payment request that words name, whosever it is, open or not.

    :raises UnknownWords: when they name none.
    """
    async with studio.reading() as connection:
        found = await _named(connection, words)
    if found is None:
        raise UnknownWords(words=words)
    return found


async def _named(connection: Connection, words: str) -> PaymentRequest | None:
    ending = request_end(words)
    if ending is not None:
        found = await payments.requests_ending(connection, ending=ending)
        return found[0] if len(found) == 1 else None
    request_id = _id(words) or await _invoiced(connection, words)
    if request_id is None:
        return None
    return await payments.request_of_anybody(connection, request_id=request_id)


def _id(words: str) -> UUID | None:
    try:
        return UUID(words.strip())
    except ValueError:
        return None


async def _invoiced(connection: Connection, words: str) -> UUID | None:
    """Return the request of the invoice whose number stands in the words."""
    number = number_in(words.upper())
    if number is None:
        return None
    series, year, ordinal = number
    try:
        owner, invoice_id = await invoices.whose(
            connection, series=series, year=year, number=ordinal
        )
    except invoices.UnknownInvoice:
        return None
    invoice = await invoices.get(connection, workspace_id=owner, invoice_id=invoice_id)
    return invoice.request_id
