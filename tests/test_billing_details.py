"""Who is billed is checked before it is kept, and a bad tax id is refused by name."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from invoice_stage import BUYER, bill, issued
from mutoscope.app.billing_details import (
    BadBillingDetails,
    BadCountry,
    BadTaxId,
    checked_tax_id,
    set_details,
)
from mutoscope.app.sign_up import BadEmail, sign_up
from mutoscope.domain.invoices import Party
from mutoscope.storage import billing_details
from mutoscope.storage.workspaces import UnknownWorkspace
from studio_fixture import open_workspace
from studio_stage import Stage, open_stage


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(database_url, tmp_path) as stage:
        yield stage


async def shown(stage: Stage, workspace_id: UUID) -> Party:
    async with stage.studio.reading() as connection:
        return (await billing_details.get(connection, workspace_id=workspace_id)).party


async def test_before_anything_is_set_it_is_the_workspaces_name_and_address(stage: Stage) -> None:
    ada = await sign_up(stage.studio, name="Ada", email="ada@example.com", zone="UTC")

    party = await shown(stage, ada.workspace_id)

    assert party == Party(legal_name="Ada", email="ada@example.com")


async def test_details_are_kept_in_their_one_spelling(stage: Stage) -> None:
    written = replace(
        BUYER, legal_name="  Aurora Films GmbH ", country="de", tax_id="136 695 976", email=None
    )

    found = await set_details(stage.studio, workspace_id=stage.workspace_id, party=written)

    assert found.party == replace(BUYER, email=None)
    assert (found.changed_at, found.bounced_at) == (stage.clock.now(), None)


async def test_what_was_issued_keeps_its_buyer(stage: Stage) -> None:
    await bill(stage)
    before = await issued(stage)

    await bill(stage, replace(BUYER, legal_name="Borealis Films GmbH"))

    assert before.taxed.buyer == BUYER
    assert (await issued(stage)).taxed.buyer.legal_name == "Borealis Films GmbH"


async def test_details_of_two_workspaces_are_kept_apart(stage: Stage) -> None:
    other = await open_workspace(stage)

    await bill(stage)

    assert (await shown(stage, other)).legal_name == "Borealis"
    assert await shown(stage, stage.workspace_id) == BUYER


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"legal_name": " "}, BadBillingDetails), ({"legal_name": "a\nb"}, BadBillingDetails),
        ({"legal_name": "x" * 121}, BadBillingDetails), ({"address": ()}, BadBillingDetails),
        ({"address": ("x",) * 7}, BadBillingDetails), ({"address": ("\x85",)}, BadBillingDetails),
        ({"country": None}, BadCountry), ({"country": "EL"}, BadCountry),
        ({"country": "Germany"}, BadCountry), ({"tax_id": "DE136695977"}, BadTaxId),
        ({"tax_id": "ATU12345675"}, BadTaxId), ({"email": "nobody"}, BadEmail),
    ],
)  # fmt: skip
async def test_what_cannot_stand_on_an_invoice_is_refused_by_name(
    stage: Stage, change: dict, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await bill(stage, replace(BUYER, **change))

    assert (await shown(stage, stage.workspace_id)).legal_name == "Aurora"


async def test_nobody_is_billed_for_a_workspace_that_is_not_there(stage: Stage) -> None:
    with pytest.raises(UnknownWorkspace):
        await bill(stage, workspace_id=UUID(int=1))


@pytest.mark.parametrize(
    ("country", "written", "kept"),
    [
        ("DE", "DE 136,695 976", "DE136695976"), ("DE", "136695976", "DE136695976"),
        ("GR", "EL 094259216", "EL094259216"), ("GR", "GR094259216", "EL094259216"),
        ("AT", "AT U13585627", "ATU13585627"), ("CH", "CHE-107.787.577 IVA", "CHE107787577IVA"),
        ("US", "12-3456789", "12-3456789"),
    ],
)  # fmt: skip
def test_a_tax_id_is_kept_as_its_country_prints_it(country: str, written: str, kept: str) -> None:
    assert checked_tax_id(written, country=country) == kept


@pytest.mark.parametrize(
    ("country", "written"),
    [("DE", ""), ("FR", "DE136695976"), ("US", "x" * 41), ("US", " "), ("US", "a\r\nb")],
)
def test_a_tax_id_of_no_country_is_refused(country: str, written: str) -> None:
    with pytest.raises(BadTaxId, match=f"no tax id of {country}"):
        checked_tax_id(written, country=country)
