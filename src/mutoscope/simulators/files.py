"""What a simulated provider delivers: its addresses, its bytes, and what goes wrong with them."""

from typing import Final

from mutoscope.simulators import pictures
from mutoscope.simulators.exchange import Answer
from mutoscope.simulators.faults import Fault
from mutoscope.simulators.tasks import Stage, Task, World

FOLDER: Final = "_files"
INSIDE: Final = "https://169.254.169.254/latest/meta-data/"
"""Where a redirect leads that a careful client does not follow."""

_GONE: Final = Answer(status=403, content=b"<Error><Code>AccessDenied</Code></Error>",
                      media_type="application/xml")  # fmt: skip


def addresses(*, world: World, provider: str, task: Task) -> tuple[str, ...]:
    """Return where the files of a task lie; each time it is asked, with a fresh signature."""
    kind = "mp4" if task.duration_s else "png"
    return tuple(
        f"{world.address}/{provider}/{FOLDER}/{task.id}/{number}.{kind}?signature={task.polls}"
        for number in range(1, task.images + 1)
    )


def content(*, task: Task, kind: str = "PNG") -> bytes:
    """Return the bytes of one file, also for answers that hold them."""
    if task.script.fault is Fault.WRONG_TYPE:
        return b"<!doctype html><title>Not what you ordered</title>"
    if task.duration_s:
        whole = pictures.clip(width=task.width, height=task.height, duration_s=task.duration_s)
    else:
        whole = pictures.still(width=task.width, height=task.height, kind=kind)
    return whole[: len(whole) // 2] if task.script.fault is Fault.BROKEN_FILE else whole


def served(*, task: Task | None) -> Answer:
    """Return the answer to a download."""
    if task is None or task.stage is not Stage.SUCCEEDED:
        return _GONE
    task.fetches += 1
    fault = task.script.fault
    if fault is Fault.EXPIRED or (fault is Fault.EXPIRED_ONCE and task.fetches == 1):
        return _GONE
    if fault is Fault.REDIRECT_PRIVATE:
        return Answer(status=302, headers={"location": INSIDE})
    media_type = "video/mp4" if task.duration_s else "image/png"
    if fault is Fault.WRONG_TYPE:
        media_type = "text/html"
    return Answer(content=content(task=task), media_type=media_type)
