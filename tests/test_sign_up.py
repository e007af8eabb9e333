"""A person proves an address and has one trial, whatever the spelling and however often."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mutoscope.app import sign_up
from mutoscope.app.sign_up import BadCode, BadEmail, TrialTaken, normalised_email
from soundness import assert_sound
from studio_stage import Stage, open_stage


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(database_url, tmp_path) as stage:
        yield stage
        await assert_sound(database_url)


def test_one_person_has_one_form() -> None:
    assert normalised_email(" A.nn+x@Gmail.com ") == "ann@gmail.com"
    assert normalised_email("a.nn@example.org") == "a.nn@example.org"


@pytest.mark.parametrize("email", ["", "ann", "@example.org", "ann@host", "a n@example.org"])
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(BadEmail):
        normalised_email(email)


async def test_one_person_at_once_from_many_sides_has_one_trial(stage: Stage) -> None:
    spellings = [f"ann+{number}@example.org" for number in range(8)]

    opened = await asyncio.gather(
        *(sign_up.create(stage.studio, name="Ann", zone="UTC", email=each) for each in spellings),
        return_exceptions=True,
    )

    assert sum(isinstance(each, TrialTaken) for each in opened) == 7


async def test_a_wrong_code_opens_no_trial(stage: Stage) -> None:
    workspace = await sign_up.sign_up(stage.studio, name="Ann", email="ann@example.org", zone="UTC")

    with pytest.raises(BadCode):
        await sign_up.verify_email(stage.studio, workspace_id=workspace.workspace_id, code="wrong")
