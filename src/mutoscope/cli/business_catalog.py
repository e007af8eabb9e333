"""The catalog of the business demo: the shipped one with rules for the desk, and one a year later.

Invariant: it is written as a file and read like any operator's. The later version gives other
credits, costs more, and needs no desk to add what was paid.
"""

from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Final

FILE: Final = "catalog.toml"
FIRST: Final = "2025-01"
LATER: Final = "2028-07"
LATER_AT: Final = datetime(2028, 7, 1, tzinfo=UTC)
_BLOCK: Final = "\n[[versions]]\n"
_DESK: Final = """
[versions.desk]
four_eyes_above = 2500
goodwill_per_month = { image = 250, video = 400 }
"""
_CHANGES: Final = (
    (f'key = "{FIRST}"', f'key = "{LATER}"'),
    ("effective_at = 2025-01-01T00:00:00Z", f"effective_at = {LATER_AT:%Y-%m-%dT%H:%M:%SZ}"),
    ("{ image = 200, video = 700 }", "{ image = 250, video = 650 }"),
    ("{ image = 700, video = 1500 }", "{ image = 700, video = 1600 }"),
    ("monthly_minor = 3900, annual_minor = 39000", "monthly_minor = 4200, annual_minor = 42000"),
    ('fulfilment = "desk"', 'fulfilment = "automatic"'),
)
"""What the later version changes of the shipped one."""


def write_catalog(folder: Path) -> Path:
    """Write the catalog with both versions, and return its file."""
    first = files("mutoscope").joinpath(FILE).read_text(encoding="utf-8") + _DESK
    later = first[first.index(_BLOCK) :]
    for before, after in _CHANGES:
        assert before in later, before
        later = later.replace(before, after)
    path = folder / FILE
    path.write_text(first + later, encoding="utf-8")
    return path
