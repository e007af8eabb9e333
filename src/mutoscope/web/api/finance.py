"""The books: what is outstanding, deferred, earned and spent; everything here only reads."""

from datetime import date
from typing import Annotated

import msgspec
from litestar import MediaType, Response, get
from litestar.params import FromPath, QueryParameter

from mutoscope.app import finance
from mutoscope.app.books import BadDays, Days, books
from mutoscope.app.finance import BadMonth, Deferred, Month, Outstanding
from mutoscope.bootstrap import House
from mutoscope.domain.beancount import beancount_lines
from mutoscope.domain.calendar import YEAR_MAX, YEAR_MIN
from mutoscope.domain.credits import InstantOutOfReach, NaiveInstant
from mutoscope.domain.staff import NotAllowed
from mutoscope.domain.wall_clock import UnknownZone
from mutoscope.storage import disputes
from mutoscope.storage.disputes import Debt
from mutoscope.web.api.callers import judge_reader
from mutoscope.web.api.shape import HouseHere, Instant, instant_of
from mutoscope.web.errors import Malformed, documented
from mutoscope.web.places import in_query

Zone = Annotated[
    str, QueryParameter(max_length=100, description="whose calendar it is", pattern=r"^[^\x00]*$")
]
Day = Annotated[
    str,
    QueryParameter(
        max_length=10, description="a day of the zone's calendar",
        schema_extra={"examples": ["2026-01-31"]},
    ),
]  # fmt: skip


class DebtList(msgspec.Struct, frozen=True, kw_only=True):
    """What lost disputes left unpaid; amounts are minor units, of a purchase if one is named."""

    debts: tuple[Debt, ...]


@get(
    "/finance/outstanding", operation_id="showOutstanding", tags=["finance"],
    summary="Credits that are neither spent nor over, by kind, source and age, at any instant",
    responses=documented(NaiveInstant, InstantOutOfReach, NotAllowed), guards=[judge_reader],
)  # fmt: skip
async def show_outstanding(*, house: HouseHere, at: Instant = None) -> Outstanding:
    """Tell what customers still have."""
    asked_at = house.studio.clock.now() if at is None else instant_of(at, name="at")
    return await finance.outstanding(house.studio, at=asked_at)


@get(
    "/finance/deferred", operation_id="showDeferred", tags=["finance"],
    summary="What was paid, and what of it is earned, left unused, taken back or still owed",
    responses=documented(NaiveInstant, InstantOutOfReach, NotAllowed), guards=[judge_reader],
)  # fmt: skip
async def show_deferred(*, house: HouseHere, at: Instant = None) -> Deferred:
    """Tell what is still owed for what was paid."""
    asked_at = house.studio.clock.now() if at is None else instant_of(at, name="at")
    return await finance.deferred(house.studio, at=asked_at)


@get(
    "/finance/months/{year:int}/{month:int}", operation_id="showMonth", tags=["finance"],
    summary="What a month earned, and the cost and margin of each tool",
    responses=documented(BadMonth, UnknownZone, NotAllowed), guards=[judge_reader],
)  # fmt: skip
async def show_month(
    *, house: HouseHere, year: FromPath[int], month: FromPath[int], zone: Zone = "UTC"
) -> Month:
    """Tell what a month earned and cost."""
    return await finance.month(house.studio, year=year, month=month, zone=zone)


@get(
    "/finance/debts", operation_id="listDebts", tags=["finance"],
    summary="What lost disputes left unpaid, the newest first",
    responses=documented(NotAllowed), guards=[judge_reader],
)  # fmt: skip
async def list_debts(*, house: HouseHere) -> DebtList:
    """List the debts, 1,000 at most."""
    async with house.studio.reading() as connection:
        return DebtList(debts=await disputes.debts(connection, limit=disputes.DEBTS_MAX))


@get(
    "/finance/books", operation_id="writeBooks", tags=["finance"], media_type=MediaType.TEXT,
    summary="The books of some days as double entries that Beancount reads",
    responses=documented(BadDays, UnknownZone, NotAllowed), guards=[judge_reader],
)  # fmt: skip
async def write_books(
    *, house: HouseHere, first_on: Day, until_on: Day, zone: Zone = "UTC"
) -> Response[str]:
    """Write the books; the last day named is not among them."""
    days = Days(_day(first_on, "first_on"), _day(until_on, "until_on"), zone)
    return Response(await _written(house, days), media_type=MediaType.TEXT)


async def _written(house: House, days: Days) -> str:
    return "".join(beancount_lines(await books(house.studio, days=days)))


def _day(text: str, name: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        remedy = "write it as 2026-01-31"
        raise Malformed(errors=(in_query(name, remedy),)) from None
    if not YEAR_MIN <= day.year < YEAR_MAX:
        raise InstantOutOfReach(name=name)
    return day
