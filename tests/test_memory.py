"""The server inside takes a share of the memory that there is."""

from pathlib import Path

import asyncpg
import pytest

from mutoscope.storage.embedded import EmbeddedPostgres
from mutoscope.storage.memory import buffers_mib, memory_mib


@pytest.mark.parametrize(
    ("memory", "buffers"),
    [(512, 128), (2_048, 128), (4_096, 256), (8_192, 512), (16_384, 1_024), (262_144, 1_024)],
)
def test_the_buffers_are_a_sixteenth_within_bounds(memory: int, buffers: int) -> None:
    assert buffers_mib(memory_mib=memory) == buffers


@pytest.mark.parametrize(("written", "memory"), [("536870912\n", 512), ("max\n", None)])
def test_the_limit_of_a_container_counts(tmp_path: Path, written: str, memory: int | None) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text(written)

    assert memory_mib(limit=limit) == (memory or memory_mib(limit=tmp_path / "none"))


async def test_the_server_is_started_with_them(tmp_path: Path) -> None:
    async with EmbeddedPostgres(folder=tmp_path / "server") as server:
        connection = await asyncpg.connect(server.dsn)
        told = await connection.fetchval(
            "SELECT setting::int / 128 FROM pg_settings WHERE name = 'shared_buffers'"
        )
        await connection.close()

    assert told == buffers_mib(memory_mib=memory_mib())
