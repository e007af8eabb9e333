"""Invoices over HTTP: listed by cursor, shown, printed; and who is billed."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from api_client import Api, open_api
from invoice_stage import copies, draft, issue
from money_stage import confirm, with_plan
from mutoscope.app.credit_note import credit_invoice
from studio_stage import Stage

AURORA = {
    "legal_name": "Aurora Films GmbH", "address": ["Lichtstraße 1", "10115 Berlin"],
    "country": "DE", "tax_id": "DE136695976", "email": "books@aurora.example",
}  # fmt: skip


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


@pytest.fixture
async def workspace(api: Api) -> str:
    return await api.workspace()


async def issued(api: Api, workspace: str, *, count: int = 1) -> list[str]:
    """Issue invoices a minute apart and return their ids, newest first."""
    studio = api.house.studio
    stage = Stage(studio, None, studio.clock, UUID(workspace.rpartition("/")[2]))
    made = copies(await draft(stage), count)
    await issue(stage, *(
        replace(each, issued_at=each.issued_at - timedelta(minutes=place))
        for place, each in enumerate(made)
    ))  # fmt: skip
    return [str(each.invoice_id) for each in made]


async def test_who_is_billed_is_set_and_shown(api: Api, workspace: str) -> None:
    before = await api.get(f"{workspace}/billing")

    put = await api.client.put(f"{workspace}/billing", json={**AURORA, "tax_id": "136 695 976"})

    shown = (await api.get(f"{workspace}/billing")).json()
    assert (before.json()["legal_name"], before.json()["changed_at"]) == ("Aurora", None)
    assert put.status_code == 200
    assert shown == put.json()
    assert {name: shown[name] for name in AURORA} == AURORA


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"tax_id": "DE1"}, "bad_tax_id"), ({"country": "XX"}, "bad_country"),
        ({"email": "nobody"}, "bad_email"), ({"legal_name": "a\nb"}, "bad_billing_details"),
        ({"address": []}, "malformed"), ({"vat": "x"}, "malformed"),
    ],
)  # fmt: skip
async def test_what_cannot_be_billed_is_refused_by_name(
    api: Api, workspace: str, change: dict, code: str
) -> None:
    refused = await api.client.put(f"{workspace}/billing", json=AURORA | change)

    assert refused.json()["code"] == code
    assert (await api.get(f"{workspace}/billing")).json()["changed_at"] is None


async def test_pages_list_every_invoice_once_newest_first(api: Api, workspace: str) -> None:
    wanted = await issued(api, workspace, count=5)
    found: list[str] = []
    following: str | None = ""
    while following is not None:
        after = {"after": following} if following else {}
        page = (await api.get(f"{workspace}/invoices", params={"limit": 2, **after})).json()
        found += [each["invoice_id"] for each in page["invoices"]]
        following = page["next"]

    assert found == wanted


async def test_a_credit_note_is_listed_with_the_invoice_that_it_credits(
    api: Api, workspace: str
) -> None:
    (invoice_id,) = await issued(api, workspace)
    await credit_invoice(
        api.house.studio, workspace_id=UUID(workspace.rpartition("/")[2]),
        invoice_id=UUID(invoice_id), reason="started twice",
    )  # fmt: skip

    note, invoice = (await api.get(f"{workspace}/invoices")).json()["invoices"]

    assert (note["refers_to"], note["refers_to_number"]) == (invoice_id, invoice["number"])
    assert invoice["refers_to_number"] is None


async def test_an_invoice_is_shown_with_lines_and_totals(api: Api, workspace: str) -> None:
    await api.client.put(f"{workspace}/billing", json=AURORA)
    (invoice_id,) = await issued(api, workspace)

    shown = (await api.get(f"{workspace}/invoices/{invoice_id}")).json()

    assert (shown["net"], shown["tax"], shown["total"], shown["currency"]) == (3900, 0, 3900, "USD")
    assert (shown["treatment"], shown["kind"]) == ("reverse_charge", "invoice")
    assert shown["buyer"]["tax_id"] == "DE136695976"
    assert [line["text"] for line in shown["lines"]] == ["Plan Pro, monthly"]


async def test_an_invoice_is_printed(api: Api, workspace: str) -> None:
    (invoice_id,) = await issued(api, workspace)
    address = f"{workspace}/invoices/{invoice_id}/invoice.pdf"

    printed, again = await api.get(address), await api.get(address)

    assert printed.headers["Content-Type"] == "application/pdf"
    assert "INV-" in printed.headers["Content-Disposition"]
    assert printed.content.startswith(b"%PDF")
    assert printed.content == again.content


async def test_what_is_another_workspaces_is_not_there(api: Api, workspace: str) -> None:
    (invoice_id,) = await issued(api, workspace)
    other = await api.workspace("Borealis")

    answers = [
        await api.get(f"{other}/invoices/{invoice_id}"),
        await api.get(f"{other}/invoices/{invoice_id}/invoice.pdf"),
        await api.get(f"{workspace}/payment-requests/{uuid4()}/request.pdf"),
        await api.get(f"/v1/workspaces/{uuid4()}/invoices"),
        await api.get(f"/v1/workspaces/{uuid4()}/billing"),
        await api.client.put(f"/v1/workspaces/{uuid4()}/billing", json=AURORA),
    ]

    assert [answer.status_code for answer in answers] == [404] * 6
    assert (await api.get(f"{other}/invoices")).json() == {"invoices": [], "next": None}


async def test_an_invoice_on_account_is_paid_once_its_money_came(api: Api) -> None:
    workspace = await with_plan(api)
    (asked,) = (await api.get(f"{workspace}/payment-requests")).json()["requests"]
    own = f"{workspace}/invoices/{asked['invoice_id']}"
    printed = (await api.get(f"{own}/invoice.pdf")).content
    unpaid = (await api.get(own)).json()["paid_at"]

    await confirm(api, asked)
    await credit_invoice(
        api.house.studio, workspace_id=UUID(asked["workspace_id"]),
        invoice_id=UUID(asked["invoice_id"]), reason="a day without service", amount=100,
    )  # fmt: skip

    paid = (await api.get(f"{workspace}/payment-requests/{asked['request_id']}")).json()["paid_at"]
    note, invoice = (await api.get(f"{workspace}/invoices")).json()["invoices"]
    assert (unpaid, note["paid_at"], invoice["paid_at"]) == (None, None, paid)
    assert (await api.get(own)).json()["paid_at"] == paid
    assert (await api.get(f"{own}/invoice.pdf")).content == printed
