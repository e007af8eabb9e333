"""The words of a transfer: hard to mistake, and found again in what a bank makes of them."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mutoscope.domain.invoices import number_in
from mutoscope.domain.transfer_words import request_end, transfer_words

REQUEST = UUID("f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
END = "765-00a0c91e6bf6"


def test_the_words_of_a_transfer_are_hard_to_mistake() -> None:
    words = {transfer_words(request_id=uuid4()) for _ in range(1_000)}

    assert len(words) == 1_000
    assert not set("ILOU") & set("".join(words).replace("MU-", ""))


@given(request_id=st.uuids())
def test_words_lead_back_to_their_request(request_id: UUID) -> None:
    assert request_end(transfer_words(request_id=request_id)) == str(request_id)[-16:]


@pytest.mark.parametrize(
    "text",
    [
        "MU-PZTW-H43M-08SE", "mu pztw h43m 08se", "MUPZTWH43M08SE", "MU-PZTW-H43M-O8SE",
        "Rechnung MU-PZTW-H43M-08SE vom 3.3.", "MUSIC VIDEO MU/PZTW H43M.08SE, thanks",
    ],
)  # fmt: skip
def test_words_are_found_as_people_and_banks_write_them(text: str) -> None:
    assert request_end(text) == END


@pytest.mark.parametrize(
    "text",
    ["", "MU", "MU-PZTW-H43M", "MU-PZTW-H43M-08SEX", "XMU-PZTW-H43M-08SE", "MU-UUUU-UUUU-UUUU"],
)
def test_what_are_no_words_is_none(text: str) -> None:
    assert request_end(text) is None


def test_a_number_is_found_in_a_longer_text() -> None:
    assert number_in("paid INV-2026-000123, thanks") == ("INV", 2026, 123)
    assert number_in("INV-26-000123") is None
