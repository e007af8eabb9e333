"""The history read from a real journal: pages, filters, keys and what belongs together."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.domain import actions as ask
from mutoscope.domain.credits import NaiveInstant
from mutoscope.domain.lots import Terms
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Note, Request
from mutoscope.storage.cursor import CURSOR_LENGTH_MAX, BadCursor, decoded, encoded
from mutoscope.storage.database import queries
from mutoscope.storage.history import (
    LIMIT_MAX,
    BadLimit,
    Filters,
    Line,
    Page,
    UnknownEntry,
    Window,
    entry_by_key,
    page,
    related,
)
from narrator import BEGINNING, Narrator, fill, narrator, pack, scans

DAY = timedelta(days=1)
HOLDING = """
    WITH placed AS (
        INSERT INTO jobs (workspace_id, job_id, request_key, request_digest, tool, kind, version,
            price, is_metered, spec, state, provider, created_at, starts_at, deadline_at,
            stepped_at)
        SELECT $1, gen_random_uuid(), n::text, '\\x00', 'kling_pro', 'image', 'v', 1, FALSE,
            '{"duration_s": 5}', 'waiting', 'engine', $2, $2, $2, $2
        FROM generate_series(1, 20000) AS n
        RETURNING job_id, request_key
    )
    INSERT INTO entries (workspace_id, kind, sequence, operation, namespace, key, digest, due_at,
        posted_at, available, held, hash, first_source, first_target, first_lot, first_amount)
    SELECT $1, 'image', request_key::integer, 'hold', 'job', 'hold/' || job_id, '\\x00', $2, $2,
        0, 0, '\\x00', 'available', 'held', 1, 1
    FROM placed
"""


@pytest.fixture
async def story(database_url: str) -> AsyncIterator[Narrator]:
    async with narrator(database_url) as teller:
        yield teller


def reference(key: str) -> ask.Reference:
    return ask.Reference("api", key)


def sequences(lines: tuple[Line, ...]) -> list[int]:
    return [line.entry.sequence for line in lines]


async def tell_a_clip(story: Narrator) -> None:
    await story.tell(pack(700, story))
    await story.tell(ask.Hold(50, story.now + DAY), key="clip-1")
    await story.tell(ask.Settle(reference("clip-1"), 45), key="clip-1-done")


async def read(connection: asyncpg.Connection, story: Narrator, window: Window) -> Page:
    return await page(connection, workspace_id=story.workspace_id, kind="video", window=window)


async def test_a_line_tells_its_words_its_running_balance_and_its_terms(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await tell_a_clip(story)

    told = await read(connection, story, Window())

    assert [(line.words, line.entry.available, line.entry.held) for line in told.lines] == [
        ("45 charged, 5 returned", 655, 0),
        ("50 credits held", 650, 50),
        ("700 purchased credits granted", 700, 0),
    ]
    assert told.lines[-1].entry.terms == pack(700, replace(story, now=BEGINNING)).terms
    assert not told.has_more


async def test_pages_follow_each_other_both_ways_and_in_both_orders(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(pack(700, story))
    for _ in range(4):
        await story.tell(ask.Charge(1))

    newest = await read(connection, story, Window(limit=2))
    older = await read(connection, story, Window(limit=2, after=newest.after))
    back = await read(connection, story, Window(limit=2, before=older.before))
    oldest = await read(connection, story, Window(limit=3, is_oldest_first=True))
    between = await read(connection, story, Window(after=newest.before, before=older.after))

    assert [sequences(each.lines) for each in (newest, older, back)] == [[5, 4], [3, 2], [5, 4]]
    assert (newest.has_more, older.has_more, back.has_more) == (True, True, False)
    assert sequences(oldest.lines) == [1, 2, 3]
    assert sequences(between.lines) == [5, 4, 3, 2]


async def test_lines_that_are_written_later_are_before_the_newest_page(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(pack(700, story))
    first = await read(connection, story, Window())
    for _ in range(3):
        await story.tell(ask.Charge(1))

    newer = await read(connection, story, Window(before=first.before, limit=2))
    newest = await read(connection, story, Window(before=newer.before, limit=2))
    none = await read(connection, story, Window(before=newest.before, limit=2))

    assert [sequences(each.lines) for each in (newer, newest, none)] == [[3, 2], [4], []]
    assert none.before == newest.before


async def test_a_wallet_that_opens_while_its_workspace_is_read_is_not_missed(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(pack(700, story))
    oldest_first = Window(is_oldest_first=True)
    first = await page(connection, workspace_id=story.workspace_id, window=oldest_first)
    await story.tell(pack(20, story), kind="image")

    window = Window(is_oldest_first=True, after=first.after)
    rest = await page(connection, workspace_id=story.workspace_id, window=window)
    window = Window(after=first.after)
    older = await page(connection, workspace_id=story.workspace_id, window=window)

    assert [(line.kind, line.entry.sequence) for line in rest.lines] == [("image", 1)]
    assert [line.kind for line in older.lines] == ["video"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: "",
        lambda _: "not a cursor",
        lambda _: "ü",
        lambda cursor: cursor[:-1],
        lambda cursor: cursor + "A",
        lambda cursor: cursor[::-1],
        lambda _: "A" * (CURSOR_LENGTH_MAX + 1),
    ],
)
async def test_a_cursor_that_was_not_given_is_refused_by_name(
    connection: asyncpg.Connection, story: Narrator, spoil: Callable[[str], str]
) -> None:
    await story.tell(pack(700, story))
    cursor = spoil((await read(connection, story, Window())).after)

    with pytest.raises(BadCursor, match="begin without one") as refused:
        await read(connection, story, Window(after=cursor))

    assert (refused.value.code, refused.value.cursor) == ("bad_cursor", cursor)


async def test_a_cursor_of_another_wallet_is_refused(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(pack(700, story))
    await story.tell(pack(700, story), kind="image")
    cursor = (await read(connection, story, Window())).after

    with pytest.raises(BadCursor):
        await page(
            connection, workspace_id=story.workspace_id, kind="image", window=Window(after=cursor)
        )
    with pytest.raises(BadCursor):
        await page(connection, workspace_id=uuid4(), kind="video", window=Window(before=cursor))


@given(
    boundary=st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True),
                             st.integers(0, 2**63 - 1), max_size=4),
)  # fmt: skip
def test_a_cursor_is_read_as_it_was_written(boundary: dict[str, int]) -> None:
    cursor = encoded(scope="here", boundary=boundary)

    assert decoded(scope="here", cursor=cursor) == boundary


@pytest.mark.parametrize("limit", [0, -1, LIMIT_MAX + 1, True, "10"])
async def test_a_page_has_from_one_line_to_the_limit(
    connection: asyncpg.Connection, story: Narrator, limit: object
) -> None:
    with pytest.raises(BadLimit, match="1 to 1,000 lines"):
        await read(connection, story, Window(limit=limit))


async def test_a_filter_by_an_instant_without_a_zone_is_refused(
    connection: asyncpg.Connection,
) -> None:
    naive = Filters(due_from=BEGINNING.replace(tzinfo=None))

    with pytest.raises(NaiveInstant, match="due_from"):
        await page(connection, workspace_id=uuid4(), filters=naive)


async def test_a_span_of_instants_holds_its_beginning_and_not_its_end(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await tell_a_clip(story)
    second, third = (BEGINNING + timedelta(seconds=number) for number in (2, 3))

    told = await page(
        connection,
        workspace_id=story.workspace_id,
        filters=Filters(due_from=second, due_until=third),
    )

    assert sequences(told.lines) == [2]


async def test_a_workspace_without_wallets_has_an_empty_history(
    connection: asyncpg.Connection,
) -> None:
    told = await page(connection, workspace_id=uuid4())

    assert (told.lines, told.has_more) == ((), False)


async def test_a_line_is_found_by_its_key(connection: asyncpg.Connection, story: Narrator) -> None:
    await tell_a_clip(story)
    named = {"workspace_id": story.workspace_id, "namespace": "api"}

    line = await entry_by_key(connection, key="clip-1", **named)

    assert (line.kind, line.entry.sequence, line.entry.operation) == ("video", 2, "hold")
    with pytest.raises(UnknownEntry, match="api:clip-9"):
        await entry_by_key(connection, key="clip-9", **named)


async def test_a_note_is_shown_until_it_is_erased(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    note = Note(b"salt", "staff:ada", "the clip flickered")
    await story.tell(pack(700, story), note=note)

    (noted,) = (await read(connection, story, Window())).lines
    await connection.execute("DELETE FROM entry_notes")
    (erased,) = (await read(connection, story, Window())).lines

    assert (noted.note, noted.is_note_erased) == (note, False)
    assert (erased.note, erased.is_note_erased) == (None, True)


async def test_the_lines_about_one_hold_are_found_from_each_of_them(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    lapsing = Terms("plan", story.now, story.now + 2 * DAY)
    await story.tell(ask.Grant(50, lapsing))
    await story.tell(ask.Hold(50, story.now + 9 * DAY), key="clip-1")
    await story.tell(pack(700, story))
    story.wait(days=3)
    await story.tell(ask.Settle(reference("clip-1"), 45), key="clip-1-done")
    await story.tell(ask.Charge(1), key="charge")
    await story.tell(ask.Refund(reference("clip-1-done")))
    await story.tell(ask.Absorb(5, reference("clip-1")))

    about = [2, 4, 5, 7, 8, 9]
    for sequence in range(1, 10):
        told = await related(
            connection, workspace_id=story.workspace_id, kind="video", sequence=sequence
        )
        assert sequences(told) == (about if sequence in about else [sequence])


async def test_a_lapse_by_the_clock_is_about_nothing_but_itself(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(ask.Grant(50, Terms("plan", story.now, story.now + DAY)))
    await story.tell(ask.Charge(10))
    story.wait(days=2)
    await story.tell(pack(700, story))

    told = await related(connection, workspace_id=story.workspace_id, kind="video", sequence=3)

    assert [line.words for line in told] == ["40 credits lapsed"]


async def test_a_key_is_a_filter_within_its_wallet(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await tell_a_clip(story)
    await story.tell(pack(20, story), kind="image")
    named = Filters(namespace="api", key="clip-1")

    found = [
        sequences((await page(
            connection, workspace_id=story.workspace_id, kind=kind, filters=filters
        )).lines)
        for kind, filters in (
            (None, named), ("video", named), ("image", named), (None, replace(named, key="none")),
        )
    ]  # fmt: skip

    assert found == [[2], [2], [], []]


async def test_an_open_hold_stands_alone_and_an_unknown_line_is_refused(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(pack(700, story))
    await story.tell(ask.Hold(50, story.now + DAY))
    wallet = {"workspace_id": story.workspace_id, "kind": "video"}

    (told,) = await related(connection, sequence=2, **wallet)

    assert told.words == "50 credits held"
    with pytest.raises(UnknownEntry, match="video 3"):
        await related(connection, sequence=3, **wallet)


async def test_a_page_of_a_long_history_touches_its_lines_alone(
    connection: asyncpg.Connection,
) -> None:
    workspace_id = await fill(connection, entries=100_000)
    span = (["video"], [0], [70_000], workspace_id)
    unfiltered = (None,) * 7

    for name in ("newest", "oldest"):
        query = getattr(queries("history"), name)
        touched = await scans(connection, query.sql, *span, *unfiltered, 51)
        assert touched == {"entries": 51}
    numbers = list(range(69_950, 70_000))
    touched = await scans(
        connection, queries("history").lines.sql, workspace_id, ["video"] * 50, numbers
    )

    assert touched["entries"] == 50
    assert touched.get("grants", 0) + touched.get("Seq Scan on entry_notes", 0) == 0


async def test_the_jobs_of_a_page_are_found_without_reading_the_others(
    connection: asyncpg.Connection,
) -> None:
    workspace_id = await fill(connection, entries=100)
    await connection.execute(HOLDING, workspace_id, BEGINNING)
    sql = queries("history").lines.sql
    page_of = (workspace_id, ["image"] * 50, list(range(15_000, 15_050)))

    touched = await scans(connection, sql, *page_of)
    found = await connection.fetch(sql, *page_of)

    assert (touched["entries"], touched["jobs"]) == (100, 50)
    assert {(row["tool"], row["duration_s"]) for row in found} == {("kling_pro", 5)}


async def test_a_key_of_an_embedder_that_looks_like_one_of_a_job_names_none(
    connection: asyncpg.Connection, story: Narrator
) -> None:
    await story.tell(pack(700, story))
    for key in ("clip", f"hold/{story.workspace_id}", "hold/" + "-" * 36):
        request = Request(story.workspace_id, "video", "job", key, ask.Charge(1))
        await story.journal.submit(Submission((request,)))

    told = await read(connection, story, Window())

    assert [line.job for line in told.lines] == [None] * 4


async def test_a_key_and_a_hold_are_found_in_a_long_history_without_reading_it(
    connection: asyncpg.Connection,
) -> None:
    workspace_id = await fill(connection, entries=100_000)
    sql = queries("history")

    named = await scans(connection, sql.named.sql, workspace_id, "api", "line-70000")
    climbed = await scans(connection, sql.root.sql, 70_000, workspace_id, "video")
    ended = await scans(connection, sql.ends.sql, workspace_id, "video", 70_000)

    assert named == {"entries": 1}
    assert climbed == {"entries": 1}
    assert ended["entries"] <= 2
