"""The simulated Stripe's page where a session is paid with a test card."""

from html import escape
from typing import Any, Final

from mutoscope.simulators.exchange import Answer
from mutoscope.simulators.stripe_cards import MEANINGS

_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Simulated checkout</title>
<body style="font: 1.1rem/1.5 system-ui; max-width: 34rem; margin: 2rem auto; padding: 0 1rem">
<h1>Simulated checkout</h1>
<p><strong>This is a simulator of Stripe: no money moves.</strong></p>
<p>{amount} {currency}</p>{told}
<form method="post"><fieldset><legend>Pay with the card that</legend>{cards}</fieldset>
<p><label><input type="checkbox" name="is_away" value="true"> The owner goes away before the bank's
question is answered</label></p>
<p><button>Pay</button></p></form>
"""
_CARD: Final = (
    '<p><label><input type="radio" name="card" value="{number}"{checked}> {meaning} '
    "<small>{number}</small></label></p>"
)


def page(session: dict[str, Any], told: str = "") -> Answer:
    """Return the page of a session, with a sentence about the last attempt."""
    cards = "".join(
        _CARD.format(number=number, meaning=meaning, checked="" if index else " checked")
        for index, (number, meaning) in enumerate(MEANINGS.items())
    )
    text = _PAGE.format(
        amount=session["amount_total"], currency=escape(session["currency"].upper()), cards=cards,
        told=f'<p role="alert">{escape(told)}</p>' if told else "",
    )  # fmt: skip
    return Answer(content=text.encode(), media_type="text/html; charset=utf-8")
