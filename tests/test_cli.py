"""The command line as processes: exit codes, streams, JSON, and how quickly it starts."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

import pytest

from command_line import Done, run, run_here
from mutoscope.cli.main import ENTRIES, EXIT_CODES, Entry
from tidy import ROOT

HEAVY = {"litestar", "numpy", "av", "PIL", "asyncpg", "pgqueuer", "rich", "pydantic", "structlog"}
LISTING = {"mutoscope.cli", "mutoscope.domain", "mutoscope.domain.credits"}
ASYNCHRONOUS = {"asyncio", "ssl", "logging.handlers"}


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> dict[str, object]:
    return {"database_url": database_url, "data": tmp_path / "data"}


@pytest.fixture
def workspace(place: dict[str, object]) -> str:
    made = run_here("workspace", "create", "Ada", "--demo", "--json", **place)
    return str(made.json()["workspace"]["workspace_id"])


def imported_by(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


def test_the_list_of_commands_imports_nothing_heavy() -> None:
    names = imported_by("-m", "mutoscope.cli.main", "--help")

    assert "typer" in names
    assert names.isdisjoint(HEAVY | ASYNCHRONOUS)
    assert {name for name in names if name.startswith("mutoscope.")} <= LISTING


def test_the_list_of_commands_tells_each_under_its_panel() -> None:
    listed = run("--help").output

    sections = {part.split(":\n")[0]: part for part in listed.split("\n\n")}
    assert [entry.name for entry in ENTRIES if entry.help not in sections[entry.panel]] == []


def test_importing_the_package_imports_nothing_else() -> None:
    names = imported_by("-c", "import mutoscope")

    assert {name for name in names if name.startswith("mutoscope")} == {"mutoscope"}
    assert names.isdisjoint(HEAVY | ASYNCHRONOUS | {"typer"})


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_listed_command_explains_itself(entry: Entry) -> None:
    done = run_here(entry.name, "--help")

    assert (done.code, done.errors) == (0, "")
    assert "--help" in done.output


def test_the_reference_names_every_command_and_exit_code() -> None:
    reference = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")

    assert [entry.name for entry in ENTRIES if f"`{entry.name}" not in reference] == []
    assert [code for code in EXIT_CODES if f"| {code} |" not in reference] == []


def test_an_unknown_command_is_a_mistake_of_usage() -> None:
    assert run("frobnicate").code == 2


def test_the_version_is_that_of_the_package() -> None:
    done = run_here("--version")

    assert (done.code, done.output) == (0, f"mutoscope {version('mutoscope')}\n")


def test_what_is_no_id_is_told_with_where_ids_are_listed() -> None:
    done = run_here("balance", "mine")

    assert done.code == 2
    assert "'mine' is no id of a workspace: `mutoscope workspace list` tells them" in done.errors


def test_a_table_in_a_pipe_keeps_its_ids_whole(place: dict[str, object]) -> None:
    name = "A studio whose name is far too long for a line of a hundred columns, and not cut. " * 2
    made = run_here("workspace", "create", name, "--json", **place).json()["workspace"]

    (line,) = run_here("workspace", "list", **place).output.splitlines()[2:]

    assert line.startswith(f"{made['workspace_id']}  ")
    assert name.strip() in line


def test_what_is_not_there_has_an_exit_code_of_its_own(place: dict[str, object]) -> None:
    done = run("workspace", "show", str(uuid4()), **place)

    assert (done.code, done.output) == (3, "")
    assert done.errors.startswith("unknown_workspace: ")
    assert done.errors.count("\n") == 1


def test_a_refusal_in_json_carries_its_data(place: dict[str, object], workspace: str) -> None:
    for _ in range(3):
        run_here("generate", workspace, "a pier", "--images", "16", "--no-wait", **place)

    refused = run("generate", workspace, "a pier", "--images", "7", "--json", **place)

    assert (refused.code, refused.output) == (4, "")
    assert '"code": "insufficient_credits"' in refused.errors
    assert '"shortfall": 5' in refused.errors


def test_a_database_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://ann:secret@127.0.0.1:1/none"

    done = run("workspace", "list", database_url=url, data=tmp_path)

    assert done.code == 5
    assert done.errors.startswith("database_unreachable: ")
    assert "secret" not in done.errors


def test_the_trial_has_no_video_and_says_what_opens_it(
    place: dict[str, object], workspace: str
) -> None:
    frame = run("generate", workspace, "a pier at dusk", "--json", **place).json()["outputs"][0]

    done = run_here("animate", workspace, frame["frame"], **place)

    assert done.code == 1
    assert done.errors.startswith("not_entitled: ")
    assert "start a plan" in done.errors


def test_a_failure_exits_apart_and_charges_nothing(
    place: dict[str, object], workspace: str
) -> None:
    done = run("generate", workspace, "a pier [[fail]]", "--json", **place)

    assert done.code == 7
    assert done.json()["job"]["state"] == "failed"
    (balance,) = run_here("balance", workspace, "--json", **place).json()
    assert (balance["spendable"], balance["held"]) == (50, 0)


def test_the_same_key_is_the_same_job(place: dict[str, object], workspace: str) -> None:
    order = ("generate", workspace, "a pier", "--key", "frame-1", "--json")

    placed, again = (run_here(*order, "--no-wait", **place), run(*order, **place))

    assert placed.json()["job"]["job_id"] == again.json()["job"]["job_id"]
    assert [placed.json()["is_replay"], again.json()["is_replay"]] == [False, True]
    assert again.json()["job"]["captured"] == 1


def test_a_job_that_waits_can_be_cancelled(place: dict[str, object], workspace: str) -> None:
    job = run_here("generate", workspace, "a pier", "--no-wait", "--json", **place).json()["job"]

    done = run_here("cancel", workspace, job["job_id"], "--json", **place)

    assert done.json()["is_cancel_asked"]


def test_a_code_that_was_entered_is_not_shown_again(place: dict[str, object]) -> None:
    opened = run_here(
        "workspace", "create", "Ada", "--sign-up", "--email", "ada@example.com", "--json", **place
    ).json()
    workspace = opened["workspace"]["workspace_id"]
    code = opened["messages"][0]["body"].removeprefix("Your code is ")[:6]
    sent = run_here("workspace", "show", workspace, **place).output

    entered = run_here("workspace", "verify-email", workspace, code, **place).output
    shown = run_here("workspace", "show", workspace, "--json", **place).output

    assert f"Your code is {code}." in sent
    assert "Your code was used." in entered
    assert (code in entered, code in shown) == (False, False)


def test_jobs_are_listed_in_a_state_a_page_at_a_time(
    place: dict[str, object], workspace: str
) -> None:
    placed = [
        run_here("generate", workspace, f"pier {each}", "--no-wait", "--json", **place).json()
        for each in range(2)
    ]

    first = run_here("jobs", workspace, "--state", "waiting", "--limit", "1", **place)
    cursor = first.errors.split("--after ")[1].strip()
    rest = run_here("jobs", workspace, "--after", cursor, "--json", **place).json()
    none = run_here("jobs", workspace, "--state", "failed", "--json", **place).json()

    assert (str(placed[1]["job"]["job_id"]) in first.output, "pier 0" in first.output) == (
        True,
        False,
    )
    assert [job["job_id"] for job in rest["jobs"]] == [placed[0]["job"]["job_id"]]
    assert (rest["next"], none["jobs"]) == (None, [])


def test_reads_agree_about_what_was_spent(place: dict[str, object], workspace: str) -> None:
    job = run("generate", workspace, "a pier", "--images", "2", "--json", **place).json()["job"]

    history = run_here("history", workspace, "--json", "--oldest-first", **place).json()
    receipt = run_here("receipt", workspace, job["job_id"], "--json", **place).json()
    told = run_here("receipt", workspace, job["job_id"], **place).output
    for_staff = run_here("receipt", workspace, job["job_id"], "--cost", **place).output

    assert [line["words"] for line in history["lines"]] == [
        "50 trial credits granted", "2 credits held", "2 credits charged",
    ]  # fmt: skip
    assert receipt["lines"] == history["lines"][1:]
    assert [(line["job_id"], line["tool"]) for line in history["lines"]] == [
        (None, None), *[(job["job_id"], "image_generation")] * 2,
    ]  # fmt: skip
    assert receipt["job"]["captured"] == len(receipt["outputs"]) == 2
    assert receipt.keys().isdisjoint({"attempts"})
    assert told.startswith("Image Generation succeeded, 2 of 2 ")
    assert ("USD" in told, "cost 0.000000 USD" in for_staff) == (False, True)


def test_the_history_tells_which_tool_the_credits_were_for(
    place: dict[str, object], workspace: str
) -> None:
    run_here("generate", workspace, "a pier", "--no-wait", **place)

    told = run_here("history", workspace, **place).output

    assert "  1 credit held (Image Generation)  " in told
    assert "  50 trial credits granted  " in told


def test_a_history_of_a_kind_that_there_is_not_is_refused(
    place: dict[str, object], workspace: str
) -> None:
    refused = run_here("history", workspace, "--kind", "foo", **place)
    empty = run_here("history", workspace, "--kind", "video", "--json", **place).json()

    assert refused.errors.startswith("unknown_kind: there are no foo credits: take one of image,")
    assert empty["lines"] == []


def test_a_receipt_tells_where_its_files_lie(
    place: dict[str, object], workspace: str, tmp_path: Path
) -> None:
    run_here("workspace", "plan", workspace, "pro", **place)
    job = run("generate", workspace, "a pier", "--json", **place).json()["job"]["job_id"]
    out, pdf = tmp_path / "stills", tmp_path / "receipt.pdf"

    kept = ("receipt", workspace, job, "--out", str(out), "--pdf", str(pdf))
    told = run_here(*kept, **place).errors
    files = run_here(*kept, "--json", **place).json()["files"]

    assert files == [str(out / f"{job}-1.png"), str(pdf)]
    assert all(Path(each).is_file() and f"Written to {each}." in told for each in files)


def test_a_plan_fixes_the_billing_date_and_an_estimate_names_the_lots(
    place: dict[str, object], workspace: str
) -> None:
    run_here("workspace", "plan", workspace, "pro", **place)

    dates = run_here("calendar", workspace, "--periods", "2", "--json", **place).json()
    estimate = run_here("estimate", workspace, "veo3", "--seconds", "8", "--json", **place).json()

    assert dates[0]["ends_at"] == dates[1]["starts_at"]
    assert (estimate["price"], estimate["remaining"]) == (250, 1_250)
    assert sum(draw["amount"] for draw in estimate["draws"]) == 250


def test_a_balance_is_told_at_an_instant_of_the_past(
    place: dict[str, object], workspace: str
) -> None:
    done = run_here("balance", workspace, "--at", "2020-01-01", "--json", **place)

    (balance,) = done.json()
    assert (balance["spendable"], balance["explanation"]) == (
        0, ["0 image credits can be spent at 01 Jan 2020 00:00 UTC."],
    )  # fmt: skip


@pytest.mark.parametrize("at", ["0001-01-01", "9999-12-31T23:59-12:00"])
def test_an_instant_beyond_the_years_of_a_ledger_is_refused(
    place: dict[str, object], workspace: str, at: str
) -> None:
    done = run_here("balance", workspace, "--at", at, **place)

    assert done.code == 1
    assert done.errors.startswith("instant_out_of_reach: the instant lies out of reach")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a" * 201])
def test_a_workspace_without_a_name_is_not_opened(place: dict[str, object], name: str) -> None:
    done = run_here("workspace", "create", name, **place)
    listed = run_here("workspace", "list", "--json", **place)

    assert (done.code, listed.json()) == (1, [])
    assert done.errors.startswith("bad_name: a name has 1 to 200 characters in one line")


def test_a_catalog_that_is_wrong_is_told_with_its_key(tmp_path: Path) -> None:
    shipped = (ROOT / "src/mutoscope/catalog.toml").read_text(encoding="utf-8")
    wrong = tmp_path / "catalog.toml"
    wrong.write_text(shipped.replace("credits = 250", "credits = -1"), encoding="utf-8")

    done = run_here("catalog", "check", str(wrong), data=tmp_path)

    assert done.code == 1
    assert "versions[2025-01].tools.veo3.credits" in done.errors


def test_an_example_calendar_clamps_to_the_month(tmp_path: Path) -> None:
    example = ("calendar", "--anchor", "2027-01-31T10:00", "--zone", "Europe/Berlin")

    done: Done = run_here(*example, "--periods", "3", data=tmp_path)

    assert [line.split()[1:3] for line in done.output.splitlines() if "payment" in line] == [
        ["31", "Jan"], ["28", "Feb"], ["31", "Mar"],
    ]  # fmt: skip


def test_the_calendar_of_a_workspace_begins_now_and_ends_with_its_plan(
    place: dict[str, object], workspace: str
) -> None:
    began = f"{datetime.now(UTC) - timedelta(days=70):%Y-%m-%d}"
    run_here("subscription", "start", workspace, "pro", "--began", began, "--yes", **place)
    run_here("subscription", "cancel", workspace, "--yes", **place)

    told = run_here("calendar", workspace, **place).output.splitlines()[2:]
    feed = run_here("calendar", workspace, "--ics", "-", **place).output

    assert [line.split()[0] for line in told] == ["2", "3"]
    assert told[0].rstrip().endswith(" UTC   new monthly credits")
    assert told[1].rstrip().endswith("the plan ends")
    assert feed.count("BEGIN:VEVENT") == 4
    assert feed.count("SUMMARY:Pro: the plan ends") == 1


def test_a_written_calendar_is_told_with_its_dates(tmp_path: Path) -> None:
    file = tmp_path / "billing.ics"
    asked = ("calendar", "--anchor", "2027-01-31", "--ics", str(file))

    done, as_json = run_here(*asked), run_here(*asked, "--json")

    assert "12 billing dates" in done.errors
    assert as_json.json() == {"file": str(file), "dates": 12}
    assert file.read_text(encoding="utf-8").count("BEGIN:VEVENT") == 12


def test_nothing_is_renewed_ahead_of_its_time(place: dict[str, object]) -> None:
    done = run("renew", "--at", "2999-01-01", **place)

    assert done.code != 0
    assert "renewal_ahead: 01 Jan 2999 00:00 UTC has not come" in done.errors


def test_a_job_of_unlimited_use_is_told_as_free_of_charge(place: dict[str, object]) -> None:
    made = run_here("workspace", "create", "Ada", "--demo", "--json", **place)
    workspace = made.json()["workspace"]["workspace_id"]
    run_here("workspace", "plan", workspace, "unlimited", **place)

    done = run("generate", workspace, "a pier", **place)

    assert (
        "image_generation succeeded, unlimited, 1 image credit metered at no charge" in done.output
    )
