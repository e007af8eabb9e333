"""Pictures that people bring: judged, turned upright, and kept without what the camera noted.

Invariant: what comes out is one still in sRGB, JPEG or PNG, within the limits, with no metadata.
The size that the header tells is judged before a pixel is decoded.
"""

import io
import warnings
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from mutoscope.domain.credits import Refusal

PICTURE_BYTES_MAX: Final = 32 * 1024 * 1024
SIDE_MAX: Final = 10_000
PIXELS_MAX: Final = 64_000_000
"""About 200 MB when decoded; no tool takes more than a sixth of it."""

SIDE_LEAST: Final = 16
"""Less is no picture that a tool could start from."""

FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
JPEG_QUALITY: Final = 95
_TRANSPARENT: Final = frozenset({"RGBA", "LA", "PA", "La", "RGBa"})
_SRGB: Final = ImageCms.createProfile("sRGB")


class PictureRefused(Refusal):
    """A file that cannot be used as a picture; each reason is a class of its own."""

    def __init__(self, *, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}: {remedy}")
        self.reason = reason


class NotAPicture(PictureRefused):
    """A file of another kind."""

    code = "not_a_picture"

    def __init__(self) -> None:
        super().__init__(
            reason="this is no picture", remedy="bring a JPEG, PNG, WebP, GIF, BMP or TIFF file"
        )


class PictureTruncated(PictureRefused):
    """A picture of which a part is missing or damaged."""

    code = "picture_truncated"

    def __init__(self) -> None:
        super().__init__(
            reason="the picture is not whole", remedy="copy or export it again from its source"
        )


class PictureAnimated(PictureRefused):
    """A moving picture, or a file with many pages."""

    code = "picture_animated"

    def __init__(self, *, frames: int) -> None:
        super().__init__(
            reason=f"the file has {frames} pictures", remedy="bring a still with one picture"
        )
        self.frames = frames


class PictureTooLarge(PictureRefused):
    """A picture beyond what is taken, by its bytes or its pixels."""

    code = "picture_too_large"

    def __init__(self, *, found: str) -> None:
        super().__init__(
            reason=f"the picture has {found}",
            remedy=(
                f"bring at most {SIDE_MAX:,} pixels a side, {PIXELS_MAX // 1_000_000} million in "
                f"all, {PICTURE_BYTES_MAX // 1_048_576} MiB"
            ),
        )


class PictureTooSmall(PictureRefused):
    """A picture with too few pixels to start from."""

    code = "picture_too_small"

    def __init__(self, *, width: int, height: int) -> None:
        super().__init__(
            reason=f"the picture has {width} x {height} pixels",
            remedy=f"bring at least {SIDE_LEAST} a side",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture that was taken in: its content, and its size as it stands upright."""

    content: bytes
    media_type: str
    width: int
    height: int

    @property
    def suffix(self) -> str:
        """Return the end of a file's name."""
        return ".jpg" if self.media_type == "image/jpeg" else ".png"


def taken_in(content: bytes) -> Picture:
    """Return an uploaded picture as it is kept.

    :raises PictureTooLarge: when it has too many bytes or pixels.
    :raises NotAPicture: when it is of another kind.
    :raises PictureAnimated: when it moves or has pages.
    :raises PictureTooSmall: when it is hardly there.
    :raises PictureTruncated: when it is damaged.
    """
    if len(content) > PICTURE_BYTES_MAX:
        raise PictureTooLarge(found=f"{len(content):,} bytes")
    picture = _announced(content)
    has_losses = picture.format == "JPEG"
    try:
        _refuse_moving(picture)
        picture.load()
        upright = _in_srgb(ImageOps.exif_transpose(picture))
    except (OSError, EOFError, SyntaxError, ValueError) as error:
        raise PictureTruncated from error
    return _written(upright, has_losses=has_losses)


def _announced(content: bytes) -> Image.Image:
    """Return a picture of which the header alone was read, and judged."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the limits are ours, below
            picture = Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise PictureTooLarge(found="far more pixels than a picture") from error
    except UnidentifiedImageError as error:
        raise NotAPicture from error
    except (OSError, SyntaxError, ValueError) as error:
        raise PictureTruncated from error
    width, height = picture.size
    if max(width, height) > SIDE_MAX or width * height > PIXELS_MAX:
        raise PictureTooLarge(found=f"{width:,} x {height:,} pixels")
    if min(width, height) < SIDE_LEAST:
        raise PictureTooSmall(width=width, height=height)
    return picture


def _refuse_moving(picture: Image.Image) -> None:
    frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        raise PictureAnimated(frames=frames)


def _in_srgb(picture: Image.Image) -> Image.Image:
    """Return a picture in the colours that every screen and tool expects."""
    is_transparent = picture.mode in _TRANSPARENT or "transparency" in picture.info
    mode = "RGBA" if is_transparent else "RGB"
    profile = picture.info.get("icc_profile")
    if profile and picture.mode in {"RGB", "RGBA", "CMYK", "L"}:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            found = ImageCms.profileToProfile(picture, source, _SRGB, outputMode="RGB")
        except ImageCms.PyCMSError:
            return picture.convert(mode)  # a profile that does not fit: the plain conversion
        if found is not None and not is_transparent:
            return found
    return picture.convert(mode)


def _written(picture: Image.Image, *, has_losses: bool) -> Picture:
    """Return a picture as a file of its pixels alone."""
    bare = Image.new(picture.mode, picture.size)
    bare.paste(picture)
    file = io.BytesIO()
    if has_losses:
        bare.save(file, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    else:
        bare.save(file, "PNG")
    media_type = "image/jpeg" if has_losses else "image/png"
    return Picture(
        content=file.getvalue(), media_type=media_type, width=bare.width, height=bare.height
    )
