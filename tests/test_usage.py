"""Usage equals the sum of ledger lines, to the credit, whoever sums them."""

import random
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from mutoscope.app import members
from mutoscope.app.subscribe import start_plan
from mutoscope.app.usage import BadSpan, By, Usage, UsageRow, UsageWish, usage
from mutoscope.documents.usage_table import usage_csv
from mutoscope.domain import actions as ask
from mutoscope.domain.calendar import PeriodOutOfReach
from mutoscope.domain.credits import Refusal
from mutoscope.domain.journal import Attribution
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request
from mutoscope.storage import history
from mutoscope.storage.caps import standings
from mutoscope.storage.history import Line
from mutoscope.storage.workspaces import get
from storyboard_stage import begin
from studio_fixture import drive, open_workspace
from studio_stage import Stage
from team_stage import cap, join, place_for, used_by

ACTS = 90
GIVEN_BACK = {"available", "frozen", "unlimited"}
USES = {"hold", "charge", "meter"}


async def history_of(stage: Stage) -> list[Line]:
    window = history.Window(limit=1_000, is_oldest_first=True)
    async with stage.studio.reading() as connection:
        page = await history.page(
            connection, workspace_id=stage.workspace_id, kind="image", window=window
        )
    assert not page.has_more
    return list(page.lines)


def moved(line: Line, *, sources: set[str] | None = None, targets: set[str] | None = None) -> int:
    return sum(
        posting.amount
        for posting in line.entry.postings
        if (sources is None or posting.source in sources)
        and (targets is None or posting.target in targets)
    )


def added_up(lines: list[Line], *, by: By, span: tuple[object, object]) -> set[tuple[object, ...]]:
    """Add up use line by line: each correction to the use that it is about, in the end."""
    about: dict[int, int] = {}
    sums: dict[str | None, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    whose: dict[int, str | None] = {}
    for line in lines:
        entry = line.entry
        if entry.operation in USES:
            root = entry.sequence
            who = entry.attribution
            named = who.member_id if by is By.MEMBER else who.project_id
            subject = str(named) if named else None
            day = entry.posted_at.date().isoformat()
            whose[root] = day if by is By.DAY else subject
            if not span[0] <= entry.posted_at < span[1]:
                whose.pop(root)
        elif entry.operation in {"settle", "release", "refund"}:
            root = about[entry.refers_to]
        else:
            continue
        about[entry.sequence] = root
        if root in whose:
            row = sums[whose[root]]
            metered = moved(line, sources={"unlimited"})
            row[0] += moved(line) - metered if entry.operation in USES else 0
            row[1] += moved(line, targets={"captured"})
            row[2] += moved(line, targets=GIVEN_BACK) if entry.operation not in USES else 0
            row[3] += metered
    return {(subject, *row) for subject, row in sums.items()}


async def act(stage: Stage, chance: random.Random, who: list[Attribution]) -> None:
    """Ask for something or other: what cannot be is refused, and nothing comes of it."""
    number = chance.randrange(40)
    of = ask.Reference("api", str(number))
    deadline_at = stage.clock.now() + timedelta(hours=chance.randrange(1, 60))
    action: ask.Action = chance.choice([
        ask.Hold(chance.randrange(1, 6), deadline_at, chance.random() < 0.3),
        ask.Charge(chance.randrange(1, 4)),
        ask.Meter(chance.randrange(1, 4)),
        ask.Settle(of, chance.randrange(4)),
        ask.Release(of),
        ask.Refund(ask.Reference("api", f"end/{number}"), chance.choice([None, 1])),
        ask.Refund(of),
    ])  # fmt: skip
    is_use = isinstance(action, ask.Hold | ask.Charge | ask.Meter)
    ends = {ask.Settle: f"end/{number}", ask.Release: f"end/{number}"}
    key = str(number) if is_use else ends.get(type(action), f"back/{chance.random()}")
    request = Request(
        stage.workspace_id, "image", "api", key, action,
        chance.choice(who) if is_use else Attribution(),
    )  # fmt: skip
    try:
        await stage.studio.journal.submit(Submission((request,)))
    except Refusal:
        return


@pytest.mark.parametrize("seed", range(4))
async def test_usage_equals_the_sum_of_ledger_lines(stage: Stage, seed: int) -> None:
    await start_plan(stage.studio, workspace_id=stage.workspace_id, plan="pro")
    chance = random.Random(seed)
    people = [Attribution(*pair) for pair in [(None, None), (uuid4(), None), (uuid4(), uuid4())]]
    for _ in range(ACTS):
        await act(stage, chance, people)
        stage.clock.move(hours=chance.randrange(12))
    lines = await history_of(stage)
    begun = lines[0].entry.posted_at

    for by in (By.MEMBER, By.PROJECT, By.DAY):
        for days in ((0, 400), (5, 17), (31, 40)):
            span = (begun + timedelta(days=days[0]), begun + timedelta(days=days[1]))
            found = await used_by(stage, by, starts_at=span[0], ends_at=span[1])

            told = {(r.subject, r.held, r.captured, r.given_back, r.metered) for r in found}
            assert told == added_up(lines, by=by, span=span)
            assert all(r.used == r.held + r.metered - r.given_back for r in found)


async def test_what_is_used_is_what_caps_count(stage: Stage) -> None:
    ada = await join(stage)
    await cap(stage, ada.member_id, 50)
    job = await place_for(stage, ada.member_id, "first", images=4)
    await place_for(stage, ada.member_id, "second", images=2)
    stage.generator.succeed(images=3)
    await drive(stage, job)

    (row,) = await used_by(stage)
    async with stage.studio.reading() as connection:
        workspace = await get(connection, workspace_id=stage.workspace_id)
        (found,) = await standings(connection, workspace=workspace, at=stage.clock.now())

    assert row == UsageRow(
        subject=str(ada.member_id), name="Ada", kind="image", held=6, captured=3, given_back=1,
        metered=0, used=5, jobs=2,
    )  # fmt: skip
    assert found.used == row.used


async def test_use_is_told_by_project_tool_and_day(stage: Stage) -> None:
    project = await begin(stage)
    stage.clock.move(hours=11, minutes=50)
    await place_for(stage, None, "first", project_id=project.project_id)
    stage.clock.move(minutes=10)
    await place_for(stage, None, "second", images=2)

    by_project = await used_by(stage, By.PROJECT)
    by_tool = await used_by(stage, By.TOOL)
    by_day = await used_by(stage, By.DAY)

    assert [(row.name, row.used) for row in by_project] == [("Rain", 1), (None, 2)]
    assert [(row.subject, row.used, row.jobs) for row in by_tool] == [("image_generation", 3, 2)]
    assert [(row.subject, row.used) for row in by_day] == [("2025-01-20", 1), ("2025-01-21", 2)]


async def test_an_erased_member_is_told_as_erased(stage: Stage) -> None:
    ada = await join(stage)
    await place_for(stage, ada.member_id, "first")
    whose = {"workspace_id": stage.workspace_id, "member_id": ada.member_id}
    await members.remove(stage.studio, **whose, is_erased=True)

    (row,) = await used_by(stage)

    assert (row.subject, row.name, row.used) == (str(ada.member_id), "erased", 1)


async def test_a_period_is_named_by_its_index(stage: Stage) -> None:
    await start_plan(stage.studio, workspace_id=stage.workspace_id, plan="unlimited")
    await place_for(stage, None, "first", images=3)
    stage.clock.move(days=31)
    await place_for(stage, None, "second")

    rows = [await used_by(stage, index=index) for index in (0, 1, 2)]
    (now,) = await used_by(stage)

    assert [[row.metered for row in each] for each in rows] == [[3], [1], []]
    assert (now.metered, now.held, now.used) == (1, 0, 1)
    with pytest.raises(PeriodOutOfReach):
        await used_by(stage, index=1_201)


async def test_a_span_has_two_ends_in_order(stage: Stage) -> None:
    at = stage.clock.now()

    for span in (
        {"starts_at": at}, {"ends_at": at}, {"starts_at": at, "ends_at": at, "index": 0},
        {"starts_at": at, "ends_at": at - timedelta(seconds=1)},
    ):  # fmt: skip
        with pytest.raises(BadSpan):
            await used_by(stage, **span)

    assert await used_by(stage, starts_at=at, ends_at=at) == ()


async def test_kinds_are_told_apart_and_other_workspaces_left_out(stage: Stage) -> None:
    other = await open_workspace(stage)
    await place_for(replace(stage, workspace_id=other), None, "other")
    await place_for(stage, None, "own", images=2)

    assert [row.used for row in await used_by(stage)] == [2]
    assert await used_by(stage, kind="video") == ()
    assert [row.used for row in await used_by(stage, kind="image")] == [2]


async def test_the_table_runs_no_formula(stage: Stage) -> None:
    at = stage.clock.now()
    row = UsageRow(
        subject=str(UUID(int=1)), name="=1+1", kind="image", held=2, captured=1, given_back=1,
        metered=0, used=1, jobs=1,
    )  # fmt: skip
    found = Usage(by=By.MEMBER, index=0, starts_at=at, ends_at=at, rows=(row,))

    head, line = usage_csv(found).splitlines()

    assert head == "\ufeffsubject,name,kind,held,captured,given_back,metered,used,jobs"
    assert line == f"{UUID(int=1)},'=1+1,image,2,1,1,0,1,1"


async def test_where_nothing_was_used_there_is_nothing_to_tell(stage: Stage) -> None:
    found = await usage(stage.studio, workspace_id=stage.workspace_id, wish=UsageWish(by=By.MEMBER))

    assert (found.rows, found.index) == ((), 0)
