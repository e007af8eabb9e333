"""Who sells is the operator's file: good ones are read, bad ones refused by place and remedy."""

from importlib.resources import files
from pathlib import Path

import pytest

from mutoscope.bootstrap import CatalogUnreadable, read_seller
from mutoscope.domain.invoices import DocumentKind
from mutoscope.domain.seller_text import SellerRefused, parse_seller

SHIPPED = files("mutoscope").joinpath("seller.toml").read_text(encoding="utf-8")


def changed(old: str, new: str) -> str:
    assert old in SHIPPED, old
    return SHIPPED.replace(old, new, 1)


def test_the_shipped_seller_says_that_it_is_an_example() -> None:
    seller = read_seller(None)

    assert seller.is_example
    assert seller.printed()["is_example"]
    assert seller.prefixes == {DocumentKind.INVOICE: "INV", DocumentKind.CREDIT_NOTE: "CN"}
    assert "IBAN: IE29 AIBK 9311 5212 3456 78" in seller.bank


def test_a_seller_of_ones_own_needs_no_bank_and_is_no_example(tmp_path: Path) -> None:
    begin, end = SHIPPED.index("[bank]"), SHIPPED.index("# Numbers look")
    mine = tmp_path / "mine.toml"
    mine.write_text((SHIPPED[:begin] + SHIPPED[end:]).replace("is_example = true\n", ""))

    seller = read_seller(mine)

    assert (seller.bank, seller.is_example) == ((), False)


def test_lines_of_a_bank_come_after_its_numbers() -> None:
    text = changed("# lines =", "lines =")

    seller = parse_seller(text=text, source="mine")

    assert seller.bank[-2:] == ("Routing number: 011401533", "Account number: 12345678")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('legal_name = "Example Pictures Ltd"', 'legal_name = ""', "legal_name is ''"),
        ('country = "IE"', 'country = "XX"', "two letters of ISO 3166"),
        ('country = "IE"', 'country = "FR"', "taxes.rates.FR is missing"),
        ('zone = "Europe/Dublin"', 'zone = "Mars/Base"', "IANA"),
        ("payment_days = 14", "payment_days = -1", "payment_days is -1"),
        ('email = "billing@example.com"', 'email = "nobody"', "email is 'nobody'"),
        ("3456 78", "3456 79", "its check digits are wrong"),
        ('bic = "AIBKIE2D"', 'bic = "x"', "bank.bic is 'x'"),
        ('credit_note = "CN"', 'credit_note = "INV"', "a prefix of their own"),
        ("IE = 2300", "IE = 10001", "from 0 to 10000"),
        ("IE = 2300", "IE = 2300\nXX = 1", "name a country"),
        ('name = "VAT"', 'name = "VAT"\nrate = 1', "taxes.rate is 1: remove it"),
        ("[numbers]", "[numbers", "not TOML"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_remedy(old: str, new: str, told: str) -> None:
    with pytest.raises(SellerRefused, match="mine: ") as refused:
        parse_seller(text=changed(old, new), source="mine")

    assert any(told in str(each) for each in refused.value.problems)


def test_an_empty_bank_is_told() -> None:
    begin, end = SHIPPED.index("[bank]"), SHIPPED.index("# Numbers look")

    with pytest.raises(SellerRefused, match="give an iban"):
        parse_seller(text=f"{SHIPPED[:begin]}[bank]\n{SHIPPED[end:]}", source="mine")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogUnreadable, match="gone"):
        read_seller(tmp_path / "gone")
