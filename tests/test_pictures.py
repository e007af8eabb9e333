"""A picture that somebody brings has one outcome: taken in upright and bare, or refused by name."""

import io
import zlib
from struct import pack

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from mutoscope.assets import pictures
from mutoscope.assets.pictures import (
    NotAPicture,
    PictureAnimated,
    PictureRefused,
    PictureTooLarge,
    PictureTooSmall,
    PictureTruncated,
    taken_in,
)

TURNED_LEFT = 6  # what a camera held upright notes; the tag of it is 0x0112


def written(picture: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def halves(mode: str = "RGB") -> Image.Image:
    """Return a picture whose left half is red."""
    picture = Image.new("RGB", (64, 32), "white")
    picture.paste("red", (0, 0, 32, 32))
    return picture.convert(mode)


def read(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def huge_png(width: int, height: int) -> bytes:
    """Return a small file whose header promises many pixels."""

    def piece(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    header = pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 100_000)
    pieces = piece(b"IHDR", header) + piece(b"IDAT", data) + piece(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + pieces


@pytest.mark.parametrize("form", ["PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_a_picture_without_losses_stays_one(form: str) -> None:
    found = taken_in(written(halves(), form, **({"lossless": True} if form == "WEBP" else {})))

    assert (found.media_type, found.width, found.height) == ("image/png", 64, 32)
    assert read(found.content).convert("RGB").getpixel((10, 10)) == (255, 0, 0)


def test_a_photograph_stands_upright_and_tells_nothing_of_its_camera() -> None:
    exif = Image.Exif()
    exif[0x0112] = TURNED_LEFT
    exif[0x010F] = "A camera"

    found = taken_in(written(halves(), "JPEG", exif=exif, quality=100))

    upright = read(found.content)
    assert (found.media_type, upright.size) == ("image/jpeg", (32, 64))
    assert (found.width, found.height) == upright.size
    red, green, _ = upright.getpixel((16, 5))
    assert (red > 200, green < 60) == (True, True)
    assert not dict(upright.getexif())
    assert b"A camera" not in found.content


def test_notes_in_a_picture_are_left_behind() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "taken at home")

    found = taken_in(written(halves(), "PNG", pnginfo=notes))

    assert b"taken at home" not in found.content


def test_ink_colours_become_those_of_a_screen() -> None:
    found = taken_in(written(halves("CMYK"), "JPEG", quality=100))

    assert read(found.content).mode == "RGB"
    red, green, _ = read(found.content).getpixel((10, 10))
    assert (red > 200, green < 60) == (True, True)


def test_a_profile_is_applied_and_removed() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    fitting = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))

    for each in (profile, fitting):  # one that does not fit the pixels, and one that does
        found = taken_in(written(halves(), "PNG", icc_profile=each.tobytes()))

        assert "icc_profile" not in read(found.content).info
        assert read(found.content).getpixel((10, 10)) == (255, 0, 0)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_stays(mode: str) -> None:
    picture = Image.new("RGBA", (32, 32), (255, 0, 0, 0)).convert(mode)

    assert read(taken_in(written(picture, "PNG")).content).mode == "RGBA"


def test_transparency_stays_beside_a_profile() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Image.new("RGBA", (32, 32), (255, 0, 0, 7))

    found = read(taken_in(written(picture, "PNG", icc_profile=profile)).content)

    assert (found.mode, found.getpixel((1, 1))) == ("RGBA", (255, 0, 0, 7))


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16"])
def test_few_or_many_shades_become_ordinary_ones(mode: str) -> None:
    assert read(taken_in(written(Image.new(mode, (32, 32)), "PNG")).content).mode == "RGB"


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", NotAPicture),
        (b"%PDF-1.7 no picture", NotAPicture),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", NotAPicture),
        (huge_png(10_001, 16), PictureTooLarge),
        (huge_png(9_000, 9_000), PictureTooLarge),
        (huge_png(100_000, 100_000), PictureTooLarge),
        (huge_png(2_000, 2_000), PictureTruncated),
        (written(halves(), "PNG")[:-30], PictureTruncated),
        (written(halves(), "JPEG")[:-200], PictureTruncated),
        (written(Image.new("RGB", (15, 600)), "PNG"), PictureTooSmall),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    content: bytes, refusal: type[PictureRefused]
) -> None:
    with pytest.raises(refusal) as refused:
        taken_in(content)

    assert type(refused.value) is refusal
    assert ": " in str(refused.value)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_a_picture_that_moves_is_refused(form: str) -> None:
    moving = written(
        halves(), form, save_all=True, append_images=[Image.new("RGB", (64, 32), "blue")]
    )

    with pytest.raises(PictureAnimated, match="2 pictures: bring a still"):
        taken_in(moving)


def test_a_file_with_too_many_bytes_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    content = written(halves(), "PNG")
    monkeypatch.setattr(pictures, "PICTURE_BYTES_MAX", len(content) - 1)

    with pytest.raises(PictureTooLarge, match="bytes"):
        taken_in(content)


def test_a_picture_at_the_limit_is_taken_in() -> None:
    found = taken_in(written(Image.new("1", (10_000, 16)), "PNG"))

    assert (found.width, found.height) == (10_000, 16)
