"""Invoices, billing details and messages on the command line, with their files and exit codes."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from command_line import Done, run_here
from invoice_stage import draft, issue
from mutoscope.bootstrap import open_house
from mutoscope.settings import read_settings
from studio_stage import Stage

AURORA = ("--name", "Aurora Films GmbH", "--address", "Lichtstraße 1", "--address", "10115 Berlin")
GERMAN = ("--country", "DE", "--tax-id", "DE136695976", "--email", "books@aurora.example")


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> dict[str, object]:
    return {"database_url": database_url, "data": tmp_path / "data"}


@pytest.fixture
def workspace(place: dict[str, object]) -> str:
    made = run_here("workspace", "create", "Ada", "--demo", "--json", **place)
    workspace = str(made.json()["workspace"]["workspace_id"])
    assert run_here("billing", "set", workspace, *AURORA, *GERMAN, **place).code == 0
    return workspace


@pytest.fixture
async def number(workspace: str, place: dict[str, object]) -> str:
    """Issue an invoice and return its number."""
    settings = {"DATABASE_URL": place["database_url"], "MUTOSCOPE_DATA": str(place["data"])}
    async with open_house(read_settings(settings)) as house:
        stage = Stage(house.studio, None, house.studio.clock, UUID(workspace))
        await issue(stage, replace(await draft(stage), due_at=house.studio.clock.now()))
    return f"INV-{house.studio.seller.year(at=house.studio.clock.now())}-000001"


@pytest.fixture
def signed_in(place: dict[str, object], tmp_path: Path) -> None:
    """Sign in as somebody of the books."""
    password = tmp_path / "password"
    password.write_text("correct horse battery", encoding="utf-8")
    roles = ("--role", "admin", "--role", "finance", "--reason", "keeps the books")
    run_here("staff", "add", "ada", "--email", "ada@studio.example", *roles,
             "--new-password-file", str(password), **place)  # fmt: skip
    run_here("staff", "sign-in", "ada", "--password-file", str(password), **place)


async def command(*arguments: str, place: dict[str, object]) -> Done:
    return await asyncio.to_thread(run_here, *arguments, **place)


def test_billing_details_are_set_and_shown(workspace: str, place: dict[str, object]) -> None:
    shown = run_here("billing", "show", workspace, **place)
    data = run_here("billing", "show", workspace, "--json", **place).json()

    for told in ("Aurora Films GmbH", "Lichtstraße 1, 10115 Berlin", "DE136695976"):
        assert told in shown.output
    assert data["party"]["address"] == ["Lichtstraße 1", "10115 Berlin"]
    assert data["bounced_at"] is None


def test_a_bad_tax_id_is_refused_by_name(workspace: str, place: dict[str, object]) -> None:
    refused = run_here("billing", "set", workspace, *AURORA, "--country", "FR", "--tax-id", "1",
                       **place)  # fmt: skip

    assert refused.code == 1
    assert refused.errors.startswith("bad_tax_id: '1' is no tax id of FR")


async def test_invoices_are_listed_shown_and_written(
    workspace: str, number: str, place: dict[str, object], tmp_path: Path
) -> None:
    listed = await command("invoice", "list", workspace, "--json", place=place)
    shown = await command("invoice", "show", workspace, number, place=place)
    path = tmp_path / "mine.pdf"
    written = await command("invoice", "download", workspace, number, "--out", str(path),
                            place=place)  # fmt: skip

    (item,) = listed.json()
    by_id = await command("invoice", "show", workspace, item["invoice_id"], "--json", place=place)
    assert (item["number"], item["total"], by_id.json()["number"]) == (number, 3_900, number)
    assert "39.00 USD" in shown.output
    assert "reverse charge" in shown.output.lower()
    assert written.code == 0
    assert path.read_bytes().startswith(b"%PDF")


@pytest.mark.usefixtures("signed_in")
async def test_an_invoice_is_credited_in_part_and_then_as_a_whole(
    workspace: str, number: str, place: dict[str, object]
) -> None:
    why = ("--reason", "started twice", "--json")

    part = await command("invoice", "credit", workspace, number, "--amount", "900", *why,
                         place=place)  # fmt: skip
    rest = await command("invoice", "credit", workspace, number, *why, place=place)
    more = await command("invoice", "credit", workspace, number, *why, place=place)

    assert [made.json()["taxed"]["net"] for made in (part, rest)] == [900, 3_000]
    assert (more.code, json.loads(more.errors)["code"]) == (1, "credit_exceeds_invoice")
    shown = await command("invoice", "show", workspace, number, place=place)
    assert "credited   39.00 USD" in shown.output
    lines = await command("audit", "list", "--action", "credit_invoice", "--json", place=place)
    assert [(each["name"], each["reason"]) for each in lines.json()] == [
        ("ada", "started twice")
    ] * 2  # fmt: skip


async def test_nobody_credits_an_invoice_in_nobody_s_name(
    workspace: str, number: str, place: dict[str, object]
) -> None:
    refused = await command("invoice", "credit", workspace, number, "--reason", "started twice",
                            place=place)  # fmt: skip

    assert refused.errors.startswith("not_signed_in: ")


@pytest.mark.usefixtures("signed_in")
async def test_a_credit_note_is_listed_with_the_invoice_that_it_credits(
    workspace: str, number: str, place: dict[str, object]
) -> None:
    why = ("--reason", "started twice")
    made = await command("invoice", "credit", workspace, number, *why, "--json", place=place)

    note, invoice = (await command("invoice", "list", workspace, "--json", place=place)).json()
    listed = (await command("invoice", "list", workspace, place=place)).output.splitlines()

    assert (note["number"], note["refers_to_number"]) == (made.json()["number"], number)
    assert (invoice["number"], invoice["refers_to_number"]) == (number, None)
    assert [line.count(number) for line in listed if "-000001" in line] == [1, 1]


@pytest.mark.usefixtures("signed_in")
async def test_what_is_no_invoice_or_amount_is_told_so(
    workspace: str, number: str, place: dict[str, object]
) -> None:
    other = id_of(await command("workspace", "create", "Bo", "--json", place=place))
    credit = ("invoice", "credit", workspace, number, "--reason", "started twice", "--amount")

    codes = [
        (await command(*arguments, place=place)).code
        for arguments in (
            ("invoice", "show", workspace, "INV-2001-000001"),
            ("invoice", "show", other, number), ("invoice", "show", workspace, "mine"),
            (*credit, "1.234"), (*credit, "0"), ("outbox", "show", str(UUID(int=1))),
            ("invoice", "request", workspace, str(UUID(int=1))), ("outbox", "show", "mine"),
        )
    ]  # fmt: skip

    assert codes == [3, 3, 2, 2, 2, 3, 3, 2]


async def test_a_file_that_cannot_be_written_is_refused(
    workspace: str, number: str, place: dict[str, object], tmp_path: Path
) -> None:
    refused = await command("invoice", "download", workspace, number, "--out", str(tmp_path),
                            place=place)  # fmt: skip

    assert (refused.code, refused.errors.partition(":")[0]) == (1, "out_unwritable")


async def test_messages_lie_readable_in_the_outbox_without_a_server(
    number: str, place: dict[str, object]
) -> None:
    (message,) = (await command("outbox", "list", "--json", place=place)).json()
    listed = await command("outbox", "list", "--state", "queued", place=place)
    shown = await command("outbox", "show", f"<{message['message_id']}@x.example>", place=place)
    sent = await command("outbox", "send", place=place)
    bounced = await command("outbox", "bounced", message["message_id"], "--reason", "full",
                            place=place)  # fmt: skip

    assert number in listed.output
    for told in ("books@aurora.example", f"Invoice {number}", "39.00 USD", "attached"):
        assert told in shown.output
    assert (sent.code, sent.errors.partition(":")[0]) == (1, "no_mail_server")
    assert bounced.errors.startswith("message_under_way: ")


def id_of(made: Done) -> str:
    return str(made.json()["workspace"]["workspace_id"])
