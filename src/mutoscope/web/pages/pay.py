"""The page behind a link to pay: it leads to the card's checkout, or tells how to transfer.

Owns what a payer sees who has a link and nothing else: no key, no account, perhaps a phone.
Invariant: a page moves no money. The surprising choice: what is paid already is no error.
"""

from datetime import datetime
from html import escape
from typing import Any, Final

from litestar import MediaType, Request, Response, get
from litestar.params import FromPath

from mutoscope.app.billing import OPEN
from mutoscope.app.gateway import Checkout
from mutoscope.app.pay_links import checkout, open_pay_link
from mutoscope.app.studio import Studio
from mutoscope.domain.calendar import local_date
from mutoscope.domain.money import money_text
from mutoscope.domain.seller import Seller
from mutoscope.storage.payments import PaymentRequest
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
async def show_payment(*, house: HouseHere, token: FromPath[str]) -> Response[str]:
    """Lead to the checkout of what a link asks for, or show how it is paid, or that it is."""
    studio = house.studio
    request = await open_pay_link(studio, token=token)
    if request.state != OPEN:
        return _answer(studio, title=_OVER[request.state], body=_over(studio.seller, request))
    found = await checkout(studio, request)
    if found.url is not None:
        return Response("", status_code=SEE_OTHER, headers=HEADERS | {"Location": found.url})
    return _answer(studio, title="Pay by bank transfer", body=_transfer(studio, request, found))


_OVER: Final = {"paid": "This is paid", "cancelled": "There is nothing to pay"}


def _answer(studio: Studio, *, title: str, body: str) -> Response[str]:
    seller = studio.seller
    foot = _EXAMPLE if seller.is_example else QUESTIONS
    return sheet(seller, title=title, body=body, foot=foot)


def _transfer(studio: Studio, request: PaymentRequest, found: Checkout) -> str:
    """Return what a transfer needs: how much, where to, which words, until when."""
    seller = studio.seller
    where = "<br>".join(map(escape, seller.bank)) or escape(found.instructions or "")
    why = '<span class="quiet">They tell us whose payment it is.</span>'
    told = (
        ("For", escape(request.title)),
        ("To", where),
        ("Words to write", f"<code>{escape(found.reference)}</code>{why}"),
        ("Until", _day(seller, request.due_at)),
    )  # fmt: skip
    return (
        f"{_sum(request)}{rows(told)}"
        "<p>Nothing happens by itself: our staff confirm the transfer when it has arrived, and "
        "then what you pay for begins. This page says so from then on.</p>"
    )


def _over(seller: Seller, request: PaymentRequest) -> str:
    """Return what became of a request that is not open any more."""
    what = ("For", escape(request.title))
    if request.paid_at is None:
        return f"<p>What was asked for was cancelled, so nothing is due.</p>{rows((what,))}"
    told = (what, ("Paid on", _day(seller, request.paid_at)))
    return (
        f"{_sum(request)}{rows(told)}"
        '<p class="good">Thank you. There is nothing more to do.</p>'
    )  # fmt: skip


def _sum(request: PaymentRequest) -> str:
    taxed = request.taxed
    total, tax = (money_text(each, taxed.currency) for each in (taxed.total, taxed.tax))
    told = f"{escape(tax)} of it is tax." if taxed.tax else "No tax is added."
    return f'<p class="sum">{escape(total)}</p><p class="quiet">{told}</p>'


def _day(seller: Seller, at: datetime) -> str:
    return f"<time>{local_date(at=at, zone=seller.zone):%d %B %Y}</time>"
