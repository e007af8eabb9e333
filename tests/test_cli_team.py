"""Teams on the command line: members, caps and usage, told in tables and as JSON."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from command_line import Done, run_here
from mutoscope.storage.database import connect


class Shell:
    """A command line on one database, and the workspace that it opened."""

    def __init__(self, database_url: str, data: Path) -> None:
        self._url, self._data = database_url, data
        opened = self.run("workspace", "create", "Corona", "--demo", "--email", "o@example.com")
        self.workspace = opened["workspace"]["workspace_id"]

    def told(self, *arguments: str) -> Done:
        return run_here(*arguments, database_url=self._url, data=self._data)

    def run(self, *arguments: str) -> Any:  # noqa: ANN401 -- JSON has no narrower type
        done = self.told(*arguments, "--json")
        assert done.code == 0, done.errors
        return done.json()

    def token(self) -> str:
        shown = self.run("workspace", "show", self.workspace)
        return shown["messages"][0]["body"].rpartition(" ")[2]

    def join(self, name: str = "ada") -> str:
        self.run("member", "invite", self.workspace, f"{name}@example.com", "--name", name.title())
        return self.run("member", "accept", self.workspace, self.token())["member_id"]


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    return Shell(database_url, tmp_path)


def test_members_are_invited_listed_promoted_and_removed(shell: Shell) -> None:
    ada = shell.join()
    table = shell.told("member", "list", shell.workspace).output
    role = shell.told("member", "role", shell.workspace, ada, "viewer").output
    removed = shell.told("member", "remove", shell.workspace, ada, "--erase").output

    assert "ada@example.com" in table
    assert role == f"member {ada}  Ada: viewer, active\n"
    assert removed == f"member {ada}  erased: viewer, removed\n"
    assert "erased" in shell.told("member", "list", shell.workspace).output


def test_a_cap_that_is_removed_is_told_in_both_ways(shell: Shell) -> None:
    ada = shell.join()
    cap = (shell.workspace, "member", ada, "image")
    shell.run("cap", "set", *cap, "5")

    removed = shell.run("cap", "remove", *cap)
    shell.run("cap", "set", *cap, "5")

    assert removed == {"subject": "member", "subject_id": ada, "kind": "image", "cap": None}
    assert shell.told("cap", "remove", *cap).output.startswith("no cap on image credits of the")
    assert shell.run("cap", "list", shell.workspace) == []


def test_an_invitation_is_sent_again_and_withdrawn(shell: Shell) -> None:
    told = shell.told("member", "invite", shell.workspace, "ada@example.com").output
    invitation = told.split()[1]

    again = shell.run("member", "resend", shell.workspace, invitation)
    listed = shell.told("member", "list", shell.workspace).output
    withdrawn = shell.told("member", "withdraw", shell.workspace, invitation)
    over = shell.told("member", "withdraw", shell.workspace, invitation)

    assert again["sendings"] == 2
    assert f"invitation {invitation}  ada@example.com as member: open" in listed
    assert "withdrawn" in withdrawn.output
    assert (over.code, over.errors.partition(":")[0]) == (1, "invitation_over")


def test_a_cap_is_set_reached_listed_and_removed(shell: Shell) -> None:
    ada = shell.join()
    shell.run("cap", "set", shell.workspace, "member", ada, "image", "1")
    place = ("generate", shell.workspace, "a lighthouse", "--member", ada, "--no-wait")
    shell.run(*place)

    refused = shell.told(*place)
    estimate = shell.told("estimate", shell.workspace, "image_generation", "--member", ada).output
    table = shell.told("cap", "list", shell.workspace).output
    removed = shell.told("cap", "remove", shell.workspace, "member", ada, "image")

    assert (refused.code, refused.errors.partition(":")[0]) == (1, "cap_exceeded")
    assert "It exceeds the cap of the member: 0 of 1 remain." in estimate
    assert ada in table
    assert removed.code == 0
    assert shell.run("cap", "list", shell.workspace) == []


def test_usage_is_told_as_a_table_csv_and_json(shell: Shell) -> None:
    ada = shell.join()
    shell.run("generate", shell.workspace, "a lighthouse", "--member", ada, "--no-wait")

    table = shell.told("usage", shell.workspace, "--by", "member").output
    lines = shell.told("usage", shell.workspace, "--by", "tool", "--csv").output.splitlines()
    found = shell.run("usage", shell.workspace, "--since", "2000-01-01", "--until", "2999-01-01")

    assert "Ada" in table
    assert lines[1] == "image_generation,image_generation,image,1,0,0,0,1,1"
    assert (found["rows"][0]["subject"], found["rows"][0]["jobs"]) == (ada, 1)
    assert found["index"] is None


@pytest.mark.parametrize("way", ["job", "frame", "board", "again"])
def test_every_command_that_places_jobs_names_its_member(shell: Shell, way: str) -> None:
    ada, here = shell.join(), shell.workspace
    shell.run("cap", "set", here, "member", ada, "image", "0")
    job = shell.run("generate", here, "a lighthouse", "--no-wait")["job"]["job_id"]
    project = shell.run("project", "create", here, "Rain")["project_id"]
    scene = shell.run("project", "scene", here, project, "EXT. SEA")["scene_id"]
    frame = shell.run("frame", "add", here, project, scene, "A wave.")["frame_id"]
    ways = {
        "job": ("generate", here, "a lighthouse"), "frame": ("frame", "generate", here, frame),
        "board": ("project", "order", here, project, "still"), "again": ("regenerate", here, job),
    }  # fmt: skip

    refused = shell.told(*ways[way], "--member", ada, "--no-wait")

    assert refused.errors.partition(":")[0] == "cap_exceeded", refused.errors


def test_the_last_owner_is_refused_by_name(shell: Shell, database_url: str) -> None:
    async def owner() -> str:
        connection = await connect(database_url)
        try:
            return str(await connection.fetchval("SELECT member_id FROM members"))
        finally:
            await connection.close()

    refused = shell.told("member", "remove", shell.workspace, asyncio.run(owner()))

    assert (refused.code, refused.errors.partition(":")[0]) == (1, "last_owner")
