"""The demo, run once as a stranger would run it, and what lies in its folder afterwards."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import pytest
from PIL import Image

from command_line import Done, run
from mutoscope.app.verify import check_answer
from mutoscope.bootstrap import read_catalog
from mutoscope.cli.demo import SHOTS_MAX
from servers import enterable_folder
from tidy import ROOT

SHOTS = 2
FEWER = SHOTS_MAX - SHOTS
"""Shots that the README's run has, and this one has not."""


class Played(NamedTuple):
    done: Done
    folder: Path

    def receipt(self, key: str) -> dict[str, object]:
        path = self.folder / "receipts" / f"{key}.json"
        return dict(json.loads(path.read_text(encoding="utf-8"))["job"])


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    with enterable_folder() as folder:
        yield Played(
            run("demo", "--out", str(folder / "demo"), "--shots", str(SHOTS)), folder / "demo"
        )


def test_the_demo_ends_well_and_names_the_engine(played: Played) -> None:
    assert played.done.code == 0, played.done.errors
    assert "built-in engine" in played.done.output
    assert "clean: every credit explained" in played.done.output
    assert "not_entitled" in played.done.output


def test_the_clip_decodes_to_the_promised_frames(played: Played) -> None:
    with av.open(str(played.folder / "clips" / "clip.mp4")) as clip:
        frames = sum(1 for _ in clip.decode(video=0))
        rate = clip.streams.video[0].average_rate

    assert rate is not None
    assert frames == 5 * rate
    assert played.receipt("clip")["captured"] == 25


def test_every_frame_is_a_picture(played: Played) -> None:
    for path in played.folder.glob("frames/*.png"):
        with Image.open(path) as picture:
            picture.load()

            assert picture.size == (1280, 720)


@pytest.mark.parametrize(
    ("key", "held", "charged"),
    [("failing-clip", 50, 0), ("cancelled-clip", 25, 0), ("partial-frames", 3, 2)],
)
def test_nobody_pays_for_what_was_not_delivered(
    played: Played, key: str, held: int, charged: int
) -> None:
    job = played.receipt(key)

    assert (job["price"], job["captured"]) == (held, charged)


def test_the_ledger_adds_up_to_the_last_balance(played: Played) -> None:
    text = (played.folder / "ledger.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    available = {"image": 0, "video": 0}

    for line in lines:
        for posting in line["entry"]["postings"]:
            for side, sign in (("target", 1), ("source", -1)):
                if posting[side] == "available":
                    available[line["kind"]] += sign * posting["amount"]

    last = {line["kind"]: line["entry"]["available"] for line in lines}
    assert available == last == {"image": 698, "video": 1_475}


def test_the_answer_is_signed_and_the_calendar_is_one(played: Played) -> None:
    answer = (played.folder / "verify.json").read_text(encoding="utf-8")
    dates = (played.folder / "billing-calendar.ics").read_text(encoding="utf-8")

    assert check_answer(answer.strip())
    assert json.loads(answer)["is_clean"]
    assert dates.count("BEGIN:VEVENT") == 24


def test_the_contact_sheet_shows_every_picture(played: Played) -> None:
    page = (played.folder / "index.html").read_text(encoding="utf-8")
    pictures = [*played.folder.glob("frames/*"), *played.folder.glob("clips/*")]

    assert [path.name for path in pictures if path.name not in page] == []


def with_fewer_shots(line: str) -> str:
    """Return a line of the README as it is here: a shot is charged in the trial, by two lines."""
    (version,) = read_catalog(None).versions
    price = FEWER * version.tool(key="image_generation").credits
    row = re.sub(
        r"^(image \d+ =) (\d+) \+ (\d+)",
        lambda found: f"{found[1]} {int(found[2]) - price} + {int(found[3]) + price}",
        line,
    )
    return re.sub(r"(\d+) lines", lambda found: f"{int(found[1]) - 2 * FEWER} lines", row)


def test_the_readme_prints_what_the_demo_does(played: Played) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    printed = readme.partition("$ make demo\n...\n")[2].partition("```")[0]
    told = {" ".join(line.split()) for line in played.done.output.splitlines()}

    lines = [with_fewer_shots(" ".join(line.split())) for line in printed.splitlines()]

    assert "clean:" in lines[-1]
    assert [line for line in lines if line.strip(".─") and line not in told] == []


def test_a_folder_that_is_no_demo_s_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine", encoding="utf-8")

    done = run("demo", "--out", str(tmp_path))

    assert done.code == 1
    assert done.errors.startswith("folder_not_a_demo: ")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
