"""The demo over simulated providers: every tool, their faults, and two sets of books that agree."""

from pathlib import Path

from command_line import run

DELIVERED = {
    "still", "assistant", "fine-tune", "runway", "veo", "kling-pro", "kling-standard", "pixverse",
    "wan", "silent-but-found", "silent", "stale-link",
}  # fmt: skip


def test_nine_tools_run_over_the_wire_and_the_books_of_both_sides_agree(tmp_path: Path) -> None:
    ran = run("demo", "--providers", "simulated", "--out", str(tmp_path / "demo"), "--json")

    assert ran.code == 0, ran.errors
    told = ran.json()
    jobs = told["jobs"].items()
    assert told["is_clean"]
    assert {key for key, job in jobs if job["state"] == "succeeded"} == DELIVERED
    assert {job["charged"] for _, job in jobs if job["state"] == "failed"} == {0}


def test_a_demo_of_unknown_providers_is_a_usage_error_that_names_those_there_are(
    tmp_path: Path,
) -> None:
    ran = run("demo", "--providers", "nobody", "--out", str(tmp_path))

    assert ran.code == 2
    assert "engine" in ran.errors
    assert "simulated" in ran.errors
