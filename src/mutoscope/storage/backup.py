"""The database as one file, written and read by PostgreSQL's own programs.

Owns the calls of pg_dump and pg_restore. Invariant: a dump is one snapshot, and a restore is one
transaction: it is there whole or not at all. The surprising choice: the password travels in the
environment of the program, because everybody on a machine may read an argument.
"""

import asyncio
import re
import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from mutoscope.storage.binaries import ENVIRONMENT, ProgramFailedError, binary, last_lines
from mutoscope.storage.database import connect, queries

_SQL: Final = queries("backup")
_PASSWORD: Final = re.compile(r"(?<=://)([^:/@]*):([^@]*)@")


async def has_tables(url: str) -> bool:
    """Tell whether a database holds anything.

    :raises DatabaseUnreachable: when no server answers.
    """
    connection = await connect(url)
    try:
        return bool(await _SQL.has_tables(connection))
    finally:
        await connection.close()


async def dump(*, url: str, path: Path, binaries: Path | None) -> None:
    """Write a database to a file.

    :raises EmbeddedPostgresError: when there is no pg_dump, or it fails.
    """
    options = ("--format=custom", "--no-owner", "--no-privileges", f"--file={path}")
    await asyncio.to_thread(_run, "pg_dump", url, binaries, options)


async def restore(*, url: str, path: Path, binaries: Path | None) -> None:
    """Read a file into an empty database, in one transaction.

    :raises EmbeddedPostgresError: when there is no pg_restore, or it fails; nothing was written.
    """
    options = ("--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error")
    await asyncio.to_thread(_run, "pg_restore", url, binaries, (*options, str(path)))


def _run(name: str, url: str, binaries: Path | None, options: tuple[str, ...]) -> None:
    """Run a program to its end, however long a large database takes."""
    program = binary(name, binaries=binaries)
    found = _PASSWORD.search(url)
    password = {"PGPASSWORD": unquote(found[2])} if found else {}
    address = _PASSWORD.sub(r"\1@", url)
    done = subprocess.run(  # noqa: S603 -- a fixed program, no shell
        [program, f"--dbname={address}", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        env={**ENVIRONMENT, **password},
    )
    if done.returncode != 0:
        raise ProgramFailedError(program=program, said=last_lines(done.stdout))
