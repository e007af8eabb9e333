"""`mutoscope desk confirm`, `enter-payment`: what staff read on a bank statement.

A statement has words and an amount, and no ids: what a payer wrote names the request.
"""

from dataclasses import dataclass
from typing import Annotated, Final
from uuid import uuid4

import typer
from rich.markup import escape

from mutoscope.app import proposals
from mutoscope.app.desk import DeskOrder, Done, Proposed
from mutoscope.app.named_request import named_request
from mutoscope.bootstrap import House
from mutoscope.cli.as_staff import Reason, in_house_as
from mutoscope.cli.desk_acting import Acting, Key, Looking, ThreadId, act, looked, show, who_of
from mutoscope.cli.desk_money import Amount, OwnerId
from mutoscope.cli.options import currency_code, money_of, takes
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, counted, money, table, tell, told
from mutoscope.domain.staff import Actor, StaffAction, require
from mutoscope.domain.transfer_words import transfer_words
from mutoscope.storage import payments
from mutoscope.storage.payments import PaymentRequest

LISTED_MAX: Final = 200
"""Open requests that are listed: older ones are found by their words all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmOptions(Looking):
    """Which transfer was seen, for which request; without both, what is open is listed."""

    words: Annotated[
        str, typer.Argument(
            metavar="[WORDS]",
            help="The words of the transfer, such as MU-PZTW-H43M-08SE, an invoice's number, or "
            "the request's id; a longer text may have them in it.",
        ),
    ] = ""  # fmt: skip
    reference: Annotated[
        str, typer.Argument(
            metavar="[REFERENCE]", help="The bank's own reference of the transfer.",
        ),
    ] = ""  # fmt: skip
    reason: Reason = ""
    amount: Amount = None
    thread: ThreadId = None
    key: Key = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterOptions(Acting):
    """Which transfer came of which nobody knows what for."""

    workspace_id: OwnerId
    amount: Annotated[int, typer.Argument(**money_of("How much came"))]
    currency: Annotated[str, typer.Argument(help="Its code, such as EUR.", parser=currency_code)]
    reference: Annotated[str, typer.Argument(help="The bank's own reference of the transfer.")]


@takes(ConfirmOptions)
def confirm(asked: ConfirmOptions) -> None:
    """Confirm a transfer for what its words name; without a reference, list what is open.

    Another amount than asked for is parked.
    """
    if not asked.reference:
        _list(asked)
        return
    reference = "".join(asked.reference.split())

    async def confirmed(house: House, actor: Actor) -> Done | Proposed:
        require(actor, StaffAction.CONFIRM_PAYMENT)
        request = await named_request(house.studio, words=asked.words)
        data = {
            "request_id": str(request.request_id), "reference": reference, "amount": asked.amount,
        }  # fmt: skip
        order = DeskOrder(
            action="confirm_payment", workspace_id=request.workspace_id, data=data,
            reason=asked.reason, key=asked.key or str(uuid4()), thread_id=asked.thread,
        )  # fmt: skip
        return await proposals.act(house.studio, actor, order=order)

    show(in_house_as(who_of(asked), confirmed), is_json=asked.is_json)


@takes(EnterOptions)
def enter_payment(asked: EnterOptions) -> None:
    """Enter a transfer that names no request: it is parked; the reason says who paid, and how.

    The same reference again is the same transfer.
    """
    data = {
        "amount": asked.amount, "currency": asked.currency,
        "reference": "".join(asked.reference.split()),
    }  # fmt: skip
    act(asked, "enter_payment", data)


def attach(group: typer.Typer) -> None:
    """Give these commands to a group."""
    for command in (confirm, enter_payment):
        group.command()(command)


def _list(asked: ConfirmOptions) -> None:
    """Show the request that the words name, or all that is open, each with its words."""

    async def read(house: House) -> tuple[PaymentRequest, ...]:
        studio = house.studio
        if asked.words:
            return (await named_request(studio, words=asked.words),)
        async with studio.reading() as connection:
            return await payments.open_requests_of_all(connection, limit=LISTED_MAX)

    found = looked(asked, read)
    if asked.is_json:
        print_json([{"words": _words(each), "request": each} for each in found])
        return
    if not found:
        tell("Nothing is open: nobody has to pay anything.")
        return
    made = table("asked", "!words", ">amount", "what", "state", "?!workspace", "?!request")
    for each in found:
        made.add_row(
            told(each.created_at), _words(each), money(each.money()),
            escape(each.title), each.state, str(each.workspace_id), str(each.request_id),
        )  # fmt: skip
    console().print(made)
    tell(
        f"{counted(len(found), 'request')}, the newest first. Confirm a transfer with `mutoscope "
        "desk confirm WORDS REFERENCE --reason …`: the reference is the bank's own."
    )


def _words(request: PaymentRequest) -> str:
    return transfer_words(request_id=request.request_id)
