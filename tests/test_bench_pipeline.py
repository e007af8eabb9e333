"""The bench of the pipeline: what it measures, and how it tells."""

import json

import pytest
import typer
from typer.testing import CliRunner

from mutoscope.cli import bench_pipeline
from mutoscope.cli.bench_pipeline import bench


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_pipeline, "WATCH_S", 1.5)
    monkeypatch.setattr(bench_pipeline, "POLL_S", 0.5)


def invoked(*arguments: str) -> str:
    app = typer.Typer()
    app.add_typer(bench, name="bench")
    result = CliRunner().invoke(app, ["bench", "pipeline", "--jobs", "10", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_jobs_a_second_and_the_lateness_of_looks_are_told() -> None:
    told = json.loads(invoked("--json"))

    assert told["throughput"]["jobs"] == told["schedule"]["jobs"] == 10
    assert 0 < told["throughput"]["jobs_per_s"] <= told["throughput"]["held_per_s"]
    assert -50 < told["schedule"]["late_p50_ms"] <= told["schedule"]["late_p99_ms"]
    assert told["schedule"]["looks_per_s"] > 5


def test_a_person_is_shown_tables() -> None:
    shown = invoked()

    assert "jobs_per_s" in shown
    assert "late_p99_ms" in shown
