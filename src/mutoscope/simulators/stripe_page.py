"""The simulated Stripe's page where a session is paid with a test card."""

from decimal import Decimal
from html import escape
from typing import Any, Final

from mutoscope.simulators.exchange import Answer
from mutoscope.simulators.stripe_cards import MEANINGS

DIGITS: Final = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "PYG", "RWF", "VND", "VUV", "XAF", "XOF",
         "XPF"), 0,
    ),
    **dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 3),
}  # fmt: skip
"""Digits behind the point of currencies that have not two, as Stripe documents them."""

_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>Simulated checkout</title>
<body style="font: 1.1rem/1.5 system-ui; max-width: 34rem; margin: 2rem auto; padding: 0 1rem">
<h1>Simulated checkout</h1>
<p><strong>This is a simulator of Stripe: no money moves.</strong></p>
<p>{name}: <strong>{amount} {currency}</strong></p>{told}
<form method="post"><fieldset><legend>Pay with the card that</legend>{cards}</fieldset>
<p><label><input type="checkbox" name="is_away" value="true"> The owner goes away before the bank's
question is answered</label></p>
<p><button>Pay {amount} {currency}</button></p></form>{back}
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
    currency, back = session["currency"].upper(), session["cancel_url"]
    digits = DIGITS.get(currency, 2)
    text = _PAGE.format(
        name=escape(session["_name"]), cards=cards, currency=escape(currency),
        amount=f"{Decimal(session['amount_total']).scaleb(-digits):,.{digits}f}",
        told=f'<p role="alert">{escape(told)}</p>' if told else "",
        back=f'<p><a href="{escape(back)}">Go back without paying</a></p>' if back else "",
    )  # fmt: skip
    return Answer(content=text.encode(), media_type="text/html; charset=utf-8")
