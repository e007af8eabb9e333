"""The folder of the PostgreSQL inside: its cluster, password, sockets and processes.

Owns what lies on disk and the refusals of a folder that cannot be used. The invariant: a folder
has no `cluster`, or a complete one with its password inside, because it is made beside and renamed.

The surprising choices: what the application connects as is no superuser. And where the server's
account may not enter the folder (one below /root, say), the cluster lies in `ELSEWHERE` and the
folder's `cluster` is a link to it: widening the modes of the folders above is not ours to do. Such
a folder is copied with `cp -aL`, and removing it leaves the data in `ELSEWHERE`.
"""

import errno
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from mutoscope.storage.binaries import (
    Account,
    EmbeddedPostgresError,
    ProgramFailedError,
    Programs,
    is_reachable,
    run,
)

ELSEWHERE = Path("/var/lib/mutoscope")
SUPERVISOR = "supervisor"  # the superuser; the application is `mutoscope`, made by embedded.sql
PORT = 5432  # names the socket's file; nothing listens on a network
SOCKET_BYTES_MAX = 103  # the least that any system allows for a socket's path
BUILTIN_LOCALE_MAJOR = 17  # the first version with C.UTF-8 of its own
FREE_BYTES_MIN = 32 * 1024 * 1024  # two segments of the write-ahead log

_OURS = frozenset(
    ("owner.lock", "users.lock", "server.lock", "server.log", "server.log.1", "socket")
)
_OF_THE_DISK = frozenset(("lost+found",))  # the folder may be a mounted volume
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_PROCESSES = Path("/proc")


class FolderUnusableError(EmbeddedPostgresError):
    """The database's folder cannot be made, entered or written."""

    code = "folder_unusable"

    def __init__(self, *, folder: Path, reason: str) -> None:
        super().__init__(
            f"the database cannot use {folder}: {reason}; name a folder that its user may write,"
            " or set DATABASE_URL to a server"
        )
        self.folder = folder
        self.reason = reason


class FolderForeignError(EmbeddedPostgresError):
    """The database's folder holds something else; it is left as it is."""

    code = "folder_foreign"

    def __init__(self, *, folder: Path, found: str) -> None:
        super().__init__(
            f"{folder} is not a database of Mutoscope: {found}; name an empty folder,"
            " or restore this one from a backup"
        )
        self.folder = folder
        self.found = found


class FolderOfAnotherVersionError(EmbeddedPostgresError):
    """The cluster was made by another major version, which alone can read it."""

    code = "folder_of_another_version"

    def __init__(self, *, folder: Path, found: str, major: int) -> None:
        super().__init__(
            f"the database in {folder} is of PostgreSQL {found}, the programs are of {major}:"
            f" set MUTOSCOPE_POSTGRES_BIN to programs of PostgreSQL {found}, or make a backup with"
            " them and restore it into an empty folder"
        )
        self.folder = folder
        self.found = found
        self.major = major


class DiskFullError(EmbeddedPostgresError):
    """The disk of the database's folder is full."""

    code = "disk_full"

    def __init__(self, *, folder: Path) -> None:
        super().__init__(
            f"the disk of {folder} is full: free some space; what was acknowledged is safe"
        )
        self.folder = folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A complete cluster: the operator's folder, the data's real place, sockets and password."""

    folder: Path
    data: Path
    sockets: Path
    password: str = field(repr=False)

    @property
    def account(self) -> Account:
        """Tell who runs the server: the owner of the data."""
        return _owner(self.data)

    @property
    def log(self) -> Path:
        """Name the file that the server writes to."""
        return self.folder / "server.log"

    @property
    def dsn(self) -> str:
        """Address the application's database as the application's role."""
        host = quote(str(self.sockets), safe="")
        return f"postgresql://mutoscope:{self.password}@/mutoscope?host={host}&port={PORT}"


@contextmanager
def refusals(*, folder: Path) -> Iterator[None]:
    """Turn what the system says of a folder into the refusal that names the remedy.

    :raises DiskFullError: when there is no space.
    :raises FolderUnusableError: when the system refuses anything else.
    """
    try:
        yield
    except ProgramFailedError as error:
        if is_full(folder=folder, said=error.said):
            raise DiskFullError(folder=folder) from error
        raise
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise DiskFullError(folder=folder) from error
        reason = f"{error.strerror or error} ({error.filename or folder})"
        raise FolderUnusableError(folder=folder, reason=reason) from error


def is_full(*, folder: Path, said: str) -> bool:
    """Tell whether a failure came from a full disk, even one too full for its last words."""
    return os.strerror(errno.ENOSPC) in said or shutil.disk_usage(folder).free < FREE_BYTES_MIN


def make_folder(*, folder: Path) -> None:
    """Make the folder where there is none: private, but for root's, which a server must enter."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)  # another may be as quick
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)


def existing(*, folder: Path) -> Cluster | None:
    """Return the folder's cluster, or None where one may be created.

    :raises FolderForeignError: when the folder holds something else.
    """
    link = folder / "cluster"
    if not os.path.lexists(link):
        _refuse_strangers(folder)
        return None
    data = link.resolve()
    for needed in ("PG_VERSION", "password"):
        if not (data / needed).is_file():
            raise FolderForeignError(folder=folder, found=f"there is no file {data / needed}")
    if _owner(data).uid == 0:
        found = f"{data} belongs to root, who cannot run it (chown it to the server's account)"
        raise FolderForeignError(folder=folder, found=found)
    password = (data / "password").read_text(encoding="ascii")
    sockets = _sockets(folder=folder, data=data)
    return Cluster(folder=folder, data=data, sockets=sockets, password=password)


def create(*, folder: Path, programs: Programs, account: Account, password: str) -> None:
    """Make a cluster beside the folder's other files, then put it in place whole.

    :raises ProgramFailedError: when initdb fails.
    :raises FolderUnusableError: when the account cannot enter any place for it.
    """
    home = _home(folder=folder, account=account)
    for abandoned in home.glob("new-*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(dir=home, prefix="new-"))
    try:
        os.chown(staging, account.uid, account.gid)
        _initialise(staging=staging, programs=programs, account=account, password=password)
        (staging / "data").rename(home / "cluster")
        _sync(home)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    if home != folder:
        (folder / "cluster").symlink_to(home / "cluster")
        _sync(folder)


def refuse_other_version(*, cluster: Cluster, programs: Programs) -> None:
    """Refuse programs that cannot read the cluster.

    :raises FolderOfAnotherVersionError: when the major versions differ.
    """
    found = (cluster.data / "PG_VERSION").read_text(encoding="ascii").strip()
    if found != str(programs.major):
        raise FolderOfAnotherVersionError(folder=cluster.folder, found=found, major=programs.major)


def postmaster(*, data: Path) -> int | None:
    """Return the process id of the server that runs the cluster, if one does.

    A stale file is seen through, also when its number meanwhile belongs to something else.
    """
    try:
        pid = int((data / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if pid > 0 and _runs_in(pid=pid, data=data) else None


def processes(*, data: Path) -> tuple[int, ...]:
    """List every process of the cluster, orphans of a killed server among them.

    Without /proc there is only the server itself; PostgreSQL's own checks see the orphans then.
    """
    if not _PROCESSES.is_dir():
        pid = postmaster(data=data)
        return () if pid is None else (pid,)
    pids = (int(path.name) for path in _PROCESSES.iterdir() if path.name.isdecimal())
    return tuple(pid for pid in pids if _runs_in(pid=pid, data=data))


def kill_orphans(*, data: Path) -> None:
    """Kill what a dead server left behind: it would keep the dead one's memory from going."""
    if postmaster(data=data) is None:
        for pid in processes(data=data):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def remove_stale(*, cluster: Cluster) -> None:
    """Remove the marks of a server that died; only for who knows that none runs.

    PostgreSQL would believe them whenever their number belongs to a zombie or, after a reboot, to
    any process of the same user.
    """
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)
    for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
        (cluster.sockets / name).unlink(missing_ok=True)


def _refuse_strangers(folder: Path) -> None:
    names = (path.name for path in folder.iterdir() if not path.name.startswith("new-"))
    if strangers := sorted(set(names) - _OURS - _OF_THE_DISK):
        raise FolderForeignError(folder=folder, found=f"it holds {', '.join(strangers[:5])}")


def _owner(path: Path) -> Account:
    about = path.stat()
    return Account(uid=about.st_uid, gid=about.st_gid)


def _home(*, folder: Path, account: Account) -> Path:
    """Choose where the cluster lies: in the folder, or in `ELSEWHERE` if that is out of reach."""
    if is_reachable(path=folder, account=account):
        return folder
    ELSEWHERE.mkdir(mode=0o711, parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(dir=ELSEWHERE, prefix=f"{folder.name}-"))
    home.chmod(0o711)
    if not is_reachable(path=home, account=account):
        reason = f"user {account.uid}, who runs PostgreSQL, may enter neither it nor {home}"
        raise FolderUnusableError(folder=folder, reason=reason)
    return home


def _initialise(*, staging: Path, programs: Programs, account: Account, password: str) -> None:
    data = staging / "data"
    secret = staging / "password"
    secret.touch(mode=0o600)
    secret.write_text(password, encoding="ascii")
    os.chown(secret, account.uid, account.gid)
    run(
        argv=(
            programs.folder / "initdb",
            *("--pgdata", data, "--username", SUPERVISOR, "--pwfile", secret),
            *("--auth", "scram-sha-256", "--data-checksums", "--no-instructions"),
            *("--encoding", "UTF8", "--locale", "C", *_builtin_locale(programs)),
        ),
        account=account,
    )
    statements = resources.files(__package__).joinpath("embedded.sql").read_text(encoding="utf-8")
    run(
        argv=(
            *(programs.folder / "postgres", "--single", "-j", "-D", data),
            *("-c", "exit_on_error=on", "postgres"),
        ),
        account=account,
        stdin=statements.replace(";\n", ";\n\n") + "\n",  # -j ends a statement at an empty line
    )
    _sync(secret.rename(data / "password"))
    _sync(data)


def _builtin_locale(programs: Programs) -> tuple[str, ...]:
    if programs.major < BUILTIN_LOCALE_MAJOR:
        return ()
    return ("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sockets(*, folder: Path, data: Path) -> Path:
    """Return the sockets' folder: the data itself, or a short private one that `socket` links to.

    Whoever comes first makes the link, and it stays, so that the address never changes.
    """
    if _holds_sockets(data):
        return data
    link = folder / "socket"
    if not link.is_symlink():
        made = Path(tempfile.mkdtemp(prefix="mutoscope-"))
        made.rmdir()  # only its name is wanted: it is made below, with its owner
        with suppress(FileExistsError):  # somebody else was first
            link.symlink_to(made)
    sockets = link.readlink()
    _make_private(sockets, _owner(data))
    return sockets


def _holds_sockets(path: Path) -> bool:
    socket = f"{path}/.s.PGSQL.{PORT}"  # PostgreSQL splits its list of folders at commas
    return len(os.fsencode(socket)) <= SOCKET_BYTES_MAX and not set(',"') & set(socket)


def _make_private(sockets: Path, account: Account) -> None:
    """Make the folder anew where a reboot removed it, and trust no one else's."""
    with suppress(FileExistsError):
        sockets.mkdir(mode=0o700)
        os.chown(sockets, account.uid, account.gid)
    about = sockets.lstat()
    is_private = stat.S_ISDIR(about.st_mode) and not about.st_mode & 0o077
    if not (is_private and about.st_uid == account.uid and _holds_sockets(sockets)):
        reason = f"its sockets need a short path of their own, private to user {account.uid}"
        raise FolderUnusableError(folder=sockets, reason=reason)


def _runs_in(*, pid: int, data: Path) -> bool:
    """Tell whether a living postgres works in the cluster; a zombie works nowhere."""
    place = _PROCESSES / str(pid)
    try:
        if not _PROCESSES.is_dir():
            os.kill(pid, 0)
            return True
        is_postgres = (place / "comm").read_text(encoding="utf-8", errors="replace").strip()
        return is_postgres == "postgres" and (place / "cwd").readlink() == data
    except OSError:
        return False
