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

WHOLE_DIGITS_MAX: Final = 12  # no invoice needs more, and sums stay far below 64 bits


def amount_text(amount: int, currency: str) -> str:
    """Return an amount of minor units without the name of its currency."""
    digits = MINOR_DIGITS.get(currency, 2)
    whole, minor = divmod(abs(amount), 10**digits)
    fraction = f".{minor:0{digits}}" if digits else ""
    return f"{'-' if amount < 0 else ''}{whole:,}{fraction}"


def money_text(amount: int, currency: str) -> str:
    """Return an amount of minor units with its currency."""
    return f"{amount_text(amount, currency)} {currency}"


def minor_units(text: str, currency: str) -> int | None:
    """Return what a person wrote as minor units of a currency; None when it is no such amount."""
    digits = MINOR_DIGITS.get(currency, 2)
    whole, point, fraction = text.strip().replace(",", "").partition(".")
    is_written = text.isascii() and whole.isdecimal() and len(whole) <= WHOLE_DIGITS_MAX
    has_digits = not point or fraction.isdecimal()
    if not is_written or not has_digits or len(fraction) > digits:
        return None
    return int(whole + fraction.ljust(digits, "0"))
