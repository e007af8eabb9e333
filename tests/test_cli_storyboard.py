"""Storyboards on the command line: from a file to frames, in JSON and in tables."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from PIL import Image

from command_line import Done, run, run_here
from mutoscope.cli.board_screen import differences_table
from mutoscope.domain.jobs import FrameName
from mutoscope.domain.versions import Difference
from storyboard_stage import SCRIPT


class Studio:
    """A demo workspace with a board, and the commands of it."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.where: dict[str, Any] = {"database_url": database_url, "data": folder / "data"}
        self.folder = folder
        made = self.here("workspace", "create", "Ada", "--demo").json()
        self.workspace = made["workspace"]["workspace_id"]
        self.project = self.here("project", "create", self.workspace, "Rain").json()["project_id"]
        script = folder / "rain.fountain"
        script.write_text(SCRIPT, encoding="cp1252")
        self.of_board("import", str(script))

    def here(self, *arguments: str) -> Done:
        return run_here(*arguments, "--json", **self.where)

    def of_board(self, command: str, *arguments: str) -> Done:
        return self.here("project", command, self.workspace, self.project, *arguments)

    def frames(self) -> list[dict[str, Any]]:
        board = self.of_board("show").json()
        return [frame for scene in board["scenes"] for frame in scene["frames"]]

    def frame(self, command: str, *arguments: str, number: int = 1) -> Done:
        frame_id = self.frames()[number - 1]["frame_id"]
        return self.here("frame", command, self.workspace, frame_id, *arguments)


@pytest.fixture
def studio(database_url: str, tmp_path: Path) -> Studio:
    return Studio(database_url, tmp_path)


@pytest.fixture
def picture(tmp_path: Path) -> str:
    path = tmp_path / "mara.png"
    Image.new("RGB", (64, 36), "teal").save(path)
    return str(path)


def test_an_order_is_waited_for_until_each_shot_has_its_still(studio: Studio) -> None:
    done = run(
        "project", "order", studio.workspace, studio.project, "still", "--json", **studio.where
    )
    again = studio.of_board("order", "still", "--no-wait")

    frames = studio.frames()
    first = frames[0]["versions"][0]["name"]
    studio.frame("final")
    told = studio.frame("compare", *[f"{first['job_id']}/{first['ordinal']}"] * 2)

    assert done.code == 0
    assert {job["captured"] for job in done.json()["jobs"]} == {1}
    assert [len(frame["versions"]) for frame in frames] == [1, 1, 1]
    assert (again.code, json.loads(again.errors)["code"]) == (1, "nothing_lacking")
    assert studio.frames()[0]["is_final"]
    assert told.json() == []


def test_what_a_board_costs_is_told_and_locked(studio: Studio) -> None:
    studio.here("workspace", "plan", studio.workspace, "pro")
    estimate, quote = studio.of_board("estimate").json(), studio.of_board("quote").json()

    placed = studio.of_board("order", "still", "--no-wait", "--quote", quote["quote_id"])
    mix = studio.of_board("mix", "--budget", "100", "--choose").json()
    tools = studio.here("tools", studio.workspace).json()

    assert [total["required"] for total in estimate["totals"]] == [3, 75]
    assert quote["estimate"] == estimate
    assert len(placed.json()["jobs"]) == 3
    assert (mix["price"], mix["is_chosen"]) == (100, True)
    assert {row["tool"]: row["seconds_affordable"] for row in tools}["runway_gen4_turbo"] == 300


def test_screens_tell_the_same_in_tables(studio: Studio) -> None:
    studio.here("workspace", "plan", studio.workspace, "pro")
    place = (studio.workspace, studio.project)

    board = run_here("project", "show", *place, **studio.where).output
    estimate = run_here("project", "quote", *place, **studio.where).output
    mix = run_here("project", "mix", *place, **studio.where).output
    tools = run_here("tools", studio.workspace, **studio.where).output
    listed = run_here("project", "list", studio.workspace, **studio.where).output

    assert "INT. KITCHEN - NIGHT" in board
    rows = [line.split() for line in estimate.splitlines()]
    assert ["sum", "3", "image", "credits", "3"] in rows
    assert ["sum", "3", "video", "credits", "15", "75"] in rows
    assert "75 video credits at most, 1,425 remain." in estimate
    assert "These prices are locked until" in estimate
    assert "not chosen yet" in mix
    assert "60 clips, 300 s" in tools
    assert "Rain" in listed


def test_a_frame_is_added_moved_deleted_and_brought_back(studio: Studio) -> None:
    scene = studio.of_board("scene", "INT. ATTIC").json()["scene_id"]
    added = studio.here(
        "frame", "add", studio.workspace, studio.project, scene, "A moth.", "--tool", "veo3"
    ).json()
    moved = studio.frame("move", "1", "--scene", studio.frames()[0]["scene_id"], number=4).json()
    name = (studio.workspace, added["frame_id"])
    studio.here("frame", "archive", *name)
    gone = studio.here("frame", "show", *name)
    studio.here("frame", "archive", *name, "--undo")

    assert (added["number"], added["duration_s"], moved["number"]) == (4, 8, 1)
    assert (gone.code, json.loads(gone.errors)["code"]) == (3, "unknown_frame")
    assert studio.here("frame", "show", *name).json() == moved


def headings(board: dict[str, Any]) -> list[str]:
    return [scene["heading"] for scene in board["scenes"]]


def test_a_scene_is_renamed_moved_deleted_and_brought_back(studio: Studio) -> None:
    first, second = (scene["scene_id"] for scene in studio.of_board("show").json()["scenes"])
    place = (studio.workspace, studio.project)

    renamed = studio.here("scene", "rename", *place, first, "INT. ATTIC - DAY").json()
    moved = studio.here("scene", "move", *place, second, "1").json()
    gone = studio.here("scene", "archive", *place, first).json()
    back = studio.here("scene", "archive", *place, first, "--undo").json()
    unknown = studio.here("scene", "move", *place, str(UUID(int=7)), "1")
    shown = run_here("scene", "move", *place, second, "9", **studio.where).output

    assert headings(renamed) == ["INT. ATTIC - DAY", "EXT. HARBOUR - DAWN"]
    assert headings(moved) == headings(back) == ["EXT. HARBOUR - DAWN", "INT. ATTIC - DAY"]
    assert moved["scenes"][0]["frames"][0]["number"] == 1
    assert headings(gone) == ["EXT. HARBOUR - DAWN"]
    assert (unknown.code, json.loads(unknown.errors)["code"]) == (3, "unknown_scene")
    assert shown.index("ATTIC") < shown.index("HARBOUR")


def test_an_edit_beside_a_chosen_version_says_what_the_frame_shows(
    studio: Studio, picture: str
) -> None:
    studio.frame("upload", picture)
    studio.frame("choose", "1")
    frame = studio.frames()[0]["frame_id"]

    edited = run("frame", "edit", studio.workspace, frame, "warmer", **studio.where)
    studio.frame("choose", "2")
    again = run("frame", "edit", studio.workspace, frame, "warmer", "--no-wait", **studio.where)

    told = "The frame goes on showing version 1, which was chosen"
    assert told in " ".join(edited.output.split())
    assert (again.code, "goes on showing" in again.output) == (0, False)


def test_two_versions_are_compared_in_words() -> None:
    found = [
        Difference(name="instruction", first=None, second="at night"),
        Difference(name="adjustments", first={"light": "left"}, second=None),
        Difference(name="source", first=None, second=FrameName("7f", 2)),
        Difference(name="references", first=("a1", "b2"), second=()),
        Difference(name="seed", first=1, second=2),
    ]

    made = differences_table(found=found)

    columns = [list(column.cells) for column in made.columns]
    assert columns[1] == ["-", "light left", "-", "a1; b2", "1"]
    assert columns[2] == ["at night", "-", "image 2 of job 7f", "-", "2"]


def test_versions_are_named_by_their_number(studio: Studio, picture: str) -> None:
    for number in (1, 2):
        upload = studio.frame("upload", picture).json()["upload_id"]
        assert studio.frame("show").json()["versions"][number - 1]["name"]["job_id"] == upload

    chosen = studio.frame("choose", "1").json()["chosen"]
    job = studio.frame("edit", "at night", "--version", "1", "--no-wait").json()["job"]
    same = studio.frame("compare", "1", "1")

    first = studio.frames()[0]["versions"][0]["name"]
    assert chosen == first == job["spec"]["source"]
    assert same.json() == []
    shown = run_here(
        "frame", "show", studio.workspace, studio.frames()[0]["frame_id"], **studio.where
    ).output
    assert [line.split()[:2] for line in shown.splitlines() if first["job_id"] in line] == [
        ["*", "1"]
    ]


@pytest.mark.parametrize(
    ("frame", "version", "told"),
    [(1, "2", "it has the versions 1 to 1"), (1, "0", "no version 0"), (2, "1", "none yet")],
)
def test_a_number_that_no_version_has_is_refused(
    studio: Studio, picture: str, *, frame: int, version: str, told: str
) -> None:
    studio.frame("upload", picture)

    refused = studio.frame("choose", version, number=frame)

    assert (refused.code, json.loads(refused.errors)["code"]) == (3, "no_such_version")
    assert told in json.loads(refused.errors)["detail"]


def test_pictures_are_versions_and_show_the_cast(studio: Studio, picture: str) -> None:
    part = studio.here(
        "cast", "add", studio.workspace, studio.project, "Mara", "--picture", picture
    ).json()[0]
    upload = studio.frame("upload", picture).json()
    job = studio.frame("generate", "--no-wait").json()["job"]
    edit = studio.frame("edit", "at night", "--no-wait", "--key", "night").json()["job"]
    again = studio.frame("edit", "at night", "--no-wait", "--key", "night").json()
    shown = run_here("cast", "list", studio.workspace, studio.project, **studio.where).output
    studio.here("cast", "archive", studio.workspace, studio.project, part["part_id"])

    assert job["spec"]["references"] == part["pictures"]
    assert edit["spec"]["source"]["job_id"] == upload["upload_id"]
    assert (again["is_replay"], again["job"]["job_id"]) == (True, edit["job_id"])
    assert "character Mara (pictures: 1)" in shown
    assert studio.here("cast", "list", studio.workspace, studio.project).json() == []


def test_values_are_adjusted_as_those_of_edit_are_and_bare(studio: Studio, picture: str) -> None:
    studio.frame("upload", picture)
    tune = ("fine-tune", "--no-wait", "--key", "tune")

    tuned = studio.frame(*tune, "--adjust", "light=left", "--adjust", "contrast=0.5")
    bare = studio.frame(*tune, "light=left", "contrast=0.5")

    assert tuned.json()["job"]["spec"]["adjustments"] == {"light": "left", "contrast": 0.5}
    assert bare.json()["is_replay"]


@pytest.mark.parametrize(
    ("command", "code", "exit_code"),
    [
        (("animate", "--not-final"), "frame_not_made", 1),
        (("fine-tune", "light=behind"), "bad_adjustment", 1),
        (("fine-tune", "--adjust", "light=behind"), "bad_adjustment", 1),
        (("fine-tune",), "no_adjustments", 1),
        (("regenerate",), "nothing_to_regenerate", 1),
        (("final",), "frame_not_made", 1),
        (("generate", "--images", "51"), "bad_image_count", 1),
        (("choose", "00000000-0000-0000-0000-000000000000"), "no_such_frame", 3),
    ],
)
def test_a_refusal_of_a_frame_has_its_code(
    studio: Studio, command: tuple[str, ...], code: str, exit_code: int
) -> None:
    refused = studio.frame(*command)

    assert (refused.code, json.loads(refused.errors)["code"]) == (exit_code, code)


def test_a_frame_of_a_board_is_told_from_a_job(studio: Studio) -> None:
    studio.here("workspace", "plan", studio.workspace, "pro")
    frame_id = studio.frames()[0]["frame_id"]

    refused = studio.here("animate", studio.workspace, frame_id)
    unknown = studio.here("animate", studio.workspace, str(UUID(int=7)))

    told, elsewhere = json.loads(refused.errors), json.loads(unknown.errors)
    assert (refused.code, told["code"]) == (3, "no_such_frame")
    assert told["detail"].startswith(f"there is no job {frame_id}, it is a frame of a board: use ")
    assert (unknown.code, "board" in elsewhere["detail"]) == (3, False)


def test_a_choice_that_takes_the_final_mark_away_says_so(studio: Studio, picture: str) -> None:
    versions = []
    for _ in range(2):
        upload = studio.frame("upload", picture).json()["upload_id"]
        versions.append(f"{upload}/1")
    studio.frame("final")

    chosen = studio.frame("choose", versions[0])
    again = studio.frame("choose", versions[1])

    assert not chosen.json()["is_final"]
    assert (chosen.errors, again.errors) == ("It is no longer marked final.\n", "")


def test_a_clip_of_what_is_not_final_names_the_switch(studio: Studio, picture: str) -> None:
    studio.here("workspace", "plan", studio.workspace, "pro")
    studio.frame("upload", picture)

    refused = json.loads(studio.frame("animate", "--tool", "runway_gen4_turbo").errors)

    assert refused["code"] == "frame_not_final"
    assert refused["detail"].startswith("frame 1 is not marked final")
    assert refused["detail"].endswith(" (`frame final` marks one, --not-final confirms)")


def test_one_scene_with_one_shot_was_added(studio: Studio) -> None:
    script = studio.folder / "one.fountain"
    script.write_text("INT. ATTIC - NIGHT\n\nA moth.\n", encoding="utf-8")

    place = ("project", "import", studio.workspace, studio.project, str(script))
    assert run_here(*place, **studio.where).output == "1 scene with 1 shot was added.\n"


def test_a_scene_of_plain_text_says_that_it_has_no_heading(studio: Studio) -> None:
    text = studio.folder / "moth.txt"
    text.write_text("A moth circles the lamp.\n", encoding="utf-8")

    studio.of_board("import", str(text))
    board = run_here("project", "show", studio.workspace, studio.project, **studio.where).output

    assert board.count("(no heading)") == 1


def test_a_file_that_is_no_screenplay_is_refused(studio: Studio) -> None:
    bad = studio.folder / "bad.fdx"
    bad.write_bytes(b"\x81\x8d")

    for file, code in ((bad, "unknown_encoding"), (studio.folder / "none", "file_unreadable")):
        refused = studio.of_board("import", str(file))
        assert json.loads(refused.errors)["code"] == code


def test_a_board_is_deleted_and_brought_back(studio: Studio) -> None:
    studio.of_board("archive")
    gone = studio.here("project", "list", studio.workspace).json()
    deleted = studio.here("project", "list", studio.workspace, "--archived").json()
    studio.of_board("archive", "--undo")

    assert (gone, len(deleted)) == ([], 1)
    assert len(studio.here("project", "list", studio.workspace).json()) == 1
