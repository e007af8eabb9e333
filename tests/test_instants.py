"""Instants as people read them: by a zone's clocks, with the zone's name."""

from datetime import datetime

import pytest

from mutoscope.domain.instants import told


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Europe/Berlin", "26 Dec 2026 03:59 CET"),
        ("America/New_York", "25 Dec 2026 21:59 EST"),
        ("UTC", "26 Dec 2026 02:59 UTC"),
    ],
)
def test_an_instant_is_told_by_the_clocks_of_a_zone_with_its_name(zone: str, expected: str) -> None:
    at = datetime.fromisoformat("2026-12-26T02:59:59.999+00:00")

    assert told(at, zone=zone) == expected


def test_an_instant_of_no_workspace_is_told_in_utc() -> None:
    assert told(datetime.fromisoformat("2026-12-26T03:59+01:00")) == "26 Dec 2026 02:59 UTC"
