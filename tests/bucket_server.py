"""A real S3 endpoint on this machine: rclone serves a folder, each test names its own bucket."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

RCLONE = Path(sys.executable).with_name("rclone")
START_LIMIT_S = 30


@dataclass(frozen=True)
class BucketServer:
    """The folder whose sub-folders are the buckets, and how they are reached."""

    root: Path
    port: int

    @property
    def options(self) -> dict[str, str]:
        return {
            "endpoint": f"http://127.0.0.1:{self.port}", "region": "here",
            "access_key_id": "ada", "secret_access_key": "engine",
        }  # fmt: skip

    def bucket(self, name: str) -> str:
        """Make a bucket and return its address."""
        (self.root / name).mkdir()
        return f"s3://{name}/house"


@contextmanager
def serving(root: Path) -> Iterator[BucketServer]:
    """Serve a folder as buckets."""
    root.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"127.0.0.1:{port}"
    command = [RCLONE, "serve", "s3", root, "--addr", address, "--auth-key", "ada,engine"]
    place = ["--config", root.with_name("rclone.conf"), "--dir-cache-time", "1ms"]
    with subprocess.Popen([*command, *place], stderr=subprocess.DEVNULL) as server:
        try:
            _await(port)
            yield BucketServer(root, port)
        finally:
            server.terminate()


def _await(port: int) -> None:
    until = time.monotonic() + START_LIMIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < until, "rclone does not serve"
            time.sleep(0.05)
        else:
            return
