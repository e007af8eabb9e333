"""The page behind a link to pay: it leads to the card's checkout, or tells how to transfer.

Owns what a payer sees who has a link and nothing else: no key, no account, perhaps a phone.
Invariant: a page moves no money. The surprising choice: what is paid already is no error, and who
comes back from a checkout is told so before the payment is counted.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from html import escape
from typing import Annotated, Any, Final

from litestar import MediaType, Request, Response, get
from litestar.params import FromPath, QueryParameter

from mutoscope.app.billing import OPEN
from mutoscope.app.gateway import Checkout
from mutoscope.app.pay_links import checkout, open_pay_link
from mutoscope.app.studio import Studio
from mutoscope.domain.calendar import local_date
from mutoscope.domain.money import money_text
from mutoscope.domain.money_words import KEPT, why_parked
from mutoscope.domain.purchases import PurchaseState
from mutoscope.domain.seller import Seller
from mutoscope.storage import parked, purchases
from mutoscope.storage.payments import Payment, PaymentRequest, Purpose
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.pages.sheet import (
    HEADERS,
    QUESTIONS,
    SEE_OTHER,
    Failure,
    failed_sheet,
    rows,
    sheet,
)

Back = Annotated[str | None, QueryParameter(description="how a payer left the checkout")]

_FAILURE: Final = Failure(
    ours="This payment cannot be opened now", theirs="This link leads to no payment"
)
_EXAMPLE: Final = "This seller is an example: nothing is to be transferred to it."


def answer_page(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
    """Answer an error as a page."""
    return failed_sheet(request, error, titled=_FAILURE)


@get(
    "/pay/{token:str}", include_in_schema=False, media_type=MediaType.HTML,
    exception_handlers={Exception: answer_page},
)  # fmt: skip
async def show_payment(
    *, house: HouseHere, token: FromPath[str], back: Back = None
) -> Response[str]:
    """Lead to the checkout of what a link asks for, or show how it is paid, or that it is."""
    studio = house.studio
    request = await open_pay_link(studio, token=token)
    async with studio.reading() as connection:
        waiting = await parked.of_requests(
            connection, workspace_id=request.workspace_id, requests=[request.request_id]
        )
    came = _came(studio.seller, waiting)
    if request.state != OPEN:
        is_to_be_added = await _is_to_be_added(studio, request)
        title, body = _over(studio.seller, request, is_to_be_added=is_to_be_added)
        return _answer(studio, title=title, body=body + came)
    if back == "paid":
        return _answer(studio, title="Your payment is on its way", body=came + _on_its_way(request))
    found = await checkout(studio, request)
    if found.url is not None and back == "unpaid" and not came:
        return _answer(studio, title="This is not paid yet", body=_card(request, found))
    if found.url is not None and not came:
        return Response("", status_code=SEE_OTHER, headers=HEADERS | {"Location": found.url})
    if found.url is not None:
        return _answer(studio, title="Some money came already", body=came + _card(request, found))
    body = came + _transfer(studio, request, found)
    return _answer(studio, title="Pay by bank transfer", body=body)


def _answer(studio: Studio, *, title: str, body: str) -> Response[str]:
    seller = studio.seller
    foot = _EXAMPLE if seller.is_example else QUESTIONS
    return sheet(seller, title=title, body=body, foot=foot)


def _transfer(studio: Studio, request: PaymentRequest, found: Checkout) -> str:
    """Return what a transfer needs: how much, where to, which words, until when."""
    seller = studio.seller
    why = '<span class="quiet">They tell us whose payment it is.</span>'
    told = (
        ("For", escape(request.title)),
        *_credited(request),
        *_where(seller, found),
        ("Words to write", f"<code>{escape(found.reference)}</code>{why}"),
        ("Until", _day(seller, request.due_at)),
    )  # fmt: skip
    return (
        f"{_sum(request)}{rows(told)}"
        "<p>Nothing happens by itself: our staff confirm the transfer when it has arrived, and "
        "then what you pay for begins. This page says so from then on.</p>"
    )


def _where(seller: Seller, found: Checkout) -> Iterator[tuple[str, str]]:
    """Yield where to transfer to, a line of the seller's bank each; a number is copied whole."""
    if not seller.bank:
        yield "To", escape(found.instructions or "")
    for line in seller.bank:
        label, colon, value = line.partition(": ")
        told = f'<span class="whole">{escape(value if colon else label)}</span>'
        yield (escape(label) if colon else "To"), told


def _card(request: PaymentRequest, found: Checkout) -> str:
    """Return what is to be paid, and the way to the checkout for who wants to pay all the same."""
    return (
        f"{_sum(request)}{rows((('For', escape(request.title)),))}"
        f'<p><a href="{escape(found.url or "")}">Pay by card</a></p>'
    )


def _on_its_way(request: PaymentRequest) -> str:
    """Return what is told to who comes back from the checkout before its gateway tells of it."""
    return (
        f"{_sum(request)}{rows((('For', escape(request.title)),))}"
        "<p>Thank you. The payment is counted as soon as the card company tells us of it, mostly "
        "within a minute; then this page says so. Do not pay a second time.</p>"
        '<p><a href="?back=paid">Look again</a></p>'
    )


async def _is_to_be_added(studio: Studio, request: PaymentRequest) -> bool:
    """Tell whether credits are paid that staff have yet to add."""
    if request.purpose is not Purpose.PURCHASE:
        return False
    async with studio.reading() as connection:
        purchase = await purchases.get(
            connection, workspace_id=request.workspace_id, purchase_id=request.subject_id
        )
    return purchase.state is PurchaseState.PAID


def _over(seller: Seller, request: PaymentRequest, *, is_to_be_added: bool) -> tuple[str, str]:
    """Return what became of a request that is not open any more."""
    what = ("For", escape(request.title))
    if request.paid_at is None:
        told = "What was asked for was cancelled, so nothing is due."
        return "There is nothing to pay", f"<p>{told}</p>{rows((what,))}"
    if not request.money().amount:
        told = "All of it was credited, so nothing is due."
        return "There is nothing to pay", f"<p>{told}</p>{rows((what, *_credited(request)))}"
    facts = (what, *_credited(request), ("Paid on", _day(seller, request.paid_at)))
    told = "There is nothing more to do."
    if is_to_be_added:
        told = "Our staff add the credits now, and say so in the chat."
    return "This is paid", f'{_sum(request)}{rows(facts)}<p class="good">Thank you. {told}</p>'


def _came(seller: Seller, waiting: Iterable[Payment]) -> str:
    """Return what came for a request and was not used for it, in words for who sent it."""
    told = "".join(
        f"<p><b>{escape(money_text(each.amount, each.currency))}</b> came on "
        f"{_day(seller, each.received_at)}. {why_parked(each.reason)} {KEPT}</p>"
        for each in waiting
    )
    return told and f'<div class="note">{told}</div>'


def _credited(request: PaymentRequest) -> tuple[tuple[str, str], ...]:
    """Return what was invoiced and what of it was credited, where something was."""
    if not request.credited:
        return ()
    taxed = request.taxed
    amounts = (escape(money_text(each, taxed.currency)) for each in (taxed.total, request.credited))
    return tuple(zip(("Invoiced", "Credited since"), amounts, strict=True))


def _sum(request: PaymentRequest) -> str:
    money, tax = request.money(), request.tax()
    told = f"{escape(money_text(tax, money.currency))} of it is tax." if tax else "No tax is added."
    return (
        f'<p class="sum">{escape(money_text(money.amount, money.currency))}</p>'
        f'<p class="quiet">{told}</p>'
    )


def _day(seller: Seller, at: datetime) -> str:
    return f"<time>{local_date(at=at, zone=seller.zone):%d %B %Y}</time>"
