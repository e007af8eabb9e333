"""The PostgreSQL inside: one server of our own for one folder, kept alive while anyone uses it.

Owns the life of the server. The invariants: nothing acknowledged is ever only in memory (the
durable settings stand on the command line, above any file), and whoever holds a started object
has a server at its `dsn`, which does not change.

Several processes share a folder. Each holds a share of `users.lock`; the one that holds
`owner.lock` watches the server and brings it up again after a crash. When the owner goes, cleanly
or by kill -9, the server runs on and another user becomes the owner at its next look; the last
one to leave stops it. A server that outlived all its users is adopted by the next start.

The surprising choice: the server is our own child and is polled, not awaited, because an adopted
one is nobody's child, and one way of looking serves both. It inherits `server.lock`, so that no
second server can begin while any process of the first lives, not even in another container.
"""

import asyncio
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Self

import asyncpg
import structlog

from mutoscope.storage import cluster as clusters
from mutoscope.storage.binaries import (
    ENVIRONMENT,
    EmbeddedPostgresError,
    Programs,
    binary,
    find,
    last_lines,
    runnable,
    unprivileged,
)
from mutoscope.storage.cluster import Cluster, DiskFullError, FolderForeignError
from mutoscope.storage.memory import buffers_mib, memory_mib

__all__ = ("EmbeddedPostgres", "EmbeddedPostgresError", "ServerFailedError", "binary")

START_LIMIT_S = 120.0  # crash recovery replays at most `max_wal_size`
STOP_LIMITS_S = {signal.SIGINT: 30.0, signal.SIGQUIT: 10.0, signal.SIGKILL: 10.0}
CONNECT_LIMIT_S = 5.0
RETRY_EVERY_S = 0.02
WATCH_EVERY_S = 0.1
BACK_OFF_S = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)  # the last one for ever: a full disk empties again
STEADY_S = 30.0  # after so long a life the next crash counts as the first
LOG_BYTES_MAX = 16 * 1024 * 1024  # of the log, and of the one before it

SETTINGS = {
    "listen_addresses": "",
    "port": str(clusters.PORT),
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "min_wal_size": "1GB",  # a file of the log made anew keeps every commit waiting for 50 ms
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "restart_after_crash": "on",
    "jit": "off",
    "TimeZone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}

# Absent, starting, stopping, out of something, or gone in the middle of a word.
NOT_READY = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
_events = structlog.get_logger(__name__)


class ServerFailedError(EmbeddedPostgresError):
    """The server did not start; what it said last is the reason."""

    code = "server_failed"

    def __init__(self, *, said: str, log: Path) -> None:
        super().__init__(
            f"PostgreSQL did not start and said: {said or 'nothing'}; mend what it names"
            f" (more in {log}), or set DATABASE_URL to a server"
        )
        self.said = said
        self.log = log


class EmbeddedPostgres:
    """A PostgreSQL server over one folder, shared by every process that starts one here."""

    def __init__(self, *, folder: Path, binaries: Path | None = None) -> None:
        self._folder = folder.absolute()
        self._binaries = binaries
        self._users = _FileLock(self._folder / "users.lock")
        self._owner = _FileLock(self._folder / "owner.lock")
        self._cluster: Cluster | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._restarts = 0

    @property
    def dsn(self) -> str:
        """Address the database, for asyncpg and every program of libpq; it holds the password."""
        assert self._cluster is not None, "the server is not started"
        return self._cluster.dsn

    @property
    def restarts(self) -> int:
        """Count how often this object brought the server up again."""
        return self._restarts

    async def start(self) -> None:
        """Join the folder's server, and bring it up if nobody else did.

        :raises EmbeddedPostgresError: when it cannot run; each subclass names the remedy.
        """
        assert self._watch is None, "the server is started already"
        try:
            async with asyncio.timeout(START_LIMIT_S):
                cluster = await self._join()
        except TimeoutError:
            await self._leave()
            log = self._folder / "server.log"
            said = f"no answer within {START_LIMIT_S:.0f} s"
            raise ServerFailedError(said=said, log=log) from None
        except BaseException:
            await self._leave()
            raise
        self._watch = asyncio.create_task(self._supervise(cluster))

    async def stop(self) -> None:
        """Leave the server, and stop it if nobody else uses it."""
        watch, self._watch = self._watch, None
        try:
            if watch is not None:
                watch.cancel()
                await asyncio.wait((watch,))
        finally:
            await self._leave()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _join(self) -> Cluster:
        with clusters.refusals(folder=self._folder):
            clusters.make_folder(folder=self._folder)
            await _until(self._arrive)
        assert self._cluster is not None, "who has arrived knows the cluster"
        return self._cluster

    async def _arrive(self) -> bool:
        """Bring the server up as the owner, or see that the owner did."""
        if not self._users.try_shared():
            return False  # the last user is just stopping the server
        if self._owner.try_exclusive():
            self._cluster = await asyncio.to_thread(_settled, self._folder, self._binaries)
            await self._bring_up(self._cluster)
            return True
        self._cluster = clusters.existing(folder=self._folder)
        return self._cluster is not None and await _is_ready(self._cluster)

    async def _bring_up(self, cluster: Cluster) -> bool:
        """Adopt the server that runs, or start one; tell whether one was started."""
        guard = _FileLock(self._folder / "server.lock")
        try:
            while not guard.try_exclusive() or clusters.processes(data=cluster.data):
                if await _is_ready(cluster):
                    return False
                clusters.kill_orphans(data=cluster.data)
                await asyncio.sleep(RETRY_EVERY_S)
            await self._begin(cluster, guard)
        finally:
            guard.close()  # without unlocking: the server has inherited it, to its last process
        return True

    async def _begin(self, cluster: Cluster, guard: "_FileLock") -> None:
        programs = await asyncio.to_thread(_programs, cluster, self._binaries)
        clusters.remove_stale(cluster=cluster)  # nothing runs: the guard is ours
        known_bytes = cluster.log.stat().st_size if cluster.log.exists() else 0
        self._child = _launch(cluster, programs, guard)
        while not await _is_ready(cluster):
            if self._child.poll() is not None:
                raise _failure(cluster, known_bytes)
            await asyncio.sleep(RETRY_EVERY_S)

    async def _supervise(self, cluster: Cluster) -> None:
        """Watch for ever; whoever gets the owner's lock answers a death."""
        clock = asyncio.get_running_loop().time
        failures, since = 0, clock()
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            if not self._owner.try_exclusive():
                continue
            _trim(cluster.log)
            if self._pid(cluster) is not None:
                continue
            failures = 0 if clock() - since > STEADY_S else failures + 1
            await asyncio.sleep(BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)])
            await self._restart(cluster)
            since = clock()

    async def _restart(self, cluster: Cluster) -> None:
        status = None if self._child is None else self._child.returncode
        try:
            async with asyncio.timeout(START_LIMIT_S):
                with clusters.refusals(folder=self._folder):
                    is_new = await self._bring_up(cluster)
        except (EmbeddedPostgresError, TimeoutError) as error:
            _events.warning("postgres_down", folder=str(self._folder), reason=str(error))
        else:
            self._restarts += is_new
            _events.warning("postgres_up", folder=str(self._folder), exit_status=status)

    async def _leave(self) -> None:
        self._users.release()
        try:
            if self._cluster is not None and self._users.try_exclusive():
                await self._shut_down(self._cluster)
            elif self._child is not None and self._child.poll() is None:
                self._child.returncode = 0  # it lives on for the others: no longer ours to reap
        finally:
            self._users.release()
            self._owner.release()
            self._cluster = self._child = None

    async def _shut_down(self, cluster: Cluster) -> None:
        for number, limit_s in STOP_LIMITS_S.items():
            if (pid := self._pid(cluster)) is None:
                return
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            with suppress(TimeoutError):
                async with asyncio.timeout(limit_s):
                    await _until(partial(self._is_gone, cluster))

    async def _is_gone(self, cluster: Cluster) -> bool:
        return self._pid(cluster) is None

    def _pid(self, cluster: Cluster) -> int | None:
        if self._child is not None and self._child.poll() is None:
            return self._child.pid
        return clusters.postmaster(data=cluster.data)


class _FileLock:
    """A lock on a file; the system releases it when the last process that has it open dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.descriptor: int | None = None

    def try_exclusive(self) -> bool:
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        return self._try(fcntl.LOCK_SH)

    def release(self) -> None:
        if self.descriptor is not None:
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)  # a forked child may share it
            self.close()

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def _try(self, kind: int) -> bool:
        if self.descriptor is None:
            self.descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self.descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _settled(folder: Path, binaries: Path | None) -> Cluster:
    """Return the folder's cluster; create it at the first start."""
    if (cluster := clusters.existing(folder=folder)) is not None:
        return cluster
    account = unprivileged()
    programs = runnable(programs=find(binaries=binaries), account=account)
    password = secrets.token_urlsafe(24)
    clusters.create(folder=folder, programs=programs, account=account, password=password)
    created = clusters.existing(folder=folder)
    assert created is not None, "a cluster was just created"
    return created


def _programs(cluster: Cluster, binaries: Path | None) -> Programs:
    clusters.existing(folder=cluster.folder)  # makes the sockets' folder anew if it was swept away
    programs = find(binaries=binaries)
    clusters.refuse_other_version(cluster=cluster, programs=programs)
    return runnable(programs=programs, account=cluster.account)


def _launch(cluster: Cluster, programs: Programs, guard: _FileLock) -> subprocess.Popen[bytes]:
    assert guard.descriptor is not None, "the guard is locked before a launch"
    places = {"unix_socket_directories": str(cluster.sockets)}
    buffers = {"shared_buffers": f"{buffers_mib(memory_mib=memory_mib())}MB"}
    settings = [f"--{name}={value}" for name, value in (SETTINGS | buffers | places).items()]
    with cluster.log.open("ab") as log:
        cluster.log.chmod(0o600)
        return subprocess.Popen(  # noqa: S603 -- fixed program, no shell, no outside input
            [programs.folder / "postgres", "-D", cluster.data, *settings],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=ENVIRONMENT,
            umask=0o077,
            pass_fds=(guard.descriptor,),
            start_new_session=True,  # Ctrl-C in our terminal is not meant for it
            user=cluster.account.uid,
            group=cluster.account.gid,
            extra_groups=cluster.account.groups,
        )


async def _is_ready(cluster: Cluster) -> bool:
    """Try a real login on the connections that PostgreSQL keeps free for its superuser."""
    try:
        connection = await asyncpg.connect(
            host=str(cluster.sockets),
            port=clusters.PORT,
            user=clusters.SUPERVISOR,
            password=cluster.password,
            database="postgres",
            timeout=CONNECT_LIMIT_S,
        )
        await connection.close(timeout=CONNECT_LIMIT_S)
    except asyncpg.InvalidPasswordError as error:
        found = f"its server refuses the password in {cluster.data / 'password'}"
        raise FolderForeignError(folder=cluster.folder, found=found) from error
    except NOT_READY:
        return False
    return True


def _failure(cluster: Cluster, known_bytes: int) -> EmbeddedPostgresError:
    """Read from the log, past what it held before, why the server died."""
    with cluster.log.open("rb") as log:
        log.seek(known_bytes)
        said = last_lines(log.read(LOG_BYTES_MAX).decode(errors="replace"))
    if clusters.is_full(folder=cluster.data, said=said):
        return DiskFullError(folder=cluster.folder)
    return ServerFailedError(said=said, log=cluster.log)


def _trim(log: Path) -> None:
    """Keep the log's size in bounds without asking the server to open another file."""
    with suppress(OSError):
        if log.stat().st_size > LOG_BYTES_MAX:
            shutil.copyfile(log, log.with_name("server.log.1"))
            os.truncate(log, 0)


async def _until(is_so: Callable[[], Awaitable[bool]]) -> None:
    while not await is_so():  # noqa: ASYNC110 -- other processes set no event of ours
        await asyncio.sleep(RETRY_EVERY_S)
