"""The marks burnt into every output: the engine's name, and a caption when one is asked."""

from PIL import Image, ImageDraw, ImageFont

from mutoscope.providers.local.canvas import Size

LABEL = "Built-in engine"

_LABEL_SHARE = 0.024  # of the picture's height
_CAPTION_SHARE = 0.05
_MARGIN_SHARE = 0.03


def overlay(*, size: Size, caption: str) -> Image.Image:
    """Draw the marks of a picture on nothing, to be pasted over it."""
    sheet = Image.new("RGBA", size)
    draw = ImageDraw.Draw(sheet)
    margin = size.height * _MARGIN_SHARE
    font = ImageFont.load_default(max(size.height * _LABEL_SHARE, 6))
    corner = (size.width - margin, size.height - margin)
    draw.text((corner[0] + 1, corner[1] + 1), LABEL, font=font, anchor="rs", fill=(0, 0, 0, 110))
    draw.text(corner, LABEL, font=font, anchor="rs", fill=(255, 255, 255, 165))
    if caption:
        _draw_caption(draw, size, caption)
    return sheet


def marked(*, picture: Image.Image, caption: str) -> Image.Image:
    """Return a picture with its marks burnt in."""
    marks = overlay(size=Size(*picture.size), caption=caption)
    burnt = picture.copy()
    burnt.paste(marks, (0, 0), marks)
    return burnt


def _draw_caption(draw: ImageDraw.ImageDraw, size: Size, caption: str) -> None:
    tall = max(size.height * _CAPTION_SHARE, 7)
    wide = draw.textlength(caption, font=ImageFont.load_default(tall))
    font = ImageFont.load_default(max(tall * min(1.0, 0.86 * size.width / wide), 6))
    centre = (size.width / 2, size.height * 0.915)
    draw.text(
        centre, caption, font=font, anchor="ms", fill=(255, 250, 240, 245),
        stroke_width=max(round(tall / 16), 1), stroke_fill=(0, 0, 0, 150),
    )  # fmt: skip
