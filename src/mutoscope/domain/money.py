"""Money as text: minor units with the point where the currency has it.

Owns the digits of currencies, as ISO 4217 has them. The invariant: an amount is never divided into
a fraction; the text is cut from the whole number.
"""

from typing import Final

MINOR_DIGITS: Final = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND",
         "VUV", "XAF", "XOF", "XPF"),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}  # fmt: skip
"""Digits after the point of the currencies that have not two."""


def amount_text(amount: int, currency: str) -> str:
    """Return an amount of minor units without the name of its currency."""
    digits = MINOR_DIGITS.get(currency, 2)
    whole, minor = divmod(abs(amount), 10**digits)
    fraction = f".{minor:0{digits}}" if digits else ""
    return f"{'-' if amount < 0 else ''}{whole:,}{fraction}"


def money_text(amount: int, currency: str) -> str:
    """Return an amount of minor units with its currency."""
    return f"{amount_text(amount, currency)} {currency}"
