"""What a remote generator keeps of a job on this machine: the provider's answer, and its files.

Invariant: a file appears under its final name whole or not at all, and the answer is written last.
A job that was answered is never handed over again from here.
"""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec

from mutoscope.app.ports import Render, Submitted

_SUBMITTED = "submitted.json"
_RENDER = "render.json"


def keep_submitted(*, folder: Path, submitted: Submitted) -> None:
    """Write what a provider answered to an order."""
    if submitted.render is not None:
        keep_render(folder=folder, render=submitted.render)
    bare = replace(submitted, render=None)
    _write_whole(folder / _SUBMITTED, msgspec.json.encode(bare))


def kept_submitted(*, folder: Path) -> Submitted | None:
    """Read what a provider answered to an order, or None when no answer came here."""
    try:
        text = (folder / _SUBMITTED).read_bytes()
    except FileNotFoundError:
        return None
    return replace(msgspec.json.decode(text, type=Submitted), render=kept_render(folder=folder))


def keep_render(*, folder: Path, render: Render) -> None:
    """Write how a job ended, once its files are in place."""
    named = replace(
        render, outputs=tuple(replace(one, path=Path(one.path.name)) for one in render.outputs)
    )
    _write_whole(folder / _RENDER, msgspec.json.encode(named, enc_hook=str))


def kept_render(*, folder: Path) -> Render | None:
    """Read how a job ended, or None while it has not."""
    try:
        text = (folder / _RENDER).read_bytes()
    except FileNotFoundError:
        return None
    render = msgspec.json.decode(text, type=Render, dec_hook=_path_from_text)
    return replace(
        render, outputs=tuple(replace(one, path=folder / one.path) for one in render.outputs)
    )


def settle_file(*, partial: Path, final: Path) -> None:
    """Give a file that was written its final name, on the disk and not only in its cache."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(final)


def discard(*, folder: Path) -> None:
    """Remove all that is kept of a job; nothing to remove is fine."""
    if folder.exists():
        shutil.rmtree(folder)


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.part{os.getpid()}")
    partial.write_bytes(content)
    settle_file(partial=partial, final=path)


def _path_from_text(kind: type, value: str) -> object:
    return kind(value)
