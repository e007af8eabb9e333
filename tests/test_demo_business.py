"""Two years of business are played from a seed; here a small town lives a few months of them."""

from pathlib import Path

from command_line import run


def test_a_small_town_does_business_and_every_book_agrees(tmp_path: Path) -> None:
    size = ("--customers", "14", "--days", "70")

    ran = run("demo", "--business", *size, "--out", str(tmp_path / "demo"), "--json")

    assert ran.code == 0, ran.errors
    told = ran.json()
    assert told["is_clean"]
    assert told["are_books_equal"]
    assert told["bean_check"] is True
    assert told["payments"] > 0
    assert told["seen"]["spent"] > 0
    assert all(each["kept"] == each["last"] for each in told["series"])
