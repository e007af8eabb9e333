"""Pixels as floats: masks, gradients, glows, noise and blur.

Owns the coordinates: everything is measured in picture heights, x from the left edge and y
from the top, so that a scene looks the same at every size. Pixels are display values from 0 to
1 that may exceed 1 where light is; the finish rolls them off. `lay` and `shine` change the
pixels they are given, everything else returns new values. The surprising choice: each colour of
`empty` pixels lies by itself in memory, and is painted by itself, which takes half the time.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Floats = npt.NDArray[np.floating[Any]]
Point = tuple[float, float]
Colour = tuple[float, float, float]

_BLUR_PIXELS = 2.5  # a wider blur is made on a smaller copy, where nobody sees it
_PIXELS_PER_CELL = 3  # fewer would blur the finest noise
CHANNELS = 3  # red, green and blue
SUPERSAMPLES = 2  # masks are drawn twice as large, then averaged: smooth edges at low cost


class Size(NamedTuple):
    """The size of a picture in pixels."""

    width: int
    height: int

    @property
    def aspect(self) -> float:
        """Tell the width in heights."""
        return self.width / self.height


class Area(NamedTuple):
    """A rectangle of pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Return the rows and columns of the area."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, reach: int, size: Size) -> "Area":
        """Return the area and what lies within a reach of it, inside a picture."""
        return Area(
            max(self.left - reach, 0),
            max(self.top - reach, 0),
            min(self.right + reach, size.width),
            min(self.bottom + reach, size.height),
        )


def colour(code: str) -> Colour:
    """Read a colour written as six hexadecimal digits."""
    red, green, blue = (int(code[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue


def mix(source: Colour, target: Colour, share: float) -> Colour:
    """Blend two colours; share 0 is the source, 1 the target."""
    red, green, blue = (a + (b - a) * share for a, b in zip(source, target, strict=True))
    return red, green, blue


def dim(source: Colour, factor: float) -> Colour:
    """Multiply a colour."""
    return source[0] * factor, source[1] * factor, source[2] * factor


def empty(size: Size) -> Floats:
    """Return black pixels."""
    return np.zeros((CHANNELS, size.height, size.width), dtype=np.float32).transpose(1, 2, 0)


def size_of(pixels: Floats) -> Size:
    """Tell the size of a picture or mask."""
    return Size(pixels.shape[1], pixels.shape[0])


def rows(size: Size) -> Floats:
    """Return the y of every row, as a column."""
    return ((np.arange(size.height, dtype=np.float32) + 0.5) / size.height)[:, None]


def columns(size: Size) -> Floats:
    """Return the x of every column, as a row."""
    return ((np.arange(size.width, dtype=np.float32) + 0.5) / size.height)[None, :]


def step(values: Floats, low: float, high: float) -> Floats:
    """Rise smoothly from 0 at `low` to 1 at `high` (which may be the smaller)."""
    share: Floats = values - low  # from here in place: large arrays cost more to make than to fill
    share /= high - low
    np.clip(share, 0, 1, out=share)
    risen: Floats = share * share
    share *= -2
    share += 3
    risen *= share
    return risen.astype(np.float32, copy=False)


def gradient(size: Size, stops: Sequence[tuple[float, Colour]]) -> Floats:
    """Blend colours down the picture: a column of (y, colour) stops."""
    heights = rows(size)[:, 0]
    at = [y for y, _ in stops]
    channels = [np.interp(heights, at, [tint[c] for _, tint in stops]) for c in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)[:, None, :]


def cover(size: Size, polygons: Iterable[Sequence[Point]]) -> Floats:
    """Return how much of each pixel the polygons cover, from 0 to 1."""
    shapes = list(polygons)
    area = _bounds(size, (point for shape in shapes for point in shape), margin=0)
    sheet, draw, place = _sheet(size, area)
    for shape in shapes:
        draw.polygon(place(shape), fill=255)
    return _averaged(sheet, size, area)


def strokes(size: Size, lines: Iterable[tuple[Sequence[Point], float]]) -> Floats:
    """Return how much of each pixel the lines cover; each is its points and its thickness."""
    drawn = list(lines)
    margin = max((thickness for _, thickness in drawn), default=0)
    area = _bounds(size, (point for points, _ in drawn for point in points), margin=margin)
    sheet, draw, place = _sheet(size, area)
    for points, thickness in drawn:
        width = max(round(thickness * size.height * SUPERSAMPLES), 1)
        draw.line(place(points), fill=255, width=width, joint="curve")
    return _averaged(sheet, size, area)


def _bounds(size: Size, points: Iterable[Point], *, margin: float) -> Area:
    """Return the pixels that points may touch, at least one."""
    spots = np.asarray(list(points) or [(0.0, 0.0)]) * size.height
    reach = margin * size.height + 1
    low, high = spots.min(axis=0) - reach, spots.max(axis=0) + reach
    left, top = (min(max(int(edge), 0), limit - 1) for edge, limit in zip(low, size, strict=True))
    right = min(max(int(high[0]) + 1, left + 1), size.width)
    bottom = min(max(int(high[1]) + 1, top + 1), size.height)
    return Area(left, top, right, bottom)


def _sheet(
    size: Size, area: Area
) -> tuple[Image.Image, ImageDraw.ImageDraw, Callable[[Sequence[Point]], list[Point]]]:
    wide, tall = area.right - area.left, area.bottom - area.top
    sheet = Image.new("L", (wide * SUPERSAMPLES, tall * SUPERSAMPLES))
    scale = size.height * SUPERSAMPLES
    left, top = area.left * SUPERSAMPLES, area.top * SUPERSAMPLES

    def place(points: Sequence[Point]) -> list[Point]:
        return [(x * scale - left, y * scale - top) for x, y in points]

    return sheet, ImageDraw.Draw(sheet), place


def _averaged(sheet: Image.Image, size: Size, area: Area) -> Floats:
    mask = np.zeros((size.height, size.width), dtype=np.float32)
    mask[area.slices] = np.asarray(sheet.reduce(SUPERSAMPLES), dtype=np.float32) / 255
    return mask


def _used(mask: Floats) -> Area:
    """Return the smallest area outside of which a mask is empty."""
    down, across = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not down.size:
        return Area(0, 0, 0, 0)
    return Area(int(across[0]), int(down[0]), int(across[-1]) + 1, int(down[-1]) + 1)


def lay(pixels: Floats, mask: Floats, tint: Colour | Floats) -> None:
    """Lay a colour, or a picture of colours, over the pixels where the mask is."""
    area = _used(mask)
    colours = np.asarray(tint, dtype=np.float32)
    if colours.ndim > 1:
        lines = slice(None) if colours.shape[0] == 1 else area.slices[0]
        places = slice(None) if colours.shape[1] == 1 else area.slices[1]
        colours = colours[lines, places]
    part, covered = pixels[area.slices], mask[area.slices]
    for channel in range(CHANNELS):
        plane = part[..., channel]
        plane += (colours[..., channel] - plane) * covered


def shine(pixels: Floats, light: Floats, tint: Colour, strength: float = 1.0) -> None:
    """Add coloured light to the pixels."""
    area = _used(light)
    colours = np.asarray(tint, dtype=np.float32) * np.float32(strength)
    part, beam = pixels[area.slices], light[area.slices]
    for channel in range(CHANNELS):
        part[..., channel] += beam * colours[channel]


def glow(size: Size, centre: Point, radius: float, power: float = 2.0) -> Floats:
    """Return light that falls off around a point; `radius` is where it is down to a half."""
    across = (columns(size) - centre[0]) / radius
    down = (rows(size) - centre[1]) / radius
    return (1 / (1 + (across * across + down * down) ** (power / 2))).astype(np.float32)


def blur(mask: Floats, radius: float) -> Floats:
    """Soften a mask; the radius is in heights."""
    softened = np.zeros_like(mask)
    area = _used(mask)
    reach = round(3 * radius * mask.shape[0]) + 1
    wide = area.grown(reach, size_of(mask))
    sheet = Image.fromarray((np.clip(mask[wide.slices], 0, 1) * 255).astype(np.uint8))
    pixels = radius * mask.shape[0]
    share = next((share for share in (4, 2) if pixels > share * _BLUR_PIXELS), 1)
    soft = sheet.reduce(share).filter(ImageFilter.GaussianBlur(pixels / share))
    soft = soft if share == 1 else soft.resize(sheet.size, Image.Resampling.BILINEAR)
    softened[wide.slices] = np.asarray(soft, dtype=np.float32) / 255
    return softened


def defocus(pixels: Floats, radius: float) -> Floats:
    """Soften a picture as a lens does; bright points swell into discs."""
    small = size_of(pixels)
    sheet = Image.fromarray((np.clip(pixels / 1.6, 0, 1) ** 0.8 * 255).astype(np.uint8))
    half = sheet.resize((max(small.width // 2, 1), max(small.height // 2, 1)), Image.Resampling.BOX)
    soft = half.filter(ImageFilter.GaussianBlur(radius * half.height))
    full = soft.resize((small.width, small.height), Image.Resampling.BICUBIC)
    levels = (np.arange(256, dtype=np.float32) / 255) ** np.float32(1.25) * np.float32(1.6)
    return np.take(levels, np.asarray(full))


def enlarge(grid: Floats, size: Size) -> Floats:
    """Stretch a small grid of values smoothly over a picture."""
    sheet = Image.fromarray(grid)
    return np.asarray(sheet.resize(size, Image.Resampling.BICUBIC), dtype=np.float32)


def shifted(mask: Floats, *, across: int = 0, down: int = 0) -> Floats:
    """Move a mask by whole pixels; its edges stretch to fill what opens."""
    height, width = mask.shape[:2]
    lines = np.clip(np.arange(height) - down, 0, height - 1)
    places = np.clip(np.arange(width) - across, 0, width - 1)
    return mask.take(lines, axis=0).take(places, axis=1)


def clouded(
    dice: np.random.Generator, size: Size, cells: float, *, octaves: int = 4, stretch: float = 1.0
) -> Floats:
    """Return fractal noise from 0 to 1: `cells` a height, each octave twice as fine."""
    small = _enough(size, finest=cells * 2 ** (octaves - 1) * max(1 / stretch, 1))
    total = np.zeros((small.height, small.width), dtype=np.float32)
    weight = 1.0
    for octave in range(octaves):
        down = max(round(cells * 2**octave), 2)
        across = max(round(cells * 2**octave * size.aspect / stretch), 2)
        grid = dice.random((down + 1, across + 1), dtype=np.float32)
        total += enlarge(grid, small) * np.float32(weight)
        weight *= 0.5
    total = np.clip(total / np.float32(2 - 2 * weight), 0, 1)
    return total if small == size else enlarge(total, size)


def _enough(size: Size, *, finest: float) -> Size:
    """Return the smallest part of a size, down to a quarter, that still shows the finest noise."""
    for share in (4, 2):
        if size.height / share > finest * _PIXELS_PER_CELL:
            return Size(size.width // share, size.height // share)
    return size


def rough(dice: np.random.Generator, count: int, *, cells: int, decay: float = 0.5) -> Floats:
    """Return a rough line of `count` heights, about -1 to 1; each octave is `decay` of the last."""
    places = np.linspace(0, 1, count)
    total = np.zeros(count)
    weight, knots = 1.0, cells
    while knots < count:
        ends = np.linspace(0, 1, knots + 1)
        total += weight * np.interp(places, ends, dice.uniform(-1, 1, knots + 1))
        weight *= decay
        knots *= 2
    return total.astype(np.float32)


def smooth(points: Sequence[Point], *, fineness: int = 8) -> list[Point]:
    """Draw a closed curve through points (Catmull-Rom)."""
    corners = np.asarray(points)
    before, after = np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0)
    beyond = np.roll(corners, -2, axis=0)
    curve: list[Point] = []
    steps = np.arange(fineness) / fineness
    for a, b, c, d in zip(before, corners, after, beyond, strict=True):
        for t in steps:
            spot = 0.5 * (
                2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2
                + (3 * b - a - 3 * c + d) * t**3
            )  # fmt: skip
            curve.append((float(spot[0]), float(spot[1])))
    return curve


def ellipse(centre: Point, across: float, down: float, *, corners: int = 36) -> list[Point]:
    """Return the outline of an ellipse with these half axes."""
    turns = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return [
        (centre[0] + across * float(np.cos(turn)), centre[1] + down * float(np.sin(turn)))
        for turn in turns
    ]


def box(left: float, top: float, right: float, bottom: float) -> list[Point]:
    """Return the corners of a rectangle."""
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def under(line: Floats, *, width: float, floor: float = 1.1) -> list[Point]:
    """Return the area under a line of heights that spans the width."""
    xs = np.linspace(-0.01, width + 0.01, len(line))
    top = [(float(x), float(y)) for x, y in zip(xs, line, strict=True)]
    return [*top, (width + 0.01, floor), (-0.01, floor)]
