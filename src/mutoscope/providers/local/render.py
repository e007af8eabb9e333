"""One render, in a process of its own: `python -m mutoscope.providers.local.render FOLDER`.

Owns the way from a kept order to its outcome. The process ends with the one that began it,
because its standard input closes then; it gives way to other work; and it stops between two
frames when the outcome was written by someone else, which is how a cancellation reaches it.
"""

import os
import sys
import threading
import time
from pathlib import Path

from mutoscope.app.ports import Failure, Order, Render, RenderState
from mutoscope.providers.local.markers import Markers, read_markers
from mutoscope.providers.local.measure import probe
from mutoscope.providers.local.orders import Report, make
from mutoscope.providers.local.refusals import OrderRefused
from mutoscope.providers.local.scratch import (
    STARTS_MAX,
    conclude,
    count_start,
    has_outcome,
    held,
    kept_order,
    note_progress,
    starts,
)

_TICK_S = 0.05  # between two looks at a cancellation while a slow marker waits
_NICENESS = 5  # the studio's pages come before its renders
_SLOW_SHARE = 0.5  # of the progress, told while a slow marker waits


class RenderStopped(Exception):
    """The job came to its end before its render did."""

    code = "render_stopped"


def carry_out(*, folder: Path) -> None:
    """Render the order kept in a folder and write its outcome, unless it has one."""
    with held(folder=folder):
        order = kept_order(folder=folder)
        if order is None or has_outcome(folder=folder) or starts(folder=folder) >= STARTS_MAX:
            return
        count_start(folder=folder)
        try:
            render = _rendered(order, folder)
        except RenderStopped:
            return
        conclude(folder=folder, render=render)


def _rendered(order: Order, folder: Path) -> Render:
    text = f"{order.prompt} {order.instruction or ''}"
    markers = read_markers(prompt=text) if order.is_demo else Markers()
    started = _SLOW_SHARE if markers.slow_s else 0.0
    _wait(markers.slow_s, folder)
    if markers.is_lost:
        return Render(state=RenderState.LOST)
    if markers.is_moderated:
        return _failed("moderated", "The content was refused, as the marker in the prompt asks.")
    if markers.fails:
        return _failed("provider_failed", "The render failed, as the marker in the prompt asks.")
    images = order.images if markers.images_max is None else min(order.images, markers.images_max)
    report = _reporter(folder, started)
    report(0.0)
    try:
        paths = make(order=order, folder=folder, images=images, report=report)
    except OrderRefused as refusal:
        return _failed(refusal.code, str(refusal))
    outputs = tuple(probe(path=path) for path in paths)
    return Render(state=RenderState.SUCCEEDED, progress=1.0, outputs=outputs)


def _reporter(folder: Path, started: float) -> Report:
    def report(share: float) -> None:
        if has_outcome(folder=folder):
            raise RenderStopped
        note_progress(folder=folder, share=started + (1 - started) * share)

    return report


def _wait(slow_s: int, folder: Path) -> None:
    ticks = round(slow_s / _TICK_S)
    for tick in range(ticks):
        if has_outcome(folder=folder):
            raise RenderStopped
        note_progress(folder=folder, share=_SLOW_SHARE * tick / ticks)
        time.sleep(_TICK_S)


def _failed(code: str, sentence: str) -> Render:
    return Render(state=RenderState.FAILED, failure=Failure(code=code, sentence=sentence))


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # not of `sys.stdin`, whose lock made a normal end a crash
    os._exit(1)


def main() -> None:
    """Carry out the order in the folder named on the command line."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(_NICENESS)
    carry_out(folder=Path(sys.argv[1]))


if __name__ == "__main__":
    main()
