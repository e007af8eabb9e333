"""Settings come from the environment or from files, and keep their secrets to themselves."""

from dataclasses import fields
from pathlib import Path

import pytest

from mutoscope.settings import (
    SETTINGS,
    BadSetting,
    Origin,
    Settings,
    read_settings,
    settings_in_force,
)


def test_nothing_set_gives_the_defaults() -> None:
    settings = read_settings({})

    assert (settings.host, settings.port, settings.database_url) == ("127.0.0.1", 8420, "")
    assert settings.data.is_absolute()


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("opensesame\n")

    settings = read_settings({"MUTOSCOPE_API_KEY_FILE": str(secret)})

    assert settings.api_key == "opensesame"


def test_secrets_are_not_shown() -> None:
    settings = read_settings({"MUTOSCOPE_API_KEY": "sesame", "DATABASE_URL": "postgresql://a:b@c"})

    assert "sesame" not in repr(settings)
    assert "a:b@c" not in repr(settings)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="DATABASE_URL_FILE"):
        read_settings({"DATABASE_URL_FILE": str(tmp_path / "gone")})


def test_the_options_of_a_bucket_are_lines_and_stay_secret(tmp_path: Path) -> None:
    secret = tmp_path / "bucket"
    secret.write_text("access_key_id = ada\n\nsecret_access_key=a=b, region=here\n")

    settings = read_settings({"MUTOSCOPE_ASSETS_OPTIONS_FILE": str(secret)})

    assert settings.assets_options == {
        "access_key_id": "ada", "secret_access_key": "a=b", "region": "here",
    }  # fmt: skip
    assert "a=b" not in repr(settings)
    with pytest.raises(BadSetting, match="NAME=VALUE") as refused:
        read_settings({"MUTOSCOPE_ASSETS_OPTIONS": "sesame"})
    assert "sesame" not in str(refused.value)


def test_limits_of_files_are_whole_numbers() -> None:
    settings = read_settings({"MUTOSCOPE_ASSETS_QUOTA": "5000", "MUTOSCOPE_EXPORTS_DAYS": "0"})

    assert (settings.assets_quota, settings.exports_days) == (5000, 0)
    assert settings.deliveries_days == 30
    assert read_settings({"MUTOSCOPE_ASSETS_REDIRECT": "yes"}).assets_redirect


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MUTOSCOPE_ASSETS_QUOTA", "5 GB"), ("MUTOSCOPE_ASSETS_QUOTA", "9" * 30),
        ("MUTOSCOPE_EXPORTS_DAYS", "-1"), ("MUTOSCOPE_EXPORTS_DAYS", "36501"),
        ("MUTOSCOPE_DELIVERIES_DAYS", "a month"),
        ("MUTOSCOPE_SIGN_UPS_ADDRESS", "many"), ("MUTOSCOPE_SIGN_UPS_EMAIL", "1000001"),
        ("MUTOSCOPE_SIGN_UPS_HOUR", "-1"), ("MUTOSCOPE_SIGN_UPS_DAYS", "36501"),
        ("MUTOSCOPE_PROXIES", "proxy.example"), ("MUTOSCOPE_PROXIES", "10.0.0.1/8"),
        ("MUTOSCOPE_ASSETS_REDIRECT", "maybe"),
    ],
)  # fmt: skip
def test_a_value_that_says_nothing_is_refused(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match="write"):
        read_settings({name: value})


def test_no_proxy_is_believed_unless_it_is_named() -> None:
    named = read_settings({"MUTOSCOPE_PROXIES": "10.0.0.0/8, 2001:db8::1"})

    assert read_settings({}).proxies == ()
    assert [str(each) for each in named.proxies] == ["10.0.0.0/8", "2001:db8::1/128"]


def test_money_comes_by_bank_transfer_unless_stripe_is_set_up() -> None:
    keys = {"MUTOSCOPE_STRIPE_KEY": "sk_sesame", "MUTOSCOPE_STRIPE_SECRET": "whsec_sesame"}

    shipped = read_settings({}).payments
    payments = read_settings({**keys, "MUTOSCOPE_GATEWAY": "stripe"}).payments

    assert (shipped.gateway, shipped.stripe) == ("manual", None)
    assert payments.stripe is not None
    assert (payments.gateway, payments.stripe.key) == ("stripe", "sk_sesame")
    assert "sesame" not in repr(payments)


@pytest.mark.parametrize(
    "environment",
    [
        {"MUTOSCOPE_GATEWAY": "paypal"}, {"MUTOSCOPE_GATEWAY": "stripe"},
        {"MUTOSCOPE_STRIPE_KEY": "sk_sesame"},
    ],
)  # fmt: skip
def test_a_gateway_that_is_not_whole_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(BadSetting, match=r"STRIPE|choose") as refused:
        read_settings(environment)

    assert "sesame" not in str(refused.value)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_a_port_out_of_range_is_refused(port: str) -> None:
    with pytest.raises(BadSetting, match="use 1 to 65535"):
        read_settings({"MUTOSCOPE_PORT": port})


def test_each_setting_is_told_with_its_value_and_where_that_comes_from(tmp_path: Path) -> None:
    port = tmp_path / "port"
    port.write_text("8421\n", encoding="utf-8")

    found = {
        each.name: each
        for each in settings_in_force({
            "MUTOSCOPE_HOST": "0.0.0.0",
            "MUTOSCOPE_PORT_FILE": str(port), "MUTOSCOPE_PORT": "1", "MUTOSCOPE_GATEWAY": "",
        })
    }  # fmt: skip

    told = {name: (each.value, each.origin, each.file) for name, each in found.items()}
    assert told["MUTOSCOPE_HOST"] == ("0.0.0.0", Origin.ENVIRONMENT, None)
    assert told["MUTOSCOPE_PORT"] == ("8421", Origin.FILE, str(port))
    assert told["MUTOSCOPE_GATEWAY"] == ("manual", Origin.DEFAULT, None)
    assert told["MUTOSCOPE_API_KEY"] == ("", Origin.DEFAULT, None)
    assert list(found) == [each.name for each in SETTINGS]


@pytest.mark.parametrize(
    "name",
    [each.name for each in SETTINGS if each.name.endswith(("_KEY", "_SECRET", "_OPTIONS"))],
)
@pytest.mark.parametrize("is_file", [False, True])
def test_a_secret_is_told_as_set_and_no_more(name: str, tmp_path: Path, *, is_file: bool) -> None:
    path = tmp_path / "secret"
    path.write_text("opensesame", encoding="utf-8")
    given = {f"{name}_FILE": str(path)} if is_file else {name: "opensesame"}

    found = settings_in_force(given)

    assert {each.value for each in found if each.name == name} == {"***"}
    assert "opensesame" not in repr(found)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://ada:p@ss/w@db:5432/house", "postgresql://***@db:5432/house"),
        ("postgresql://db/house?user=ada&password=pass", "postgresql://db/house?***"),
        ("postgresql://ada:pa?ss@db/house", "postgresql://***"),
        ("postgresql://db/house?password=p@ss", "postgresql://***"),
        ("host=db password=pass", "***"),
        ("postgresql:///house", "postgresql:///house"),
        ("smtp+starttls://ada:pass@mail:587", "smtp+starttls://***@mail:587"),
    ],
)
def test_of_an_address_only_the_place_is_told(address: str, shown: str) -> None:
    for name in ("DATABASE_URL", "MUTOSCOPE_SMTP_URL"):
        found = settings_in_force({name: address})

        assert [each.value for each in found if each.name == name] == [shown]


def test_no_field_that_is_kept_from_a_repr_is_told() -> None:
    secret = {field.name for field in fields(Settings) if not field.repr}
    named = {f"MUTOSCOPE_{name.upper()}" for name in secret} | {"DATABASE_URL"}
    given = {each.name: "opensesame" for each in SETTINGS if each.name in named}

    found = settings_in_force(given)

    assert len(given) > 3
    assert "opensesame" not in repr(found)
