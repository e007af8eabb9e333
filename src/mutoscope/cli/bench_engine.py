"""`mutoscope bench engine`: what a picture of the built-in engine costs this machine.

Owns the orders that are measured: a still of every place, and a few clips. Invariant: a figure is
the whole render process, its start included, as the engine begins it for a job. The surprising
choice: processor seconds are told and not those of a clock, since they stand on a busy machine too.
"""

import os
import subprocess
import sys
import tempfile
from itertools import cycle
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

from mutoscope.app.ports import Order
from mutoscope.cli.bench import bench
from mutoscope.cli.options import Json
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import bars, console, table
from mutoscope.providers.local.scene import Place, ShotSize, Weather
from mutoscope.providers.local.scratch import keep_order

STILL_MAX_S: Final = 1.0
CLIP_MAX_S: Final = 4.0
CLIP_DURATION_S: Final = 5
CLIPS: Final = (
    "a street in the rain at dawn, a woman, handheld",
    "a forest at sunset, a child, orbit",
    "a valley in snow at night, a man, push in",
)
SEED: Final = 20_140_717


class RenderRow(NamedTuple):
    """What one render took of a processor, and the most that it should."""

    prompt: str
    duration_s: int | None
    cpu_s: float
    cpu_max_s: float


@bench.command()
def engine(*, is_json: Json = False) -> None:
    """Measure the built-in engine: processor seconds of 1280x720 stills and of 5-second clips."""
    wanted = [(prompt, None) for prompt in stills()] + [
        (prompt, CLIP_DURATION_S) for prompt in CLIPS
    ]
    rows: list[RenderRow] = []
    with bars() as progress, tempfile.TemporaryDirectory(prefix="mutoscope-bench-") as place:
        task = progress.add_task("rendering", total=len(wanted))
        for prompt, duration_s in wanted:
            progress.update(task, description=prompt, advance=1)
            rows.append(_rendered(Path(place) / str(len(rows)), prompt, duration_s))
    if is_json:
        print_json({"rows": rows})
    else:
        _show(rows)


def stills() -> tuple[str, ...]:
    """Return a prompt for each place; kinds of shot and of weather take turns."""
    shots, weathers = cycle(ShotSize), cycle(Weather)
    return tuple(
        f"{place}, {next(shots).replace('_', ' ')}, {next(weathers)}, two people" for place in Place
    )


def _rendered(folder: Path, prompt: str, duration_s: int | None) -> RenderRow:
    """Render an order in a process of its own."""
    order = Order(
        job_id=uuid4(), tool="bench", prompt=prompt, seed=SEED, width=1280, height=720,
        duration_s=duration_s,
    )  # fmt: skip
    keep_order(folder=folder, order=order)
    program = [sys.executable, "-m", "mutoscope.providers.local.render", str(folder)]
    with subprocess.Popen(program, stdin=subprocess.PIPE) as process:  # noqa: S603 -- our own
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert any(folder.glob("*-1.*")), (prompt, process.returncode)
    cpu_max_s = STILL_MAX_S if duration_s is None else CLIP_MAX_S
    return RenderRow(prompt, duration_s, used.ru_utime + used.ru_stime, cpu_max_s)


def _show(rows: list[RenderRow]) -> None:
    shown = table("what", "prompt", ">cpu s", ">at most")
    for row in rows:
        what = "still" if row.duration_s is None else f"{row.duration_s} s clip"
        shown.add_row(what, row.prompt, f"{row.cpu_s:.2f}", f"{row.cpu_max_s:.1f}")
    console().print(shown)
