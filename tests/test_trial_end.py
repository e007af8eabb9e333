"""Starting a plan tells how many credits of the trial end: before, in its answer, on its line."""

import os
import pty
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from api_client import Api, open_api
from command_line import MUTOSCOPE, run_here
from mutoscope.app.subscribe import AlreadySubscribed, NewPlan, start_plan
from mutoscope.app.trial_end import TrialEnd, preview_start, trial_ended, trial_left
from mutoscope.domain.offers import Money
from mutoscope.storage import history
from studio_fixture import open_workspace
from studio_stage import Stage

ENDED = "50 image credits of the trial end"
LIMIT_S = 60


async def started(stage: Stage) -> tuple[TrialEnd, ...]:
    found = await start_plan(stage.studio, workspace_id=stage.workspace_id, plan="pro")
    assert found.subscription is not None
    return await trial_ended(stage.studio, subscription=found.subscription)


async def test_what_is_told_before_is_what_ends_and_stands_on_the_named_line(
    stage: Stage,
) -> None:
    await stage.place(images=4)
    new = NewPlan(plan="pro")
    told = await preview_start(stage.studio, workspace_id=stage.workspace_id, new=new)

    (ended,) = await started(stage)

    assert told.trial_ends == {"image": 46} == {ended.kind: ended.credits}
    assert (told.credits, told.price) == (
        {"image": 700, "video": 1_500}, Money(amount=0, currency="USD")
    )  # fmt: skip
    async with stage.studio.reading() as connection:
        line = await history.entry_by_key(
            connection, workspace_id=stage.workspace_id, namespace=ended.namespace, key=ended.key
        )
    assert (line.entry.operation, line.entry.sequence) == ("expire", ended.sequence)
    assert sum(posting.amount for posting in line.entry.postings) == ended.credits


async def test_a_trial_that_is_over_or_used_up_ends_nothing(stage: Stage) -> None:
    stage.clock.move(days=15)

    assert await trial_left(stage.studio, workspace_id=stage.workspace_id) == {}
    assert await started(stage) == ()


async def test_a_start_that_would_be_refused_is_not_previewed(stage: Stage) -> None:
    workspace_id = await open_workspace(stage, plan="pro")

    with pytest.raises(AlreadySubscribed):
        await preview_start(stage.studio, workspace_id=workspace_id, new=NewPlan(plan="pro"))


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


async def test_the_api_tells_it_before_and_in_the_answer_of_every_repeat(api: Api) -> None:
    workspace = await api.workspace(is_demo=False)

    told = await api.get(f"{workspace}/subscription/start", params={"plan": "pro"})
    ordered = await api.post(f"{workspace}/subscription/order", {"plan": "pro"}, key="order-1")
    made, again = [
        await api.post(f"{workspace}/plan", {"plan": "pro"}, key="plan-1") for _ in range(2)
    ]

    assert told.json() == {
        "plan": "pro", "months": 1, "price": {"amount": 3_900, "currency": "USD"},
        "credits": {"image": 700, "video": 1_500}, "trial_ends": {"image": 50},
    }  # fmt: skip
    assert ordered.json()["trial_ends"] == {"image": 50}
    (ended,) = made.json()["trial_ended"]
    assert (ended["kind"], ended["credits"], ended["key"][-12:]) == ("image", 50, "/image/trial")
    assert made.json() == again.json()


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> dict[str, Any]:
    return {"database_url": database_url, "data": tmp_path}


def opened(place: dict[str, Any]) -> str:
    made = run_here("workspace", "create", "Ada", "--json", **place).json()
    return str(made["workspace"]["workspace_id"])


@pytest.mark.parametrize("command", [("workspace", "plan"), ("subscription", "start")])
def test_the_command_line_tells_it_with_the_line(
    place: dict[str, Any], command: tuple[str, str]
) -> None:
    workspace = opened(place)
    before = run_here("subscription", "start", workspace, "pro", "--preview", **place)
    paid_first = run_here("subscription", "start", workspace, "pro", "--pay-first", **place)

    done = run_here(*command, workspace, "pro", "--yes", **place)

    assert f"pro: 39.00 USD net a month, 700 image and 1,500 video credits a month; {ENDED}." in (
        before.output
    )
    assert f"{ENDED} when it is paid" in paid_first.output
    assert "50 image credits of the trial ended (image line 2, subscription:" in done.output


EUROS = ("--price", "99000", "--currency", "EUR")
ENTERPRISE = ("enterprise", "--credits", "image=10", "--credits", "video=20")


def test_what_was_agreed_stands_in_the_order(place: dict[str, Any]) -> None:
    made = run_here("workspace", "create", "Ada", "--json", **place).json()["workspace"]
    start = ("subscription", "start", made["workspace_id"], *ENTERPRISE)

    unpriced = run_here(*start, "--pay-first", **place)
    shown = run_here(*start, *EUROS, "--preview", "--json", **place).json()
    ordered = run_here(*start, *EUROS, "--pay-first", "--json", **place).json()

    assert "price_not_agreed: " in unpriced.errors
    assert (shown["price"]["amount"], shown["credits"]) == (99_000, {"image": 10, "video": 20})
    (request,) = ordered["requests"]
    assert (request["taxed"]["net"], request["wish"]["agreed"]) == (99_000, shown["credits"])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--price", "99.0"), "such as 4797 for 47.97"),
        (("--price", "990=USD"), "such as 4797 for 47.97"),
        (("--currency", "USD"), "give the --price, too"),
        (("--credits", "video=x"), "write KIND=CREDITS"),
        (("--pay-first", "--began", "2025-01-01"), "leave --began out"),
    ],
)
def test_terms_that_cannot_be_are_refused_at_the_command_line(
    place: dict[str, Any], given: tuple[str, ...], told: str
) -> None:
    done = run_here("subscription", "start", opened(place), *ENTERPRISE, *given, **place)

    assert (done.code, told in done.errors) == (2, True)


def test_a_terminal_is_asked_before_and_a_no_starts_nothing(place: dict[str, Any]) -> None:
    workspace = opened(place)
    ours, theirs = pty.openpty()
    os.write(ours, b"n\n")

    done = subprocess.run(
        [MUTOSCOPE, "workspace", "plan", workspace, "pro"], stdin=theirs, capture_output=True,
        env={
            **os.environ, "DATABASE_URL": place["database_url"],
            "MUTOSCOPE_DATA": str(place["data"]), "NO_COLOR": "1",
        },
        text=True, check=False, timeout=LIMIT_S,
    )  # fmt: skip

    for end in (ours, theirs):
        os.close(end)
    assert f"{ENDED}. Go" in done.stderr
    assert done.returncode != 0
    assert run_here("subscription", "show", workspace, "--json", **place).json()["state"] == "trial"
