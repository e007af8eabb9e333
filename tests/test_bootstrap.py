"""A house is put together from settings, and what it cannot be built from is named."""

import re
from datetime import UTC
from pathlib import Path

import asyncpg
import pytest

from mutoscope.app.studio import ENGINE
from mutoscope.bootstrap import (
    KEY_BYTES,
    CatalogUnreadable,
    DataUnwritable,
    RandomIds,
    SystemClock,
    open_house,
    prepare_database,
    read_catalog,
)
from mutoscope.domain.credits import Refusal
from mutoscope.settings import Settings, read_settings
from mutoscope.storage.database import DatabaseUnreachable


def settings_of(url: str, data: Path) -> Settings:
    return read_settings({"DATABASE_URL": url, "MUTOSCOPE_DATA": str(data)})


async def test_a_house_keeps_its_keys_and_shows_them_to_nobody_else(
    database_url: str, tmp_path: Path
) -> None:
    settings = settings_of(database_url, tmp_path)
    async with open_house(settings) as first:
        before = (first.signing_key, first.studio.email_key)

    async with open_house(settings) as again:
        assert (again.signing_key, again.studio.email_key) == before

    assert len(set(before)) == 2
    assert {len(key) for key in before} == {KEY_BYTES}
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}


async def test_a_house_tells_no_secret(database_url: str, tmp_path: Path) -> None:
    async with open_house(settings_of(database_url, tmp_path)) as house:
        shown = repr(house)

        assert database_url not in shown
        assert repr(house.signing_key) not in shown
        assert repr(house.studio.email_key) not in shown
        assert set(house.studio.generators) == {ENGINE}


async def test_a_database_is_prepared_twice_without_a_change(
    database_url: str, connection: asyncpg.Connection
) -> None:
    made = "SELECT max(xmin::text::bigint) FROM pg_proc"
    await prepare_database(database_url)
    before = await connection.fetchval(made)

    await prepare_database(database_url)

    assert await connection.fetchval(made) == before


@pytest.mark.parametrize("subject", ["functions", "pgqueuer"])
async def test_another_edition_takes_the_place_of_what_is_there(
    database_url: str, connection: asyncpg.Connection, subject: str
) -> None:
    editions = "SELECT array_agg(name) FROM migrations WHERE name LIKE $1 || ' %'"
    await prepare_database(database_url)
    (ours,) = await connection.fetchval(editions, subject)
    earlier = "UPDATE migrations SET name = $1 || ' earlier' WHERE name = $2"
    await connection.execute(earlier, subject, ours)
    await connection.execute("DROP FUNCTION ledger_used CASCADE")

    await prepare_database(database_url)

    assert await connection.fetchval(editions, subject) == [ours]
    assert (await connection.fetchval("SELECT to_regproc('ledger_used')") is None) == (
        subject == "pgqueuer"
    )


async def test_a_database_that_is_away_is_named_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://ann:opensesame@/x?host={tmp_path}&port=5999"

    with pytest.raises(DatabaseUnreachable) as refused:
        await prepare_database(url)

    assert "opensesame" not in str(refused.value)


async def test_a_data_folder_in_the_way_is_named(database_url: str, tmp_path: Path) -> None:
    blocked = tmp_path / "data"
    blocked.write_text("in the way")

    with pytest.raises(DataUnwritable, match="set MUTOSCOPE_DATA to another folder"):
        async with open_house(settings_of(database_url, blocked)):
            pytest.fail("a house without a data folder")


def test_the_catalog_that_is_shipped_can_be_read() -> None:
    (version,) = read_catalog(None).versions

    assert version.tool(key="kling_pro").credits == 50


def test_a_catalog_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogUnreadable, match=r"gone\.toml"):
        read_catalog(tmp_path / "gone.toml")


def test_a_catalog_that_is_no_text_is_named(tmp_path: Path) -> None:
    picture = tmp_path / "catalog.toml"
    picture.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(CatalogUnreadable, match="name a TOML text file"):
        read_catalog(picture)


def test_a_catalog_with_bad_data_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "catalog.toml"
    path.write_text("[[versions]]\nkey = 7\n")

    with pytest.raises(Refusal, match=re.escape(str(path))):
        read_catalog(path)


def test_ids_and_codes_differ_and_have_their_form() -> None:
    ids = RandomIds()

    assert len({ids.new() for _ in range(100)}) == 100
    assert all(re.fullmatch(r"\d{6}", ids.code()) for _ in range(100))


def test_the_clock_is_aware_and_in_utc() -> None:
    assert SystemClock().now().tzinfo is UTC
