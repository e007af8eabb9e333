"""Camera moves over a still: which part of it each frame shows.

Owns the paths. A view is a centre and a zoom in shares of the picture; zoom 1 shows the whole
picture, so no view ever leaves it. Every move eases in and out; a hand-held camera sways on
three slow waves drawn from the seed.
"""

from math import pi, sin
from typing import NamedTuple

from mutoscope.providers.local.chance import stream
from mutoscope.providers.local.scene import Move


class View(NamedTuple):
    """What the camera sees: the centre across and down from 0 to 1, and the zoom from 1."""

    across: float
    down: float
    zoom: float


_PATHS: dict[Move, tuple[View, View]] = {
    Move.PUSH_IN: (View(0.5, 0.5, 1.0), View(0.5, 0.54, 1.24)),
    Move.PULL_OUT: (View(0.5, 0.54, 1.24), View(0.5, 0.5, 1.0)),
    Move.PAN_LEFT: (View(1.0, 0.5, 1.2), View(0.0, 0.5, 1.2)),
    Move.PAN_RIGHT: (View(0.0, 0.5, 1.2), View(1.0, 0.5, 1.2)),
    Move.TILT_UP: (View(0.5, 1.0, 1.2), View(0.5, 0.0, 1.2)),
    Move.TILT_DOWN: (View(0.5, 0.0, 1.2), View(0.5, 1.0, 1.2)),
    Move.ORBIT: (View(0.1, 0.5, 1.22), View(0.9, 0.5, 1.22)),
    Move.HANDHELD: (View(0.5, 0.5, 1.08), View(0.5, 0.5, 1.08)),
    Move.STATIC: (View(0.5, 0.5, 1.0), View(0.5, 0.5, 1.0)),
}
_SWAY = ((0.31, 0.35), (0.83, 0.15), (1.9, 0.05))  # waves a second, share of the free way


def view_at(*, move: Move, share: float, elapsed_s: float, seed: int) -> View:
    """Tell what the camera sees at a share of the clip, from 0 to 1."""
    start, end = _PATHS[move]
    eased = share * share * (3 - 2 * share)
    across, down, zoom = (a + (b - a) * eased for a, b in zip(start, end, strict=True))
    if move is Move.ORBIT:
        return View(across, down + 0.4 * (sin(pi * eased) - 0.5), zoom - 0.06 * sin(pi * eased))
    if move is Move.HANDHELD:
        return View(
            across + _sway(elapsed_s, seed, "across"), down + _sway(elapsed_s, seed, "down"), zoom
        )
    return View(across, down, zoom)


def crop_of(*, view: View, width: int, height: int) -> tuple[float, float, float, float]:
    """Return the left, top, right and bottom of a view in a picture, in pixels."""
    seen_width, seen_height = width / view.zoom, height / view.zoom
    left = (width - seen_width) * min(max(view.across, 0.0), 1.0)
    top = (height - seen_height) * min(max(view.down, 0.0), 1.0)
    return left, top, left + seen_width, top + seen_height


def _sway(elapsed_s: float, seed: int, axis: str) -> float:
    phases = stream(seed=seed, name=f"sway {axis}").uniform(0, 2 * pi, len(_SWAY))
    return sum(
        share * sin(2 * pi * waves * elapsed_s + float(phase))
        for (waves, share), phase in zip(_SWAY, phases, strict=True)
    )
