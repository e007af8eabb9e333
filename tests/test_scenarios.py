"""The ledger told in stories: each file of `scenarios/` is played on the real storage."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from conftest import database_at
from mutoscope.storage.database import connect
from scenario_language import BrokenStory, Step, Theatre, parse
from soundness import assert_sound

STORIES = sorted(Path(__file__).with_name("scenarios").glob("*.txt"))


@pytest.fixture(scope="module")
async def url(server_url: str, template: str) -> AsyncIterator[str]:
    """Give a database that all stories share, each in a workspace of its own."""
    connection = await connect(server_url)
    await connection.execute(f"CREATE DATABASE stories TEMPLATE {template}")
    yield database_at(server_url, "stories")
    await connection.execute("DROP DATABASE stories WITH (FORCE)")
    await connection.close()


@pytest.fixture(scope="module")
async def theatre(url: str) -> AsyncIterator[Theatre]:
    async with Theatre(url=url) as theatre:
        yield theatre


def read(story: Path) -> tuple[Step, ...]:
    return parse(text=story.read_text("utf-8"), name=story.name)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.stem)
async def test_the_story_goes_as_told(story: Path, theatre: Theatre, url: str) -> None:
    steps = read(story)

    await theatre.play(steps=steps, workspace_id=uuid4())

    await assert_sound(url)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.stem)
def test_a_story_says_why_in_its_first_line(story: Path) -> None:
    why, *steps = story.read_text("utf-8").splitlines()

    assert why.startswith("# ")
    assert why.endswith(".")
    assert len(why) <= 120
    assert 0 < len(steps) <= 20


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("borrow clip-1 5", "unknown verb 'borrow'"),
        ("hold clip-1", "the amount is missing"),
        ("hold clip-1 many", "'many' is no amount"),
        ("hold clip-1 5 quickly", "unexpected 'quickly'"),
        ("grant pack 5 expires soon", "'soon' is no expires"),
        ("wait long", "'long' is no span"),
        ("journal theft", "'theft' is no argument"),
    ],
)
def test_a_line_that_is_no_step_is_refused_with_its_file_and_line(line: str, reason: str) -> None:
    text = f"# Why.\ngrant pack 5\n\n{line}\n"

    with pytest.raises(BrokenStory, match=r"lost\.txt:4: ") as refusal:
        parse(text=text, name="lost.txt")

    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    ("line", "went"),
    [
        ("hold clip-1 6", "told 'done', went 'insufficient_credits'"),
        ("hold clip-1 5 refused insufficient_credits", "told 'insufficient_credits', went 'done'"),
        ("grant pack 5 as bought", "told 'done', went 'replayed'"),
        ("balance pack 4", "went 'balance pack 5'"),
        ("journal hold", "went 'grant@2025-01-20T00:00:00+00:00'"),
    ],
)
async def test_a_story_that_goes_otherwise_is_refused_with_its_file_and_line(
    line: str, went: str, theatre: Theatre
) -> None:
    steps = parse(text=f"# Why.\ngrant pack 5 as bought\n{line}\n", name="lost.txt")

    with pytest.raises(BrokenStory, match=r"lost\.txt:3: ") as refusal:
        await theatre.play(steps=steps, workspace_id=uuid4())

    assert went in str(refusal.value)
