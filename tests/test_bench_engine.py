"""The bench of the built-in engine: what it measures, and how it tells."""

import json

import pytest
import typer
from typer.testing import CliRunner

from mutoscope.cli import bench_engine
from mutoscope.cli.bench_engine import CLIP_MAX_S, STILL_MAX_S, bench, stills
from mutoscope.providers.local.reading import read
from mutoscope.providers.local.scene import Place, ShotSize, Weather


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_engine, "stills", lambda: ("a beach at noon",))
    monkeypatch.setattr(bench_engine, "CLIPS", ("a beach at noon",))
    monkeypatch.setattr(bench_engine, "CLIP_DURATION_S", 1)


def invoked(*arguments: str) -> str:
    app = typer.Typer()
    app.add_typer(bench, name="bench")
    result = CliRunner().invoke(app, ["bench", "engine", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_still_of_each_place_is_measured_in_every_shot_and_weather() -> None:
    scenes = [read(prompt=prompt, seed=1) for prompt in stills()]

    assert [scene.place for scene in scenes] == list(Place)
    assert {scene.shot for scene in scenes} == set(ShotSize)
    assert {scene.weather for scene in scenes} == set(Weather)


def test_processor_seconds_are_told_beside_the_most_they_should_be() -> None:
    rows = json.loads(invoked("--json"))["rows"]

    assert [row["cpu_max_s"] for row in rows] == [STILL_MAX_S, CLIP_MAX_S]
    assert [row["duration_s"] for row in rows] == [None, 1]
    assert all(0.1 < row["cpu_s"] < 60 for row in rows)


def test_a_person_is_shown_a_table() -> None:
    shown = invoked()

    assert "a beach at noon" in shown
    assert "1 s clip" in shown
