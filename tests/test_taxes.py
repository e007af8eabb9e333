"""Taxes are rounded once and half up, parts have the tax of their whole, buyers decide the rate."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoice_stage import BUYER, PACK
from mutoscope.app.shipped import shipped_seller
from mutoscope.domain.invoices import (
    BASIS_POINTS,
    InvoiceLine,
    NothingToInvoice,
    Treatment,
    net_of,
    number_text,
    tax_on,
    tax_within,
)
from mutoscope.domain.money import money_text
from mutoscope.domain.seller import Seller

AMOUNTS = st.integers(0, 10**12)
RATES = st.integers(0, BASIS_POINTS)


@given(AMOUNTS, RATES)
def test_a_tax_is_the_nearest_minor_unit_and_half_of_one_is_rounded_up(net: int, rate: int) -> None:
    tax = tax_on(net=net, rate=rate)

    exact_and_a_half = 2 * net * rate + BASIS_POINTS
    assert 2 * tax * BASIS_POINTS <= exact_and_a_half < 2 * (tax + 1) * BASIS_POINTS
    assert 0 <= tax <= net


@pytest.mark.parametrize(
    ("net", "rate", "tax"),
    [(50, 100, 1), (49, 100, 0), (150, 100, 2), (0, 2_300, 0), (1, 10_000, 1)],
)  # fmt: skip
def test_half_of_a_minor_unit_is_rounded_up(net: int, rate: int, tax: int) -> None:
    assert tax_on(net=net, rate=rate) == tax


@given(AMOUNTS, RATES, st.lists(st.integers(1, 10**9), max_size=8))
def test_parts_of_a_whole_have_its_tax_exactly(net: int, rate: int, wanted: list[int]) -> None:
    tax = tax_on(net=net, rate=rate)
    total = net + tax
    before, taxes = 0, 0
    for part in [*(each % (total + 1) for each in wanted), total]:
        taken = min(part, total - before)

        found = tax_within(part=taken, tax=tax, total=total, before=before)

        assert 0 <= found <= taken
        before, taxes = before + taken, taxes + found
    assert (before, taxes) == (total, tax)


@given(st.lists(st.integers(-10_000, 10**9), min_size=1, max_size=20), RATES)
def test_totals_add_up_whatever_the_lines_are(amounts: list[int], rate: int) -> None:
    lines = [InvoiceLine(code="plan", text="x", amount=amount) for amount in amounts]
    own = shipped_seller()
    seller = replace(own, taxes=replace(own.taxes, rates={"IE": rate, "DE": rate}))
    if sum(amounts) < 0:
        with pytest.raises(NothingToInvoice):
            net_of(lines)
        return

    taxed = seller.taxed(buyer=replace(BUYER, tax_id=None), lines=lines, currency="EUR")

    assert (taxed.net, taxed.total) == (sum(amounts), sum(amounts) + taxed.tax)
    assert taxed.tax == tax_on(net=sum(amounts), rate=rate)


def test_no_lines_are_no_invoice() -> None:
    with pytest.raises(NothingToInvoice):
        net_of([])


def seller(country: str, **rates: int) -> Seller:
    own = shipped_seller()
    return replace(
        own, party=replace(own.party, country=country),
        taxes=replace(own.taxes, rates={country: 2_300, **rates}),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sells", "country", "tax_id", "expected"),
    [
        (seller("IE"), "IE", None, (2_300, Treatment.STANDARD)),
        (seller("IE"), "IE", "IE0000000AB", (2_300, Treatment.STANDARD)),
        (seller("IE"), None, None, (2_300, Treatment.STANDARD)),
        (seller("IE"), "DE", "DE136695976", (0, Treatment.REVERSE_CHARGE)),
        (seller("IE", DE=1_900), "DE", "DE136695976", (0, Treatment.REVERSE_CHARGE)),
        (seller("IE"), "DE", None, (2_300, Treatment.STANDARD)),
        (seller("IE", DE=1_900), "DE", None, (1_900, Treatment.STANDARD)),
        (seller("IE"), "US", None, (0, Treatment.NONE)),
        (seller("IE", GB=2_000), "GB", "GB123", (2_000, Treatment.STANDARD)),
        (seller("US"), "DE", "DE136695976", (0, Treatment.NONE)),
    ],
)
def test_the_buyers_country_and_tax_id_decide(
    sells: Seller, country: str | None, tax_id: str | None, expected: tuple[int, Treatment]
) -> None:
    buyer = replace(BUYER, country=country, tax_id=tax_id)

    taxed = sells.taxed(buyer=buyer, lines=[PACK], currency="EUR")

    assert (taxed.rate, taxed.treatment) == expected
    assert (taxed.note is None) == (taxed.treatment is Treatment.STANDARD)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (123_456, "USD", "1,234.56 USD"), (5, "EUR", "0.05 EUR"), (-105, "EUR", "-1.05 EUR"),
        (5_800, "JPY", "5,800 JPY"), (-1, "JPY", "-1 JPY"), (1_234, "KWD", "1.234 KWD"),
    ],
)  # fmt: skip
def test_money_is_told_with_the_digits_of_its_currency(
    amount: int, currency: str, text: str
) -> None:
    assert money_text(amount, currency) == text


def test_a_number_has_its_series_year_and_six_digits_or_more() -> None:
    assert number_text(series="INV", year=2026, number=123) == "INV-2026-000123"
    assert number_text(series="CN", year=2026, number=1_234_567) == "CN-2026-1234567"
