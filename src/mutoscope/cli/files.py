"""The files that commands read and write: whole or not at all, and told when it cannot be.

Invariant: a file that is named is replaced at once by all that was to be written, or stays as it
was. The surprising choice: a device such as /dev/stdout takes the content straight, since nothing
can be put in its place.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import counted, tell
from mutoscope.domain.credits import Refusal

STREAM: Final = Path("-")
"""How a command line names the output stream."""

Out = Annotated[Path, typer.Option(help="A file; - for the output.")]

DEVICES: Final = (Path("/dev"), Path("/dev/fd"))


class OutUnwritable(Refusal):
    """A place where a file cannot be written."""

    code = "out_unwritable"

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} cannot be written ({reason}): free space or correct its folder, or name "
            "another place"
        )
        self.path = path


class FileUnreadable(Refusal):
    """A file that a command was given and cannot read."""

    code = "file_unreadable"

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} cannot be read ({reason}): name a file that is there and can be read"
        )
        self.path = path


class SystemFailed(Refusal):
    """What the operating system would not do, where no command tells it closer."""

    code = "system_failed"

    def __init__(self, *, error: OSError) -> None:
        super().__init__(
            f"the operating system refused ({error}): free space or correct the rights there, and "
            "run the command again"
        )


def written(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all; the path - is the output stream.

    :raises OutUnwritable: when it cannot be written; what was there before is there still.
    """
    if path == STREAM and isinstance(content, str):
        sys.stdout.write(content)
        return
    with place_for(path) as place:
        place.write_bytes(content.encode() if isinstance(content, str) else content)


def lines_written(lines: Sequence[str], *, out: Path, is_json: bool) -> None:
    """Write lines that carry their ends, and tell how many unless they are the output.

    :raises OutUnwritable: when they cannot be written.
    """
    written(out, "".join(lines))
    if out == STREAM:
        return
    if is_json:
        print_json({"file": out, "lines": len(lines)})
    else:
        tell(escape(f"{counted(len(lines), 'line')} written to {out}."))


def copied(source: Path, path: Path) -> None:
    """Bring a copy of a file to its place, whole or not at all.

    :raises OutUnwritable: when it cannot be written; what was there before is there still.
    """
    with place_for(path) as place:
        shutil.copyfile(source, place)


def folder_at(path: Path) -> Path:
    """Return a folder, made if there is none.

    :raises OutUnwritable: when it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutUnwritable(path=path, reason=_reason(error)) from error
    return path


@contextmanager
def place_for(path: Path) -> Iterator[Path]:
    """Lend a place beside a path; what was written there then takes the path's place.

    :raises OutUnwritable: when either cannot be done; what was there before is there still.
    """
    try:
        if _is_device(path):
            yield path
            return
        target = path.resolve()
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".mutoscope-") as folder:
            place = Path(folder) / target.name
            yield place
            if target.exists():
                shutil.copymode(target, place)
            place.replace(target)
    except OSError as error:
        raise OutUnwritable(path=path, reason=_reason(error)) from error


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a folder that is gone afterwards, with the database of the server inside if it has one.

    That server's account may enter it: what it cannot reach would be put elsewhere, and stay.
    """
    with tempfile.TemporaryDirectory(prefix="mutoscope-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


def content_of(path: Path) -> bytes:
    """Return what is in a file.

    :raises FileUnreadable: when it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileUnreadable(path=path, reason=_reason(error)) from error


def text_of(path: Path) -> str:
    """Return the text of a file.

    :raises FileUnreadable: when it cannot be read, or is no text.
    """
    try:
        return content_of(path).decode()
    except UnicodeDecodeError as error:
        raise FileUnreadable(path=path, reason="it is no text in UTF-8") from error


def _reason(error: OSError) -> str:
    """Return why the system refused, without the path that the sentence names anyway."""
    return error.strerror or str(error)


def _is_device(path: Path) -> bool:
    """Tell whether a path names what cannot be replaced: a device, a pipe, a folder."""
    return path.absolute().parent in DEVICES or (path.exists() and not path.is_file())
