"""To whom is handed what was seen at a gateway: the use cases that count it, each thing once."""

from typing import Final

from mutoscope.app.disputes import dispute_told
from mutoscope.app.money_back import refund_told
from mutoscope.app.payment_events import Handlers
from mutoscope.app.receive import receive

HANDLERS: Final = Handlers(receive=receive, refund_told=refund_told, dispute_told=dispute_told)
