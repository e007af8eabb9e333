"""The reference is whole: every setting, sub-command and route stands there as the code says it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from api_client import Api, open_api
from mutoscope.cli.main import ENTRIES, loaded
from mutoscope.settings import PROVIDERS, SETTINGS
from tidy import ROOT

CLI = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
API = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")
SAME = {f"MUTOSCOPE_{name.upper()}_URL" for name in PROVIDERS}
"""Settings that share one row, since they mean the same of each provider."""


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


def subcommands() -> Iterator[tuple[str, str]]:
    """Yield the commands of groups, each with its group."""
    for entry in ENTRIES:
        for name in getattr(loaded(entry.name), "commands", {}):
            yield entry.name, name


def rows_of(command: str) -> str:
    """Return the first cells of the rows that tell of a command."""
    rows = (row.split(" | ")[0] for row in CLI.splitlines() if row.startswith(f"| `{command} "))
    return "\n".join(rows)


def test_every_setting_stands_in_the_reference_with_its_default_and_meaning() -> None:
    rows = [
        f"| `{setting.name}` | {f'`{setting.default}`' if setting.default else 'none'} "
        f"| {setting.help} |"
        for setting in SETTINGS
        if setting.name not in SAME
    ]

    assert [row for row in rows if row not in CLI] == []
    assert [name for name in SAME if f"`{name}`" not in CLI] == []


def test_every_sub_command_stands_in_the_row_of_its_group() -> None:
    told = {group: rows_of(group).replace("`", " ").replace(",", " ") for group, _ in subcommands()}

    missing = [(group, name) for group, name in subcommands() if f" {name} " not in told[group]]

    assert missing == []


async def test_every_route_stands_in_the_reference_with_its_summary(api: Api) -> None:
    document = (await api.get("/openapi.json")).json()

    rows = [
        f"| `{method.upper()} {path}` | {operation['summary']} |"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]

    assert len(rows) > 1
    assert [row for row in rows if row not in API] == []
