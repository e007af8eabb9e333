"""Settings come from the environment or from files, and keep their secrets to themselves."""

from pathlib import Path

import pytest

from mutoscope.settings import BadSetting, read_settings


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


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_a_port_out_of_range_is_refused(port: str) -> None:
    with pytest.raises(BadSetting, match="use 1 to 65535"):
        read_settings({"MUTOSCOPE_PORT": port})
