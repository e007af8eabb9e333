"""Settings: one list of names, defaults and meanings, read from the environment once.

A value may also lie in a file that `NAME_FILE` names, so that secrets need not stand in the
environment. Plans, packs and rates are no settings: they are the catalog's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final, NamedTuple

from mutoscope.domain.credits import Refusal

PORT_MAX: Final = 65_535


class Setting(NamedTuple):
    """A setting's name in the environment, its default and its meaning."""

    name: str
    default: str
    help: str


SETTINGS: Final = (
    Setting(
        "MUTOSCOPE_DATA", "~/.local/share/mutoscope",
        "folder of the database inside, the assets and the keys",
    ),
    Setting(
        "DATABASE_URL", "",
        "a PostgreSQL of your own, 15 or newer; empty for the server inside",
    ),
    Setting(
        "MUTOSCOPE_POSTGRES_BIN", "",
        "folder of the PostgreSQL programs for the server inside; empty for those that come along",
    ),
    Setting("MUTOSCOPE_CATALOG", "", "your catalog file; empty for the one that is shipped"),
    Setting("MUTOSCOPE_HOST", "127.0.0.1", "address on which the API listens"),
    Setting("MUTOSCOPE_PORT", "8420", "port on which the API listens"),
    Setting(
        "MUTOSCOPE_API_KEY", "",
        "key that every request must bear; empty lets in requests of this machine alone",
    ),
)  # fmt: skip


class BadSetting(Refusal):
    """A setting that cannot be used."""

    code = "bad_setting"

    def __init__(self, *, name: str, value: str, remedy: str) -> None:
        super().__init__(f"{name}={value!r} cannot be used: {remedy}")
        self.name = name
        self.value = value


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings, in the order of `SETTINGS`; an empty `database_url` means the server inside."""

    data: Path
    database_url: str = field(repr=False)
    postgres_bin: Path | None
    catalog: Path | None
    host: str
    port: int
    api_key: str = field(repr=False)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings of an environment.

    :raises BadSetting: when a value cannot be used, or a named file cannot be read.
    """
    data, database_url, postgres_bin, catalog, host, port, api_key = (
        _value(environment, setting) for setting in SETTINGS
    )
    assert len(fields(Settings)) == len(SETTINGS)
    return Settings(
        data=Path(data).expanduser().absolute(),
        database_url=database_url,
        postgres_bin=Path(postgres_bin) if postgres_bin else None,
        catalog=Path(catalog) if catalog else None,
        host=host,
        port=_port(port),
        api_key=api_key,
    )


def _value(environment: Mapping[str, str], setting: Setting) -> str:
    path = environment.get(f"{setting.name}_FILE")
    if path is None:
        return environment.get(setting.name, "") or setting.default
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        remedy = f"the file cannot be read ({error.strerror})"
        raise BadSetting(name=f"{setting.name}_FILE", value=path, remedy=remedy) from error


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= PORT_MAX:
        raise BadSetting(name="MUTOSCOPE_PORT", value=text, remedy=f"use 1 to {PORT_MAX}")
    return int(text)
