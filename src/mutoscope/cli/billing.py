"""`mutoscope billing`: who is billed for a workspace."""

from dataclasses import dataclass
from typing import Annotated

import typer

from mutoscope.app.billing_details import set_details
from mutoscope.bootstrap import House
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, WorkspaceId, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, told
from mutoscope.domain.invoices import Party
from mutoscope.storage import billing_details, workspaces
from mutoscope.storage.billing_details import BillingDetails

commands = typer.Typer()
billing = typer.Typer(help="Show and set who is billed.", no_args_is_help=True)
commands.add_typer(billing, name="billing")


@commands.callback()
def studio() -> None:
    """Keep who is billed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailsOptions:
    """Who is billed."""

    workspace: WorkspaceId
    name: Annotated[str, typer.Option(help="The legal name.")]
    address: Annotated[list[str], typer.Option(help="A line of the address; again for the next.")]
    country: Annotated[str, typer.Option(help="Two letters of ISO 3166, such as DE or US.")]
    tax_id: Annotated[str | None, typer.Option(help="With its country's letters.")] = None
    email: Annotated[
        str | None, typer.Option(help="Where invoices go; without it to the workspace's address.")
    ] = None
    is_json: Json = False


@billing.command()
def show(workspace: WorkspaceId, *, is_json: Json = False) -> None:
    """Show who is billed, and whether the address takes messages."""

    async def read(house: House) -> tuple[BillingDetails, str]:
        async with house.studio.reading() as connection:
            owner = await workspaces.get(connection, workspace_id=workspace)
            found = await billing_details.get(connection, workspace_id=workspace)
        return found, owner.zone

    _show(*in_house(read), is_json=is_json)


@billing.command(name="set")
@takes(DetailsOptions)
def set_all(asked: DetailsOptions) -> None:
    """Set who is billed from now on, all of it; what was issued keeps its buyer."""
    party = Party(
        legal_name=asked.name, address=tuple(asked.address), country=asked.country,
        tax_id=asked.tax_id, email=asked.email,
    )  # fmt: skip

    async def put(house: House) -> tuple[BillingDetails, str]:
        found = await set_details(house.studio, workspace_id=asked.workspace, party=party)
        async with house.studio.reading() as connection:
            owner = await workspaces.get(connection, workspace_id=asked.workspace)
        return found, owner.zone

    _show(*in_house(put), is_json=asked.is_json)


def _show(found: BillingDetails, zone: str, *, is_json: bool) -> None:
    if is_json:
        print_json(found)
        return
    party, screen = found.party, console()
    facts = (
        ("name", party.legal_name), ("address", ", ".join(party.address) or "-"),
        ("country", party.country or "-"), ("tax id", party.tax_id or "-"),
        ("email", party.email or "-"), ("set", told(found.changed_at, zone=zone)),
    )  # fmt: skip
    for name, text in facts:
        screen.print(f"{name:<10} {text}", markup=False)
    if found.bounced_at is not None:
        bounce = f"{told(found.bounced_at, zone=zone)}: {found.bounce}"
        screen.print(f"{'bounced':<10} {bounce}", markup=False)
