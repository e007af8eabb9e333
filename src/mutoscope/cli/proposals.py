"""`mutoscope proposal`: what waits for a second person of the staff."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final
from uuid import UUID

import typer
from rich.markup import escape

from mutoscope.app import proposals as deciding
from mutoscope.app.desk import Done
from mutoscope.bootstrap import House
from mutoscope.cli.as_staff import As, PasswordFile, Reason, Who, as_staff
from mutoscope.cli.opening import in_house
from mutoscope.cli.options import Json, id_of
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, money_told, table, told
from mutoscope.domain.card_facts import MONEY
from mutoscope.domain.proposals import ProposalState
from mutoscope.storage import proposals as rows
from mutoscope.storage.payments import NOBODY
from mutoscope.storage.proposals import Proposal

SHOWN_MAX: Final = 500

commands = typer.Typer()
proposal = typer.Typer(help="Decide what takes two of the staff.", no_args_is_help=True)
commands.add_typer(proposal, name="proposal")

ProposalId = Annotated[
    UUID,
    typer.Argument(
        metavar="PROPOSAL", help="The proposal's id.",
        parser=id_of("proposal", remedy="`mutoscope proposal list` tells them"),
    ),
]  # fmt: skip


@proposal.command(name="list")
def list_all(
    *,
    state: Annotated[ProposalState | None, typer.Option(help="One state alone.")] = None,
    is_json: Json = False,
) -> None:
    """List what was proposed, the newest first."""

    async def read(house: House) -> tuple[Proposal, ...]:
        async with house.studio.reading() as connection:
            await rows.lapse_proposals(connection, at=house.studio.clock.now())
            return await rows.page(
                connection,
                before_at=rows.LATEST_AT,
                before_id=rows.LATEST_ID,
                state=state,
                limit=SHOWN_MAX,
            )

    _show(in_house(read), is_json=is_json)


@proposal.command()
def show(proposal_id: ProposalId, *, is_json: Json = False) -> None:
    """Show a proposal, and what became of it."""

    async def read(house: House) -> Proposal:
        return await _read(house, proposal_id)

    _show((in_house(read),), is_json=is_json)


@proposal.command()
def approve(
    proposal_id: ProposalId, *, reason: Reason, acting: As = None,
    password_file: PasswordFile = None, is_json: Json = False,
) -> None:  # fmt: skip
    """Approve a proposal as its second person: it is carried out at once."""
    who = Who(name=acting, password_file=password_file)
    decided = _decided(deciding.approve, proposal_id=proposal_id, reason=reason, who=who)
    _show((decided,), is_json=is_json)


@proposal.command()
def refuse(
    proposal_id: ProposalId, *, reason: Reason, acting: As = None,
    password_file: PasswordFile = None, is_json: Json = False,
) -> None:  # fmt: skip
    """Refuse what somebody else proposed."""
    who = Who(name=acting, password_file=password_file)
    decided = _decided(deciding.refuse, proposal_id=proposal_id, reason=reason, who=who)
    _show((decided,), is_json=is_json)


@proposal.command()
def withdraw(
    proposal_id: ProposalId, *, reason: Reason, acting: As = None,
    password_file: PasswordFile = None, is_json: Json = False,
) -> None:  # fmt: skip
    """Take your own proposal back."""
    who = Who(name=acting, password_file=password_file)
    decided = _decided(deciding.withdraw, proposal_id=proposal_id, reason=reason, who=who)
    _show((decided,), is_json=is_json)


def _decided(
    decide: Callable[..., Awaitable[Done | Proposal]], *, proposal_id: UUID, reason: str, who: Who
) -> Proposal:
    async def run(house: House) -> Proposal:
        await as_staff(
            house, who,
            lambda actor: decide(house.studio, actor, proposal_id=proposal_id, reason=reason),
        )  # fmt: skip
        return await _read(house, proposal_id)

    return in_house(run)


async def _read(house: House, proposal_id: UUID) -> Proposal:
    async with house.studio.reading() as connection:
        await rows.lapse_proposals(connection, at=house.studio.clock.now())
        return await rows.get(connection, proposal_id=proposal_id)


def _show(found: tuple[Proposal, ...], *, is_json: bool) -> None:
    if is_json:
        print_json(found)
        return
    made = table("!proposal", "action", "?!workspace", "what", "state", "?lapses", "why")
    for each in found:
        made.add_row(
            str(each.proposal_id), each.action,
            "nobody" if each.workspace_id == NOBODY else str(each.workspace_id),
            escape(proposed_told(each.data)), each.state, told(each.lapses_at),
            escape(each.reason or "erased"),
        )  # fmt: skip
    console().print(made)


def proposed_told(data: Mapping[str, Any]) -> str:
    """Return what was proposed, as one line; money of no known currency is in minor units."""
    currency = data.get("currency")
    return ", ".join(
        f"{name.replace('_', ' ')} {_value(name, value, currency)}"
        for name, value in data.items()
        if name != "currency"
    )


def _value(name: str, value: object, currency: str | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name in MONEY:
        return money_told(value, currency)
    return f"{value:,}" if isinstance(value, int) else str(value)
