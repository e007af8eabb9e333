"""A mail server is set up by its address; what cannot be used is refused without the password."""

from dataclasses import replace
from pathlib import Path

import pytest

from mutoscope.app.shipped import shipped_seller
from mutoscope.bootstrap import open_house, read_seller
from mutoscope.mail.smtp import BadMailServer, smtp_account
from mutoscope.settings import read_settings

URL = "smtp+starttls://studio:p%40ss%20word@mail.example"
SENDER = "Lumen, Ltd <billing@lumen.example>"


def test_an_address_has_scheme_login_host_and_port() -> None:
    account = smtp_account(url=URL, sender=SENDER)

    assert (account.host, account.port, account.scheme) == ("mail.example", 587, "smtp+starttls")
    assert (account.user, account.password) == ("studio", "p@ss word")
    assert (account.sender_name, account.sender) == ("Lumen, Ltd", "billing@lumen.example")
    assert "p@ss" not in repr(account)


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("smtps://mail.example", 465), ("smtp://127.0.0.1:2525", 2_525),
        ("smtp://a:b@localhost/", 25), ("smtp+starttls://[::1]:26", 26),
    ],
)  # fmt: skip
def test_each_scheme_has_its_port(url: str, port: int) -> None:
    assert smtp_account(url=url, sender="billing@lumen.example").port == port


@pytest.mark.parametrize(
    "url",
    [
        "mail.example", "http://mail.example", "smtps://", "smtps://mail.example:0",
        "smtps://mail.example:x", "smtps://mail.example/folder", "smtp://a:secret@mail.example",
    ],
)  # fmt: skip
def test_a_server_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(BadMailServer, match="MUTOSCOPE_SMTP_URL cannot be used") as refused:
        smtp_account(url=url, sender=SENDER)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "sender", ["", "Lumen", "a@b", "x <a@b.example", "a@b.example, c@d.example", "a\n<a@b.example>"]
)
def test_a_sender_that_is_none_is_refused(sender: str) -> None:
    with pytest.raises(BadMailServer, match="MUTOSCOPE_MAIL_FROM"):
        smtp_account(url=URL, sender=sender)


async def test_a_house_with_a_server_sends_as_its_seller_but_never_as_the_example(
    database_url: str, tmp_path: Path
) -> None:
    facts = {"DATABASE_URL": database_url, "MUTOSCOPE_DATA": str(tmp_path),
             "MUTOSCOPE_SMTP_URL": URL}  # fmt: skip
    mine = tmp_path / "mine.toml"
    mine.write_text(_shipped().replace("is_example = true\n", ""), encoding="utf-8")

    async with open_house(read_settings(facts | {"MUTOSCOPE_SELLER": str(mine)})) as house:
        assert house.studio.mailer is not None
        assert house.studio.seller == replace(read_seller(None), is_example=False)
        assert "p@ss" not in repr(house)

    with pytest.raises(BadMailServer, match="MUTOSCOPE_MAIL_FROM"):
        async with open_house(read_settings(facts)):
            pass


async def test_a_house_without_a_server_keeps_its_messages(
    database_url: str, tmp_path: Path
) -> None:
    facts = {"DATABASE_URL": database_url, "MUTOSCOPE_DATA": str(tmp_path)}

    async with open_house(read_settings(facts)) as house:
        assert (house.studio.mailer, house.studio.seller) == (None, shipped_seller())


def _shipped() -> str:
    return (Path(__file__).parents[1] / "src/mutoscope/seller.toml").read_text(encoding="utf-8")
