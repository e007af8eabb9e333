"""The companies on the command line: their health, their routes, and orders in doubt."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from command_line import Done, run_here
from mutoscope.app.advance import advance
from mutoscope.bootstrap import open_house
from mutoscope.settings import read_settings

SIMULATE = (sys.executable, "-m", "mutoscope.cli.main", "simulate-providers", "--json", "--port")
LOST = "A lamp. [[sim:drop_connection_after_accept]]"


@pytest.fixture(scope="module")
def settings() -> Iterator[dict[str, str]]:
    """Run the simulators, and return the settings of a studio that orders of them."""
    with subprocess.Popen(
        (*SIMULATE, "0"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as program:
        assert program.stdout is not None
        yield json.loads("".join(iter(program.stdout.readline, "}\n")) + "}")
        program.kill()


class Shop:
    """A live workspace whose stills come over some of the companies."""

    def __init__(self, database_url: str, data: Path) -> None:
        self.where: dict[str, Any] = {"database_url": database_url, "data": data}
        self.workspace = self.run("workspace", "create", "Live").json()["workspace"]["workspace_id"]

    def run(self, *arguments: str) -> Done:
        return run_here(*arguments, "--json", **self.where)

    def shown(self, *arguments: str) -> str:
        return run_here(*arguments, **self.where).output

    def act(self, *arguments: str) -> Done:
        """Do something in the name of somebody of the staff."""
        password = str(self.where["data"] / "password")
        Path(password).write_text("correct horse battery\n", encoding="utf-8")
        roles = ("--role", "admin", "--role", "support", "--role", "finance")
        self.run(
            "staff", "add", "ada", "--email", "ada@studio.example", *roles,
            "--new-password-file", password, "--reason", "she began it",
        )  # fmt: skip
        whose = ("--as", "ada", "--password-file", password, "--reason", "it was looked up")
        return self.run(*arguments, *whose)

    def order(self, prompt: str) -> str:
        """Order a still, and take its first step as a worker would."""
        placed = self.run("generate", self.workspace, prompt, "--no-wait").json()["job"]
        asyncio.run(self._step(UUID(placed["job_id"])))
        job_id: str = placed["job_id"]
        return job_id

    async def _step(self, job_id: UUID) -> None:
        own = {
            "DATABASE_URL": self.where["database_url"], "MUTOSCOPE_DATA": str(self.where["data"]),
        }  # fmt: skip
        async with open_house(read_settings({**os.environ, **own})) as house:
            await advance(house.studio, workspace_id=UUID(self.workspace), job_id=job_id)


@pytest.fixture
def shop(
    database_url: str, tmp_path: Path, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Shop:
    for name, value in settings.items():
        if name.startswith(("MUTOSCOPE_RUNWAY", "MUTOSCOPE_OPENAI")):
            monkeypatch.setenv(name, value)
    return Shop(database_url, tmp_path)


def test_the_companies_tell_their_health_and_balance_and_simulators_say_so(shop: Shop) -> None:
    checked = shop.run("providers", "check").json()["providers"]

    assert [(each["provider"], each["is_well"]) for each in checked] == [
        ("runway", True), ("openai", True),
    ]  # fmt: skip
    assert {each["funds"].endswith(" (simulator)") for each in checked} == {True}
    assert "OpenAI takes the key; it tells no balance. (simulator)" in shop.shown(
        "providers", "check"
    )


def test_a_key_that_is_refused_is_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUTOSCOPE_OPENAI_KEY", "another")

    checked = shop.run("providers", "check").json()["providers"]

    assert [each["is_well"] for each in checked] == [True, False]


def test_routes_tell_their_state(shop: Shop) -> None:
    found = {each["key"]: each for each in shop.run("providers", "routes").json()}

    states = [found[key]["state"] for key in ("image_openai", "image_google")]
    assert states == ["open", "not set up"]
    assert found["image_openai"]["deadline"] == 1_800
    assert "image_openai" in shop.shown("providers", "routes")


def test_an_order_in_doubt_is_listed_with_what_to_do_and_closed(shop: Shop) -> None:
    job_id = shop.order(LOST)

    (waiting,) = shop.run("providers", "unknown").json()
    shown = shop.shown("providers", "unknown")
    name = (shop.workspace, job_id)
    believed = shop.act("providers", "resolve", *name, "--created", "made-up")
    closed = shop.act("providers", "resolve", *name, "--cost-micros", "9")

    assert (waiting["job_id"], waiting["provider"]) == (job_id, "openai")
    assert waiting["what_to_do"].startswith("it keeps nothing to look up: --cost-micros")
    assert f"openai, gpt-image-2: {waiting['what_to_do']}" in " ".join(shown.split())
    assert json.loads(believed.errors)["code"] == "not_at_provider"
    assert (closed.code, shop.run("providers", "unknown").json()) == (0, [])
