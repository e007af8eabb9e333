"""The commands of guidance: forecast, advise, alerts and webhook."""

import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from command_line import Done, run_here
from mutoscope.app.alerts import alert
from mutoscope.bootstrap import open_house
from mutoscope.domain import actions as ask
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request
from mutoscope.settings import read_settings

URL = "https://hooks.example.com/mutoscope"


class Shell:
    """Runs commands on one database."""

    def __init__(self, database_url: str, data: Path) -> None:
        self.where = {"database_url": database_url, "data": data}

    async def __call__(self, *arguments: str) -> Done:
        return await asyncio.to_thread(lambda: run_here(*arguments, **self.where))

    async def workspace(self) -> str:
        made = await self("workspace", "create", "Aurora", "--json")
        return made.json()["workspace"]["workspace_id"]

    async def empty(self, workspace_id: str) -> None:
        """Spend the trial and let the alerts see it."""
        url, data = self.where["database_url"], str(self.where["data"])
        async with open_house(
            read_settings({"DATABASE_URL": url, "MUTOSCOPE_DATA": data})
        ) as house:
            request = Request(UUID(workspace_id), "image", "api", "all", ask.Charge(50))
            await house.studio.journal.submit(Submission((request,)))
            await alert(house.studio)


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    return Shell(database_url, tmp_path)


async def test_a_forecast_is_told_in_plain_words(shell: Shell) -> None:
    workspace_id = await shell.workspace()

    told = await shell("forecast", workspace_id)
    data = await shell("forecast", workspace_id, "--json")

    assert told.output.startswith("image: 50 image credits are left. The forecast is accumulating")
    assert "50 image credits lapse on" in told.output
    assert data.json()[0]["confidence"] == "accumulating"


async def test_advice_about_a_board_tells_what_to_do(shell: Shell) -> None:
    workspace_id = await shell.workspace()
    made = await shell("project", "create", workspace_id, "Rain", "--json")
    project_id = made.json()["project_id"]

    told = await shell("advise", workspace_id, project_id)
    unknown = await shell("advise", workspace_id, workspace_id)

    assert told.output == "Nothing is needed: the balance covers the board.\n"
    assert unknown.code == 3


async def test_alerts_are_listed_and_read(shell: Shell) -> None:
    workspace_id = await shell.workspace()
    await shell.empty(workspace_id)

    listed = await shell("alerts", "list", workspace_id)
    (found,) = (await shell("alerts", "list", workspace_id, "--json")).json()
    one = await shell("alerts", "read", workspace_id, found["alert_id"])
    rest = await shell("alerts", "read", workspace_id)
    unread = await shell("alerts", "list", workspace_id, "--unread", "--json")

    assert "The image credits of your trial are used up. Start a plan to go on." in listed.output
    assert (one.output, rest.output) == ("1 alert read.\n", "0 alerts read.\n")
    assert unread.json() == []


async def test_the_ways_of_alerts_are_shown_and_set(shell: Shell) -> None:
    workspace_id = await shell.workspace()

    await shell("alerts", "ways", workspace_id, "balance_low", "--no-email")

    shown = await shell("alerts", "ways", workspace_id, "--json")
    without = [each["code"] for each in shown.json() if not each["by_email"]]
    assert without == ["balance_low"]


async def test_a_webhook_is_added_listed_rotated_switched_and_removed(shell: Shell) -> None:
    workspace_id = await shell.workspace()
    made = (await shell("webhook", "add", workspace_id, URL, "--json")).json()
    endpoint_id = made["endpoint_id"]

    rotated = await shell("webhook", "rotate", workspace_id, endpoint_id)
    off = await shell("webhook", "switch", workspace_id, endpoint_id, "--off")
    listed = await shell("webhook", "list", workspace_id)
    removed = await shell("webhook", "remove", workspace_id, endpoint_id)

    assert made["secret"].startswith("whsec_")
    assert "secret   whsec_" in rotated.output
    assert made["secret"] not in rotated.output
    assert off.output == f"webhook {endpoint_id} is off.\n"
    assert "off (asked)" in listed.output
    assert removed.output == f"webhook {endpoint_id} was removed.\n"
    assert (await shell("webhook", "list", workspace_id, "--json")).json() == []


async def test_deliveries_are_listed_and_replayed(shell: Shell) -> None:
    workspace_id = await shell.workspace()
    made = (await shell("webhook", "add", workspace_id, URL, "--json")).json()
    await shell.empty(workspace_id)
    place = (workspace_id, made["endpoint_id"])

    listed = await shell("webhook", "deliveries", *place)
    (found,) = (await shell("webhook", "deliveries", *place, "--json")).json()
    replayed = await shell("webhook", "replay", *place, found["event_id"])
    unknown = await shell("webhook", "replay", *place, workspace_id)

    assert "alert.raised" in listed.output
    assert (found["state"], found["tries"]) == ("waiting", 0)
    assert replayed.output == f"event {found['event_id']} is sent again.\n"
    assert unknown.code == 3


async def test_an_address_inside_is_refused_with_the_remedy(shell: Shell) -> None:
    workspace_id = await shell.workspace()

    refused = await shell("webhook", "add", workspace_id, "https://10.0.0.1/")

    assert refused.code == 1
    assert refused.errors.startswith("bad_webhook_address: nothing can be sent to this address")
