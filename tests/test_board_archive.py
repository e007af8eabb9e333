"""A packed storyboard opens anywhere: files by number, a shot list, a timeline of exact lengths."""

import csv
import io
import json
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import opentimelineio as otio
import pytest

from board_fixture import board, changed, clip
from mutoscope.app.export_board import ExportBoard, ExportOptions
from mutoscope.documents.archive import BoardArchive
from mutoscope.documents.shot_list import shot_list_csv


@pytest.fixture
def found(tmp_path: Path) -> ExportBoard:
    """Give a board whose first frame has a clip, and whose last has nothing yet."""
    film = clip(tmp_path / "clip.mp4", count=36)
    with_clip = changed(board(tmp_path), 1, clip=film, clip_s=1.5, duration_s=2)
    return changed(with_clip, 3, still=None, duration_s=4)


def packed(folder: Path, found: ExportBoard) -> ZipFile:
    path = folder / "board.zip"
    heard: list[float] = []
    BoardArchive().write(board=found, options=ExportOptions(), path=path, hear=heard.append)
    assert (heard[-1], heard) == (1.0, sorted(heard))
    return ZipFile(path)


def timeline(archive: ZipFile) -> otio.schema.Timeline:
    return otio.adapters.read_from_string(archive.read("board.otio").decode(), "otio_json")


def test_the_archive_has_every_file_under_its_number(tmp_path: Path, found: ExportBoard) -> None:
    archive = packed(tmp_path, found)

    assert archive.testzip() is None
    assert sorted(archive.namelist()) == [
        "board.otio", "clips/001.mp4", "frames/001.png", "frames/002.png", "shot-list.csv",
        "shot-list.json",
    ]  # fmt: skip
    assert archive.read("clips/001.mp4") == (tmp_path / "clip.mp4").read_bytes()
    assert archive.read("frames/002.png") == (tmp_path / "still-2.png").read_bytes()
    assert archive.getinfo("frames/002.png").compress_type == ZIP_STORED


def test_the_shot_list_says_the_same_in_both_forms(tmp_path: Path, found: ExportBoard) -> None:
    archive = packed(tmp_path, found)

    rows = list(csv.DictReader(io.StringIO(archive.read("shot-list.csv").decode("utf-8-sig"))))
    shots = json.loads(archive.read("shot-list.json"))["shots"]

    assert [row["number"] for row in rows] == [str(shot["number"]) for shot in shots]
    for name in ("scene", "description", "dialogue", "tool"):
        assert [row[name] for row in rows] == [shot[name] for shot in shots]
    assert rows[0]["cost"] == "1 image, 50 video credits"
    assert shots[0]["cost"] == {"image": 1, "video": 50}
    assert (shots[0]["clip"], shots[2]["frame"], rows[2]["frame"]) == ("clips/001.mp4", None, "")


def test_a_text_that_a_table_program_would_run_is_made_harmless(tmp_path: Path) -> None:
    found = changed(board(tmp_path), 1, description="=HYPERLINK(1)", dialogue="- no")

    (row, *_) = csv.DictReader(io.StringIO(shot_list_csv(found)[1:]))

    assert (row["description"], row["dialogue"]) == ("'=HYPERLINK(1)", "'- no")


def test_the_timeline_has_the_lengths_of_the_board(tmp_path: Path, found: ExportBoard) -> None:
    read = timeline(packed(tmp_path, found))

    (track,) = read.tracks
    items = [(type(item).__name__, item.duration().value) for item in track]
    assert read.duration() == otio.opentime.RationalTime(7 * 24, 24)
    assert items == [("Clip", 36), ("Gap", 12), ("Clip", 24), ("Clip", 96)]
    assert {item.duration().rate for item in track} == {24}
    starts = [(marker.name, marker.marked_range.start_time.value) for marker in track.markers]
    assert starts == [("INT. TOWER - DUSK", 0), ("EXT. CLIFF - NIGHT", 72)]


def test_a_scene_without_frames_leaves_no_trace(tmp_path: Path) -> None:
    found = board(tmp_path, frames=2)

    (track,) = timeline(packed(tmp_path, found)).tracks

    assert [marker.name for marker in track.markers] == ["INT. TOWER - DUSK"]


def test_the_timeline_names_media_that_are_in_the_archive(
    tmp_path: Path, found: ExportBoard
) -> None:
    archive = packed(tmp_path, found)

    clips = list(timeline(archive).find_clips())
    urls = [getattr(each.media_reference, "target_url", None) for each in clips]

    assert urls == ["clips/001.mp4", "frames/002.png", None]
    assert set(filter(None, urls)) <= set(archive.namelist())
    assert clips[0].available_range().duration.value == 36
    assert isinstance(clips[2].media_reference, otio.schema.MissingReference)
    assert clips[1].metadata["mutoscope"]["description"] == "Shot 2: the keeper climbs."


def test_the_same_board_is_the_same_file(tmp_path: Path, found: ExportBoard) -> None:
    contents = set()
    for _ in range(2):
        packed(tmp_path, found)
        contents.add((tmp_path / "board.zip").read_bytes())

    assert len(contents) == 1


def test_what_is_stopped_ends_at_once(tmp_path: Path, found: ExportBoard) -> None:
    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        BoardArchive().write(
            board=found, options=ExportOptions(), path=tmp_path / "board.zip", hear=stop
        )
