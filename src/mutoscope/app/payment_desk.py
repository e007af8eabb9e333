"""To whom is handed what was seen at a gateway: the use cases that count it, each thing once."""

from dataclasses import replace
from functools import partial
from typing import Final

from mutoscope.app.acts import Act
from mutoscope.app.disputes import dispute_told
from mutoscope.app.money_back import refund_told
from mutoscope.app.payment_events import Handlers
from mutoscope.app.receive import receive

HANDLERS: Final = Handlers(receive=receive, refund_told=refund_told, dispute_told=dispute_told)


def handlers_of(act: Act) -> Handlers:
    """Return those of somebody who counts what was missed: each thing with a line of its own."""
    return replace(
        HANDLERS, receive=partial(receive, act=act), refund_told=partial(refund_told, act=act)
    )
