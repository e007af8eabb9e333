"""A storyboard on paper has every frame, the chosen facts, and no letter that cannot be read."""

from dataclasses import replace
from pathlib import Path

import pytest
from pypdf import PdfReader

from board_fixture import board, changed
from mutoscope.app.export_board import (
    BadExport,
    ExportBoard,
    ExportOptions,
    Field,
    cost_words,
    read_options,
)
from mutoscope.documents.letters import FontMissing, replacements
from mutoscope.documents.storyboard_pdf import StoryboardPdf


def printed(folder: Path, found: ExportBoard, **options: object) -> PdfReader:
    path = folder / "board.pdf"
    heard: list[float] = []
    StoryboardPdf(fonts=folder / "none").write(
        board=found, options=ExportOptions(**options), path=path, hear=heard.append
    )
    assert (heard[-1], heard) == (1.0, sorted(heard))
    assert [each for each in folder.iterdir() if each.is_dir()] == []
    return PdfReader(path)


def words(reader: PdfReader) -> str:
    return " ".join(page.extract_text() for page in reader.pages)


@pytest.mark.parametrize(("grid", "pages"), [("2x2", 3), ("2x3", 2), ("3x3", 2), ("list", 2)])
def test_every_frame_has_its_place_on_the_right_page(tmp_path: Path, grid: str, pages: int) -> None:
    reader = printed(tmp_path, board(tmp_path, frames=10), grid=grid)

    text = words(reader)
    assert len(reader.pages) == pages
    assert [n for n in range(1, 11) if f"Shot {n}: the keeper climbs." not in text] == []
    assert sum(len(page.images) for page in reader.pages) == 10
    assert "INT. TOWER - DUSK" in text
    assert "10 frames, 10 seconds" in text
    assert reader.metadata is not None
    assert reader.metadata.title == "The Lighthouse"


def sizes(reader: PdfReader) -> list[tuple[float, float]]:
    """Return how wide and high the pictures of the first page are, in points."""
    found: list[tuple[float, float]] = []

    def note(operator: bytes, _arguments: object, matrix: list[float], _text: object) -> None:
        if operator == b"Do":
            found.append((abs(matrix[0]), abs(matrix[3])))

    reader.pages[0].extract_text(visitor_operand_before=note)
    return found


@pytest.mark.parametrize(("grid", "count", "width"), [("2x2", 4, 340), ("2x3", 6, 240)])
def test_pictures_are_as_large_as_their_words_allow(
    tmp_path: Path, grid: str, count: int, width: float
) -> None:
    found = board(tmp_path, frames=count)
    long = changed(found, 1, description="The keeper climbs. " * 16)

    large, small = (sizes(printed(tmp_path, each, grid=grid)) for each in (found, long))

    assert len(large) == len(small) == count
    assert min(wide for wide, _ in large) > width
    assert all(wide / high == pytest.approx(16 / 9, rel=0.01) for wide, high in (*large, *small))
    assert max(wide for wide, _ in small) < min(wide for wide, _ in large) or grid == "2x3"


def test_only_the_chosen_fields_are_printed(tmp_path: Path) -> None:
    found = changed(board(tmp_path), 1, dialogue="Who goes there?")

    all_of_them = words(printed(tmp_path, found))
    few = words(printed(tmp_path, found, fields=(Field.NUMBER, Field.DIALOGUE)))

    for told in ("the keeper climbs", "Kling Pro", "1 image, 50 video credits", "1 s"):
        assert told in all_of_them
        assert told not in few
    assert "Who goes there?" in few


def test_a_frame_without_a_picture_says_so(tmp_path: Path) -> None:
    reader = printed(tmp_path, changed(board(tmp_path), 2, still=None, description=""))

    assert "no picture yet" in words(reader)
    assert sum(len(page.images) for page in reader.pages) == 2


def test_a_grid_shortens_a_long_text_and_a_list_does_not(tmp_path: Path) -> None:
    long = "word " * 700
    found = changed(board(tmp_path), 1, description=f"{long}end")

    grid = words(printed(tmp_path, found, grid="2x3"))
    whole = printed(tmp_path, found, grid="list")

    assert ("end" in grid.split(), "…" in grid) == (False, True)
    assert "end" in words(whole).split()


def test_what_is_printed_is_text_and_never_run(tmp_path: Path) -> None:
    found = replace(board(tmp_path), title='#panic("boo") $x$ *bold* \\ "quoted"')

    assert '#panic("boo") $x$ *bold*' in words(printed(tmp_path, found))


def test_letters_without_a_font_are_refused_and_other_signs_boxed(tmp_path: Path) -> None:
    fonts = tmp_path / "none"

    assert replacements(["plain café → Привет Ωmega"], fonts=fonts) == {}
    assert replacements(["\U0001fae8"], fonts=fonts) == {0x1FAE8: "\u25a1"}
    with pytest.raises(FontMissing, match="Noto Sans CJK") as refused:
        printed(tmp_path, changed(board(tmp_path), 1, description="\U00020000 at dusk"))

    assert refused.value.letters == "\U00020000"
    assert "\u25a1" in words(printed(tmp_path, changed(board(tmp_path), 1, dialogue="\U0001fae8")))


def test_the_same_board_is_the_same_file(tmp_path: Path) -> None:
    found = board(tmp_path)
    contents = set()
    for _ in range(2):
        printed(tmp_path, found)
        contents.add((tmp_path / "board.pdf").read_bytes())

    assert len(contents) == 1


def test_options_are_read_as_they_were_stored() -> None:
    options = ExportOptions(grid="list", fields=(Field.NUMBER, Field.COST), has_titles=True)

    assert read_options(options.plain()) == options
    assert read_options({"fields": ["cost", "number"]}).fields == (Field.NUMBER, Field.COST)
    for bad in ({"grid": "9x9"}, {"fields": ["price"]}):
        with pytest.raises(BadExport, match="choose of"):
            read_options(bad)


@pytest.mark.parametrize(
    ("cost", "told"),
    [({}, ""), ({"image": 1}, "1 image credit"), ({"image": 2}, "2 image credits"),
     ({"video": 50, "image": 1}, "1 image, 50 video credits"), ({"image": 0}, "")],
)  # fmt: skip
def test_a_cost_is_told_by_kind(cost: dict[str, int], told: str) -> None:
    assert cost_words(cost) == told
