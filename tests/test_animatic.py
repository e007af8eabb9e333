"""The animatic has exactly the seconds of its board, whatever its frames are made of."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from board_fixture import board, changed, clip, picture
from mutoscope.app.export_board import ExportBoard, ExportOptions
from mutoscope.documents.animatic import Animatic
from mutoscope.documents.motion import ClipUnreadable, boxed, contained, moving, playing
from mutoscope.providers.local.label import marked

Pixels = np.ndarray


def filmed(
    folder: Path, found: ExportBoard, *, has_titles: bool = False,
    hear: Callable[[float], None] = lambda _: None,
) -> Path:  # fmt: skip
    path = folder / "out" / "film.mp4"
    path.parent.mkdir(exist_ok=True)
    options = ExportOptions(has_titles=has_titles)
    Animatic(fonts=folder / "none").write(board=found, options=options, path=path, hear=hear)
    return path


def mark_of(shown: Image.Image) -> tuple[int, int, int, int]:
    """Return where a still is lighter than its teal."""
    found = shown.getchannel("R").point(lambda level: 255 * (level > 40)).getbbox()
    assert found is not None
    return found


def pictures(path: Path) -> list[Pixels]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_a_board_of_stills_is_a_film_of_its_seconds(tmp_path: Path) -> None:
    heard: list[float] = []
    path = filmed(tmp_path, changed(board(tmp_path), 2, duration_s=2), hear=heard.append)

    content = path.read_bytes()
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        form = (stream.codec_context.name, stream.pix_fmt, stream.width, stream.height)
        assert (form, stream.average_rate) == (("h264", "yuv420p", 1280, 720), 24)
    assert len(pictures(path)) == 4 * 24
    assert content.index(b"moov") < content.index(b"mdat")
    assert heard == pytest.approx([n / 96 for n in range(1, 97)])


def test_stills_move_gently(tmp_path: Path) -> None:
    seen = pictures(filmed(tmp_path, board(tmp_path)))

    first, later, next_one = (seen[at].astype(int) for at in (0, 23, 24))
    assert 0 < abs(first - later).mean() < 16
    assert abs(later - next_one).mean() > 20


@pytest.mark.parametrize(("count", "rate"), [(12, 24), (24, 24), (60, 24), (30, 30), (10, 10)])
def test_a_clip_is_cut_or_held_to_the_seconds_that_were_wanted(
    tmp_path: Path, count: int, rate: int
) -> None:
    film = clip(tmp_path / "clip.mp4", count=count, rate=rate)

    seen = pictures(filmed(tmp_path, changed(board(tmp_path), 1, clip=film, clip_s=count / rate)))

    levels = [int(each[300:400, 600:700].mean()) for each in seen[:24]]
    assert len(seen) == 72
    assert levels == sorted(levels)
    assert (levels[0] < 10, levels[-1] > levels[0]) == (True, True)


def test_a_clip_of_another_ratio_stands_in_black(tmp_path: Path) -> None:
    tall = picture(tmp_path / "tall.png", "white", (90, 160))

    (shown,) = pictures(filmed(tmp_path, changed(board(tmp_path), 1, still=tall)))[:1]

    assert shown[:, :400].max() < 12
    assert shown[300:400, 600:680].min() > 240
    assert contained((90, 160)) == (405, 720)


def test_a_frame_without_a_picture_is_a_slate_and_titles_stand_over_all(tmp_path: Path) -> None:
    found = changed(board(tmp_path), 2, still=None)

    plain = pictures(filmed(tmp_path, found))
    titled = pictures(filmed(tmp_path, found, has_titles=True))

    assert len(plain) == len(titled) == 72
    assert plain[30][:500].max() < 60
    assert plain[30][640:].max() > 200
    assert plain[0][640:].mean() > titled[0][640:].mean() + 20


def test_a_title_is_no_darker_where_a_clip_stands_still(tmp_path: Path) -> None:
    film = clip(tmp_path / "clip.mp4", count=2)

    seen = pictures(
        filmed(tmp_path, changed(board(tmp_path), 1, clip=film, clip_s=0.1), has_titles=True)
    )

    assert abs(seen[3].astype(int) - seen[23]).mean() < 2


def test_what_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    def stop(share: float) -> None:
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filmed(tmp_path, board(tmp_path), hear=stop)

    assert list((tmp_path / "out").iterdir()) == []


def test_a_large_still_is_made_smaller_before_it_moves() -> None:
    shown = list(moving(Image.new("RGB", (4_000, 2_250), "teal"), number=2, count=3))

    assert {each.size for each in shown} == {(1280, 720)}
    assert shown[0].getpixel((5, 5)) == (0, 128, 128)


@pytest.mark.parametrize(("number", "way"), [(1, -1), (3, 1)])
def test_a_move_to_a_side_is_seen(number: int, way: int) -> None:
    still = Image.new("RGB", (1280, 720), "teal")
    still.paste("white", (400, 100, 410, 600))

    first, *_, last = moving(still, number=number, count=24)

    began, ended = (mark_of(shown)[0] for shown in (first, last))
    assert 100 < (ended - began) * way < 200


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (1680, 720)])
@pytest.mark.parametrize("number", range(4))
def test_the_mark_of_a_still_is_whole_wherever_the_camera_goes(
    size: tuple[int, int], number: int
) -> None:
    still = marked(picture=Image.new("RGB", size, "teal"), caption="")
    width, height = contained(size)
    edge = ((1280 + width) // 2, (720 + height) // 2)
    wide = mark_of(boxed(still.resize((width, height))))

    for shown in moving(still, number=number, count=5):
        left, top, right, bottom = mark_of(shown)
        assert (right < edge[0], bottom < edge[1]) == (True, True)
        assert right - left >= wide[2] - wide[0] - 2
        assert bottom - top >= wide[3] - wide[1] - 2


def test_a_film_of_no_pictures_is_unreadable(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mkv"
    with av.open(str(empty), "w") as container:
        stream = container.add_stream("libx264", 24)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        container.start_encoding()

    with pytest.raises(ClipUnreadable):
        list(playing(empty, number=1, count=1))


def test_a_film_without_pictures_is_unreadable(tmp_path: Path) -> None:
    sound = tmp_path / "sound.mp4"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("aac", 44_100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), "fltp", "mono")
        frame.sample_rate = 44_100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    with pytest.raises(ClipUnreadable):
        list(playing(sound, number=1, count=1))


@pytest.mark.parametrize("content", [b"", b"no film at all"])
def test_a_clip_that_does_not_decode_is_told_by_its_number(tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / "clip.mp4"
    broken.write_bytes(content)

    with pytest.raises(ClipUnreadable, match="frame 2 does not decode: animate"):
        filmed(tmp_path, changed(board(tmp_path), 2, clip=broken, clip_s=1.0))

    assert list((tmp_path / "out").iterdir()) == []


def test_a_clip_gives_as_many_pictures_as_are_asked_for(tmp_path: Path) -> None:
    film = clip(tmp_path / "clip.mp4", count=30)

    for count in (1, 29, 30, 31, 100):
        assert len(list(playing(film, number=1, count=count))) == count
