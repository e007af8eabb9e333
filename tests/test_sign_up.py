"""A person proves an address, and gets the trial's credits once."""

import asyncio
import re
from datetime import timedelta

import pytest

from mutoscope.app.sign_up import (
    CODE_TRIES,
    BadCode,
    BadEmail,
    TrialTaken,
    create,
    messages_to,
    normalised_email,
    sign_up,
    verify_email,
)
from mutoscope.domain.wall_clock import UnknownZone
from mutoscope.storage import workspaces
from mutoscope.storage.journal import JournalClosed
from mutoscope.storage.workspaces import UnknownWorkspace, Workspace
from studio_fixture import lines
from studio_stage import Stage

TRIAL = [("grant", 50)]


async def newcomer(stage: Stage, email: str = "ada@example.com") -> tuple[Workspace, str]:
    """Sign somebody up, and return the code that lies in the outbox."""
    workspace = await sign_up(stage.studio, name="Ada", email=email, zone="Europe/Paris")
    async with stage.studio.reading() as connection:
        (message,) = await workspaces.outbox(
            connection, workspace_id=workspace.workspace_id, limit=10
        )
    found = re.search(r"\b\d{6}\b", message.body)
    assert found is not None
    assert message.recipient == email
    return workspace, found[0]


async def verified(stage: Stage, workspace: Workspace, code: str) -> Workspace:
    return await verify_email(stage.studio, workspace_id=workspace.workspace_id, code=code)


@pytest.mark.parametrize(
    ("email", "person"),
    [
        ("Ada@Example.com", "ada@example.com"),
        ("ada+trial@example.com", "ada@example.com"),
        (" a.da@gmail.com ", "ada@gmail.com"),
        ("a.d.a+7@GMAIL.com", "ada@gmail.com"),
        ("a.da@example.com", "a.da@example.com"),
    ],
)
def test_a_person_is_known_by_one_form_of_the_address(email: str, person: str) -> None:
    assert normalised_email(email) == person


def test_the_two_names_of_one_mail_service_are_one_person() -> None:
    assert normalised_email("a.da@googlemail.com") == normalised_email("ada@gmail.com")


@pytest.mark.parametrize(
    "email",
    ["", "ada", "@example.com", "ada@", "ada@host", "a da@example.com", "+x@example.com",
     "a" * 250 + "@example.com", "ada@example.com\nbcc@example.com", "ada@.", "ada@example..com",
     "...@gmail.com", "a@b@example.com"],
)  # fmt: skip
def test_what_cannot_receive_a_message_is_no_address(email: str) -> None:
    with pytest.raises(BadEmail, match="write it as name@example"):
        normalised_email(email)


async def test_the_trial_begins_when_the_code_is_entered(stage: Stage) -> None:
    workspace, code = await newcomer(stage)

    assert await lines(stage, workspace_id=workspace.workspace_id) == []
    begun = await verified(stage, workspace, f" {code} ")

    assert begun.verified_at == stage.clock.now()
    assert begun.trial_ends_at == stage.clock.now() + timedelta(days=14)
    assert await lines(stage, workspace_id=workspace.workspace_id) == TRIAL


async def test_a_wrong_code_proves_nothing(stage: Stage) -> None:
    workspace, code = await newcomer(stage)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"

    with pytest.raises(BadCode, match="type that of the newest mail, or sign up again"):
        await verified(stage, workspace, wrong)

    assert await lines(stage, workspace_id=workspace.workspace_id) == []
    assert (await verified(stage, workspace, code)).verified_at is not None


async def told_of_the_code(stage: Stage, workspace: Workspace) -> str:
    async with stage.studio.reading() as connection:
        now = await workspaces.get(connection, workspace_id=workspace.workspace_id)
    (message,) = await messages_to(stage.studio, now, limit=10)
    return message.body.removesuffix(
        " If you did not sign up, do nothing: nobody gets in without it."
    )


async def test_a_code_is_shown_until_it_is_used(stage: Stage) -> None:
    workspace, code = await newcomer(stage)

    before = await told_of_the_code(stage, workspace)
    await verified(stage, workspace, code)

    assert before == f"Your code is {code}. It is valid for 30 minutes."
    assert await told_of_the_code(stage, workspace) == "Your code was used."


@pytest.mark.parametrize("is_late", [True, False], ids=["its time is over", "tried too often"])
async def test_a_code_that_is_over_is_not_shown_as_if_it_worked(
    stage: Stage, *, is_late: bool
) -> None:
    workspace, _ = await newcomer(stage)
    if is_late:
        stage.clock.move(minutes=30)
    else:
        for _ in range(CODE_TRIES):
            with pytest.raises(BadCode):
                await verified(stage, workspace, "x")

    told = await told_of_the_code(stage, workspace)

    assert told == "Your code is over: sign up again to get another."


async def test_a_code_that_is_half_an_hour_old_is_refused(stage: Stage) -> None:
    workspace, code = await newcomer(stage)
    stage.clock.move(minutes=30)

    with pytest.raises(BadCode):
        await verified(stage, workspace, code)


async def test_the_right_code_is_refused_after_five_wrong_ones(stage: Stage) -> None:
    workspace, code = await newcomer(stage)
    for guess in ("", "x", "12345", "é", code + "0"):
        with pytest.raises(BadCode):
            await verified(stage, workspace, guess)

    with pytest.raises(BadCode):
        await verified(stage, workspace, code)


async def test_entering_the_code_eight_times_at_once_is_one_trial(stage: Stage) -> None:
    workspace, code = await newcomer(stage)
    entries = (verified(stage, workspace, code) for _ in range(8))

    entered = await asyncio.gather(*entries, return_exceptions=True)

    assert {type(each) for each in entered} <= {Workspace, BadCode}
    assert any(isinstance(each, Workspace) for each in entered)
    assert await lines(stage, workspace_id=workspace.workspace_id) == TRIAL


async def test_one_person_with_eight_workspaces_has_one_trial(stage: Stage) -> None:
    people = [await newcomer(stage, f"ada+{number}@example.com") for number in range(8)]
    entries = (verified(stage, *each) for each in people)

    entered = await asyncio.gather(*entries, return_exceptions=True)

    granted = [await lines(stage, workspace_id=each.workspace_id) for each, _ in people]
    assert sorted(granted) == [[]] * 7 + [TRIAL]
    assert [type(each) for each in entered].count(TrialTaken) == 7


async def test_a_person_without_a_trial_is_verified_all_the_same(stage: Stage) -> None:
    await create(stage.studio, name="First", zone="UTC", email="ada@example.com")
    workspace, code = await newcomer(stage, "Ada+again@example.com")

    with pytest.raises(TrialTaken, match="start a plan"):
        await verified(stage, workspace, code)

    async with stage.studio.reading() as connection:
        kept = await workspaces.get(connection, workspace_id=workspace.workspace_id)
    assert (kept.verified_at, kept.trial_ends_at) == (stage.clock.now(), None)


async def test_a_trial_that_was_claimed_and_not_granted_is_granted_on_the_next_try(
    stage: Stage,
) -> None:
    workspace, code = await newcomer(stage)
    await stage.studio.journal.close()
    with pytest.raises(JournalClosed):
        await verified(stage, workspace, code)
    claimed_at = stage.clock.now()
    await stage.studio.journal.open()
    stage.clock.move(minutes=5)

    begun = await verified(stage, workspace, code)

    assert begun.trial_ends_at == claimed_at + timedelta(days=14)
    assert await lines(stage, workspace_id=workspace.workspace_id) == TRIAL


async def test_an_unknown_zone_opens_nothing(stage: Stage) -> None:
    with pytest.raises(UnknownZone):
        await sign_up(stage.studio, name="Ada", email="ada@example.com", zone="Mars/Olympus")

    async with stage.studio.reading() as connection:
        assert await connection.fetchval("SELECT count(*) FROM outbox") == 0


async def test_a_code_for_no_workspace_is_refused(stage: Stage) -> None:
    with pytest.raises(UnknownWorkspace):
        await verify_email(stage.studio, workspace_id=stage.studio.ids.new(), code="000000")


async def test_a_code_is_not_kept_as_it_was_sent(stage: Stage) -> None:
    _, code = await newcomer(stage)

    async with stage.studio.reading() as connection:
        (digest,) = await connection.fetchrow("SELECT code_digest FROM verifications")

    assert code.encode() not in digest
    assert len(digest) == 32
