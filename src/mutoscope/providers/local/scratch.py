"""The scratch folder of one job: order, progress and outcome as files.

Owns the protocol between the engine and its render processes. The order is written before
anything else; the outcome is written once, by whoever comes first: the render when it is done,
or a cancellation. A held lock says that a render runs, even one that another process began. The
system drops the lock of a process that dies.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec

from mutoscope.app.ports import Order, Render

STARTS_MAX = 3  # a render that died three times will die again

_ORDER = "order.json"
_OUTCOME = "outcome.json"
_PROGRESS = "progress"
_STARTS = "starts"
_LOCK = "lock"
_SOURCE = "source"
LOG = "render.log"


def keep_order(*, folder: Path, order: Order) -> Order:
    """Write an order and a copy of its source still, and return the order as kept."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = order
    if order.source_path:
        copy = folder / _SOURCE
        shutil.copyfile(order.source_path, copy.with_suffix(".part"))
        copy.with_suffix(".part").replace(copy)
        kept = replace(order, source_path=copy)
    _write_whole(folder / _ORDER, msgspec.json.encode(kept, enc_hook=str))
    return kept


def kept_order(*, folder: Path) -> Order | None:
    """Read the order of a job, or None when there is none that was written whole."""
    try:
        order = msgspec.json.decode(
            (folder / _ORDER).read_bytes(), type=Order, dec_hook=_path_from_text
        )
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return replace(order, source_path=folder / _SOURCE) if order.source_path else order


def conclude(*, folder: Path, render: Render) -> bool:
    """Write the outcome of a job; false when it already has one."""
    named = replace(
        render, outputs=tuple(replace(one, path=Path(one.path.name)) for one in render.outputs)
    )
    partial = folder / f"{_OUTCOME}.{os.getpid()}"
    _write_whole(partial, msgspec.json.encode(named, enc_hook=str))
    try:
        os.link(partial, folder / _OUTCOME)
    except FileExistsError:
        return False
    finally:
        partial.unlink()
    return True


def outcome(*, folder: Path) -> Render | None:
    """Read the outcome of a job, or None while it has none."""
    try:
        text = (folder / _OUTCOME).read_bytes()
    except FileNotFoundError:
        return None
    render = msgspec.json.decode(text, type=Render, dec_hook=_path_from_text)
    return replace(
        render, outputs=tuple(replace(one, path=folder / one.path) for one in render.outputs)
    )


def has_outcome(*, folder: Path) -> bool:
    """Tell whether a job has come to its end."""
    return (folder / _OUTCOME).exists()


def note_progress(*, folder: Path, share: float) -> None:
    """Write how far a render is, from 0 to 1."""
    partial = folder / f"{_PROGRESS}.part"
    partial.write_text(f"{share:.4f}")
    partial.replace(folder / _PROGRESS)


def progress(*, folder: Path) -> float:
    """Read how far a render is, from 0 to 1."""
    try:
        return float((folder / _PROGRESS).read_text())
    except FileNotFoundError:
        return 0.0


def count_start(*, folder: Path) -> None:
    """Count one more start of the job's render, durably: one byte each."""
    with (folder / _STARTS).open("ab") as marks:
        marks.write(b".")


def starts(*, folder: Path) -> int:
    """Tell how often the job's render was started."""
    try:
        return (folder / _STARTS).stat().st_size
    except FileNotFoundError:
        return 0


@contextmanager
def held(*, folder: Path) -> Iterator[None]:
    """Hold the job's lock, after waiting for whoever holds it."""
    with (folder / _LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_held(*, folder: Path) -> bool:
    """Tell whether a render of the job runs, in any process."""
    with (folder / _LOCK).open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _write_whole(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.part{os.getpid()}")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _path_from_text(kind: type, value: str) -> object:
    return kind(value)
