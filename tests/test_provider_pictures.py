"""What travels and what arrives: stills made alike, files measured by decoding them."""

from io import BytesIO
from pathlib import Path
from uuid import uuid4

import av
import numpy as np
import pytest
from PIL import Image

from mutoscope.app.ports import ErrorCode, Order, ProviderError
from mutoscope.assets import pictures as brought
from mutoscope.domain.fine_tune import sentence_of
from mutoscope.providers import probe
from mutoscope.providers.pictures import PIXELS_MAX, Still, nearest_ratio, prepared, see_through
from mutoscope.providers.probe import BrokenFile, measured
from mutoscope.providers.wording import KEEP, MASKED, asked
from mutoscope.simulators import pictures


def order(path: Path, **more: object) -> Order:
    asked = {
        "job_id": uuid4(), "tool": "any", "prompt": "A lamp.", "seed": 1, "width": 1280,
        "height": 720, "source_path": path, **more,
    }  # fmt: skip
    return Order(**asked)  # type: ignore[arg-type]


def sent(path: Path, *, bytes_max: int = 5_000_000) -> Still:
    still = prepared(order=order(path), bytes_max=bytes_max).source
    assert still is not None
    return still


def opened(still: Still) -> Image.Image:
    return Image.open(BytesIO(still.content))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "CMYK", "P", "L", "1", "LA", "I;16"])
def test_a_still_of_any_mode_travels_as_rgb(mode: str, tmp_path: Path) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    Image.new(mode, (300, 400)).save(path)

    still = sent(path)

    assert (opened(still).mode, opened(still).size) == ("RGB", (1280, 720))
    assert still.media_type == "image/png"


def test_a_still_is_turned_and_carries_no_metadata(tmp_path: Path) -> None:
    image = Image.new("RGB", (400, 300))
    image.paste((255, 255, 255), (0, 0, 400, 20))
    exif = Image.Exif()
    exif[0x0112] = 3
    image.save(tmp_path / "a.jpg", exif=exif, comment=b"secret place")

    still = opened(sent(tmp_path / "a.jpg"))

    assert not still.getexif()
    assert "comment" not in still.info
    assert still.getpixel((640, 10)) == (0, 0, 0)


def test_a_still_that_is_too_heavy_as_png_travels_as_jpeg(tmp_path: Path) -> None:
    Image.effect_noise((1280, 720), 90).save(tmp_path / "a.png")

    still = sent(tmp_path / "a.png", bytes_max=700_000)

    assert still.media_type == "image/jpeg"
    assert len(still.content) < 700_000


def refused_files(folder: Path) -> dict[str, Path]:
    paths = {name: folder / name for name in ("text.png", "cut.png", "moves.webp", "large.png")}
    paths["text.png"].write_text("no picture")
    paths["cut.png"].write_bytes(pictures.still(width=400, height=300)[:900])
    frames = [Image.new("RGB", (9, 9), (shade, 0, 0)) for shade in (0, 200)]
    frames[0].save(paths["moves.webp"], save_all=True, append_images=frames[1:])
    Image.new("1", (8_100, 8_100)).save(paths["large.png"])
    return {**paths, "missing": folder / "missing.png"}


@pytest.mark.parametrize("name", ["text.png", "cut.png", "moves.webp", "large.png", "missing"])
def test_what_is_no_still_is_refused_before_anything_is_sent(name: str, tmp_path: Path) -> None:
    path = refused_files(tmp_path)[name]

    with pytest.raises(ProviderError) as caught:
        sent(path)

    assert (caught.value.code, caught.value.permanent) == (ErrorCode.BAD_INPUT, True)


def test_a_picture_that_was_brought_is_never_too_large_to_be_sent() -> None:
    assert brought.PIXELS_MAX <= PIXELS_MAX


def test_a_mask_s_white_becomes_transparent(tmp_path: Path) -> None:
    mask = Image.new("L", (1280, 720))
    mask.paste(255, (0, 0, 640, 720))
    mask.save(tmp_path / "mask.png")
    asked = order(tmp_path / "mask.png", mask_path=tmp_path / "mask.png")

    made = prepared(order=asked, bytes_max=5_000_000)

    assert made.mask is not None
    clear = opened(see_through(made.mask))
    assert clear.getpixel((10, 10))[3] == 0  # type: ignore[index]
    assert clear.getpixel((1270, 10))[3] == 255  # type: ignore[index]


@pytest.mark.parametrize(
    ("size", "ratio"),
    [((1280, 720), "1280:720"), ((1920, 1080), "1920:1080"), ((9, 16), "720:1280"),
     ((800, 790), "960:960")],
)  # fmt: skip
def test_the_nearest_ratio_is_that_of_the_shape_then_of_the_size(
    size: tuple[int, int], ratio: str
) -> None:
    ratios = ("1280:720", "1920:1080", "720:1280", "960:960")
    wanted = order(Path(), width=size[0], height=size[1])

    assert nearest_ratio(order=wanted, ratios=ratios) == ratio


def test_a_clip_is_measured_on_its_frames(tmp_path: Path) -> None:
    path = tmp_path / "clip"
    path.write_bytes(pictures.clip(width=320, height=180, duration_s=1.5))

    output = measured(path=path, is_clip=True)

    assert (output.width, output.height, output.frames) == (320, 180, 36)
    assert output.duration_s == pytest.approx(1.5)
    assert output.media_type == "video/mp4"


@pytest.mark.parametrize("kept", [0, 8, 40, 1_000, 5_000])
def test_a_clip_that_breaks_off_is_broken(kept: int, tmp_path: Path) -> None:
    path = tmp_path / "clip"
    path.write_bytes(pictures.clip(width=320, height=180, duration_s=1.5)[:kept])

    with pytest.raises(BrokenFile):
        measured(path=path, is_clip=True)


@pytest.mark.parametrize("is_clip", [True, False])
def test_a_still_in_place_of_a_clip_is_broken(tmp_path: Path, *, is_clip: bool) -> None:
    still, clip = tmp_path / "still", tmp_path / "clip"
    still.write_bytes(pictures.still(width=64, height=64))
    clip.write_bytes(pictures.clip(width=320, height=180, duration_s=1.5))

    with pytest.raises(BrokenFile):
        measured(path=still if is_clip else clip, is_clip=is_clip)


def test_an_edit_is_told_with_what_was_changed_before(tmp_path: Path) -> None:
    edit = order(
        tmp_path, instruction="Make it night.", history=("Add a cat", "Remove the rain"),
        adjustments={"shot_size": "close_up", "exposure": 0.5},
    )  # fmt: skip

    assert asked(edit) == (
        "Already changed, keep it: Add a cat; Remove the rain. Make it night. "
        f"{sentence_of({'shot_size': 'close_up', 'exposure': 0.5})} {KEEP}"
    )
    assert asked(order(tmp_path)) == "A lamp."


def test_a_reference_keeps_its_shape_and_shrinks(tmp_path: Path) -> None:
    Image.new("RGB", (3_000, 1_000)).save(tmp_path / "a.png")
    wanted = order(tmp_path / "a.png", reference_paths=(tmp_path / "a.png",))

    (reference,) = prepared(order=wanted, bytes_max=5_000_000).references

    assert (reference.width, reference.height) == (1_920, 640)
    assert reference.data_uri.startswith("data:image/png;base64,iVBOR")


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_a_delivered_still_may_be_of_another_kind(kind: str, tmp_path: Path) -> None:
    Image.new("RGB", (64, 36)).save(tmp_path / "still", kind)

    output = measured(path=tmp_path / "still", is_clip=False)

    assert (output.media_type, output.width) == (f"image/{kind.lower()}", 64)


def test_a_delivered_still_beyond_the_limit_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "still").write_bytes(pictures.still(width=64, height=64))
    monkeypatch.setattr(probe, "PIXELS_MAX", 64 * 64 - 1)

    with pytest.raises(BrokenFile):
        measured(path=tmp_path / "still", is_clip=False)


def test_sound_alone_is_no_clip(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", 44_100)
        silence = np.zeros((1, 4_410), dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        frame.sample_rate = 44_100
        container.mux([*stream.encode(frame), *stream.encode()])

    with pytest.raises(BrokenFile):
        measured(path=path, is_clip=True)


def test_a_masked_edit_by_fields_alone_says_where(tmp_path: Path) -> None:
    edit = order(tmp_path, mask_path=tmp_path, adjustments={"time_of_day": "night"})

    assert asked(edit) == f"{sentence_of({'time_of_day': 'night'})} {MASKED}"
