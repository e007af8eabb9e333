"""A rate-card replay over HTTP: the jobs of a span once more, under a draft that is sent.

Owns its limits. A replay reads the journals of all who ordered in its span, so that a process runs
one at a time, for two minutes at most; the command line has no such limits.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, post
from litestar.params import JSONBody

from mutoscope.app import rate_card_replay
from mutoscope.app.rate_card_replay import RateCardReplay
from mutoscope.bootstrap import own_connection
from mutoscope.domain.catalog import UnknownVersion
from mutoscope.domain.catalog_text import CatalogRefused, parse_catalog
from mutoscope.domain.credits import InstantOutOfReach, NaiveInstant, Refusal, checked_instant
from mutoscope.domain.staff import NotAllowed
from mutoscope.domain.toml_file import TEXT_MAX as DRAFT_MAX
from mutoscope.storage.finance import Span
from mutoscope.web.api.callers import judge_reader
from mutoscope.web.api.shape import HouseHere, Text
from mutoscope.web.errors import documented

DAYS_MAX: Final = 93
"""Days of a span: any three months, the longest that is compared with a rate card at a time."""

TIMEOUT_S: Final = 120
"""Seconds of a replay: what waits longer for an answer is cut off by proxies on the way."""

Draft = Annotated[str, msgspec.Meta(max_length=DRAFT_MAX, description="a catalog's file, as text")]


class BadReplaySpan(Refusal):
    """A span that nothing is replayed of: none at all, or one that is too long."""

    code = "bad_replay_span"

    def __init__(self) -> None:
        super().__init__(
            f"let starts_at be earlier than ends_at, and by at most {DAYS_MAX} days; "
            "`mutoscope finance replay` takes any span"
        )
        self.days_max = DAYS_MAX


class ReplayUnderWay(Refusal):
    """One more rate-card replay than this process runs at a time."""

    code = "replay_under_way"

    def __init__(self) -> None:
        super().__init__("another rate card is being replayed: send the same request again later")


class ReplayTooLong(Refusal):
    """A rate-card replay that takes longer than an answer is waited for."""

    code = "replay_too_long"

    def __init__(self) -> None:
        super().__init__(
            f"the replay was given up after {TIMEOUT_S} seconds: ask for a shorter span, or use "
            "`mutoscope finance replay`, which takes its time"
        )


class NewReplay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is tried: a version of a draft, its last where none is named, and on the jobs of when.

    Jobs are those ordered from `starts_at` on and before `ends_at`.
    """

    draft: Draft
    starts_at: datetime
    ends_at: datetime
    version: Text | None = None


@post(
    "/finance/replays", operation_id="replayRateCard", tags=["finance"], status_code=200,
    summary="A span's jobs once more under a draft of the catalog: who would run out, what margin",
    responses=documented(
        CatalogRefused, UnknownVersion, BadReplaySpan, ReplayUnderWay, ReplayTooLong, NaiveInstant,
        InstantOutOfReach, NotAllowed, "not_json", "body_too_large",
    ), guards=[judge_reader],
)  # fmt: skip
async def replay_rate_card(
    *, house: HouseHere, request: Request[Any, Any, Any], data: JSONBody[NewReplay]
) -> RateCardReplay:
    """Live through the jobs of a span under a draft; nothing is written.

    :raises ReplayUnderWay: when somebody's replay is not over.
    :raises ReplayTooLong: when it is not done in time.
    """
    span, draft = _span(data), parse_catalog(text=data.draft, source="draft")
    running: asyncio.Lock = request.state.replaying
    if running.locked():
        raise ReplayUnderWay
    try:
        async with running, asyncio.timeout(TIMEOUT_S), own_connection(house) as connection:
            return await rate_card_replay.replay(
                house.studio, connection=connection, draft=draft, span=span, version=data.version
            )
    except TimeoutError as error:
        raise ReplayTooLong from error


def _span(data: NewReplay) -> Span:
    starts_at = checked_instant(data.starts_at, name="starts_at")
    ends_at = checked_instant(data.ends_at, name="ends_at")
    if not timedelta(0) < ends_at - starts_at <= timedelta(days=DAYS_MAX):
        raise BadReplaySpan
    return Span(starts_at, ends_at)
