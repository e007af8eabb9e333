"""`mutoscope finance`: each report as a table, as JSON and as CSV, and the books for Beancount."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from business_stage import open_paying, pay, to_pay
from command_line import Done, run_here
from finance_stage import play, till_of
from mutoscope.app import finance
from mutoscope.app.disputes import dispute_told
from mutoscope.app.gateway import GatewayDispute
from studio_stage import open_stage
from test_books import check

SPAN = ("--from", "2025-01-01", "--to", "2026-03-01")


class Kept(NamedTuple):
    """A house that was busy: until when, and where it is."""

    until: datetime
    url: str
    data: Path


@pytest.fixture
async def kept(database_url: str, tmp_path: Path) -> Kept:
    async with open_stage(database_url, tmp_path) as stage:
        await play(till_of(stage), seed=3, steps=80)
        until = stage.clock.now()
    return Kept(until, database_url, tmp_path / "data")


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """Return a draft in which one tool is dearer than anybody can pay."""
    text = (Path(finance.__file__).parents[1] / "catalog.toml").read_text(encoding="utf-8")
    path = tmp_path / "draft.toml"
    head, name, tail = text.partition("[versions.tools.kling_pro]")
    dear = tail.replace("credits = 50", "credits = 90000", 1)
    path.write_text(f"{head}{name}{dear}", encoding="utf-8")
    return path


def ran(kept: Kept, *arguments: str) -> Done:
    done = run_here("finance", *arguments, database_url=kept.url, data=kept.data)
    assert (done.code, done.errors.strip()) == (0, ""), done
    return done


def rows(done: Done) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(done.output)))


async def test_outstanding_credits_are_told_in_three_ways(kept: Kept) -> None:
    at = ("--at", kept.until.isoformat())

    shown = ran(kept, "outstanding", *at)

    told, listed = ran(kept, "outstanding", *at, "--json"), ran(kept, "outstanding", *at, "--csv")
    assert "Credits outstanding at" in shown.output
    assert [(r["kind"], r["age"], r["available"]) for r in rows(listed)] == [
        (row["kind"], row["age"], str(row["available"])) for row in told.json()["rows"]
    ]
    assert len(told.json()["rows"]) > 1


async def test_deferred_revenue_is_told_in_three_ways(kept: Kept) -> None:
    shown, told, listed = (ran(kept, "deferred", *how) for how in ((), ("--json",), ("--csv",)))

    assert "Deferred revenue at" in shown.output
    assert [int(row["deferred"]) for row in rows(listed)] == [
        row["deferred"] for row in told.json()["rows"]
    ]


async def test_a_month_is_told_with_the_margin_of_its_tools(kept: Kept) -> None:
    shown = ran(kept, "month", "2025-03", "--zone", "Europe/Berlin")

    told = ran(kept, "month", "2025-03", "--zone", "Europe/Berlin", "--json").json()
    margin = rows(ran(kept, "month", "2025-03", "--zone", "Europe/Berlin", "--csv", "margin"))
    assert "2025-03 in Europe/Berlin, final" in shown.output
    assert [int(row["margin_micros"]) for row in margin] == [
        row["margin_micros"] for row in told["tools"]
    ]
    revenue = rows(ran(kept, "month", "2025-03", "--csv", "revenue"))
    assert {row["currency"] for row in revenue} >= {"USD"}


async def test_the_books_are_written_for_beancount(kept: Kept, tmp_path: Path) -> None:
    path = tmp_path / "books.beancount"

    done = ran(kept, "export", "--beancount", str(path), *SPAN, "--json")

    printed = ran(kept, "export", "--beancount", "-", *SPAN)
    assert done.json()["transactions"] == printed.output.count(" * ")
    assert check(path, printed.output) == (0, "", "")


async def test_a_draft_is_tried_out(kept: Kept, draft: Path) -> None:
    shown = ran(kept, "replay", str(draft), *SPAN)

    told = ran(kept, "replay", str(draft), *SPAN, "--json").json()
    listed = rows(ran(kept, "replay", str(draft), *SPAN, "--csv"))
    assert "Would run out: " in shown.output
    assert told["ran_out"][0]["required"] == 90_000
    assert [int(row["unpaid"]) for row in listed] == [row["unpaid"] for row in told["tools"]]


async def test_an_unchanged_draft_lets_nobody_run_out(kept: Kept) -> None:
    shipped = Path(finance.__file__).parents[1] / "catalog.toml"

    assert "Nobody would run out." in ran(kept, "replay", str(shipped), *SPAN).output


@pytest.mark.parametrize(
    "arguments",
    [("month", "2025"), ("export", "--beancount", "-", "--from", "soon", "--to", "2025-01-01")],
)
def test_a_month_or_day_that_is_none_is_told_how_to_write_it(arguments: tuple[str, ...]) -> None:
    done = run_here("finance", *arguments)

    assert done.code == 2
    assert "write 20" in done.errors


def test_a_span_without_a_day_is_refused(draft: Path) -> None:
    done = run_here(
        "finance", "replay", str(draft), "--from", "2025-02-01", "--to", "2025-01-01", "--json"
    )

    assert (done.code, json.loads(done.errors)["code"]) == (1, "bad_days")


@pytest.mark.parametrize(
    ("report", "names"),
    [
        (("outstanding",), "kind,source,is_paid,age,available,frozen,held,lots"),
        (("deferred",), "currency,item,count,paid,recognised,breakage,taken_back,deferred"),
        (("debts",), "workspace_id,"),
        (("month", "2025-03", "--csv", "revenue"), "currency,plans,credits,breakage,"),
        (("month", "2025-03", "--csv", "margin"), "tool,kind,paid_credits,"),
    ],
)
def test_a_report_of_an_empty_house_has_the_names_of_its_columns(
    database_url: str, tmp_path: Path, report: tuple[str, ...], names: str
) -> None:
    place = Kept(datetime.now(UTC), database_url, tmp_path / "data")

    done = ran(place, *report, *(() if "--csv" in report else ("--csv",)))

    assert done.output.startswith(names)
    assert len(done.output.splitlines()) == 1


async def test_what_lost_disputes_left_unpaid_is_told_in_three_ways(
    database_url: str, tmp_path: Path
) -> None:
    async with open_stage(database_url, tmp_path) as stage:
        (request,) = await to_pay(stage, await open_paying(stage))
        await pay(stage, request, reference="RF1")
        lost = GatewayDispute(
            reference="dp", payment_reference="RF1", total=request.money(), is_won=False
        )
        await dispute_told(stage.studio, gateway="manual", dispute=lost)
    place = Kept(stage.clock.now(), database_url, tmp_path / "data")

    shown, (as_json,), (as_csv,) = (
        ran(place, "debts").output, ran(place, "debts", "--json").json(),
        rows(ran(place, "debts", "--csv")),
    )  # fmt: skip

    assert (as_json["reference"], as_json["amount"]) == ("dp", request.taxed.total)
    assert (as_csv["amount"], "manual" in shown) == (str(request.taxed.total), True)
