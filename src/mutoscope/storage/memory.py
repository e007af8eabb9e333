"""How much memory the server inside keeps the pages of tables and indexes in.

A sixteenth of what there is: the rest is for the studio's own processes, and for the files that the
kernel keeps at hand anyway. A container's limit counts as the machine's memory.
"""

import os
from pathlib import Path
from typing import Final

MEBIBYTE: Final = 1024 * 1024
SHARE: Final = 16
BUFFERS_MIN: Final = 128
BUFFERS_MAX: Final = 1024
"""MiB: from so many a million wallets were renewed beside charges (docs/performance.md)."""

CGROUP_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")


def buffers_mib(*, memory_mib: int) -> int:
    """Return the size of the server's shared buffers in MiB, on a machine with so many."""
    return max(BUFFERS_MIN, min(BUFFERS_MAX, memory_mib // SHARE))


def memory_mib(*, limit: Path = CGROUP_LIMIT) -> int:
    """Return the memory of the machine, or of the container that this runs in, in MiB."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    written = limit.read_text().strip() if limit.is_file() else ""
    return (min(machine, int(written)) if written.isdigit() else machine) // MEBIBYTE
