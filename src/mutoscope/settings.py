"""Settings: one list of names, defaults and meanings, read from the environment once.

A value may also lie in a file that `NAME_FILE` names, so that secrets need not stand in the
environment. Plans, packs and rates are no settings: they are the catalog's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final, NamedTuple

from mutoscope.domain.credits import Refusal

PORT_MAX: Final = 65_535
BYTES_MAX: Final = 2**60
DAYS_MAX: Final = 36_500
SIGN_UPS_MAX: Final = 1_000_000
MASK: Final = "***"
"""What stands for a secret that is set."""

_SECRETS: Final = ("_KEY", "_SECRET", "_OPTIONS")
"""How the names of those end that nobody is shown; of addresses the place alone is."""

Networks = tuple[IPv4Network | IPv6Network, ...]


class Setting(NamedTuple):
    """A setting's name in the environment, its default and its meaning."""

    name: str
    default: str
    help: str


class Origin(StrEnum):
    """Where a setting's value comes from."""

    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


class SettingInForce(NamedTuple):
    """A setting as it is in force; `file` is the one that `NAME_FILE` names, secrets are masked."""

    name: str
    value: str
    origin: Origin
    file: str | None
    default: str
    help: str


PROVIDERS: Final = {
    "runway": "Runway's key",
    "google": "the Gemini API's key",
    "vertex": "the JSON key of a Google service account; better named by MUTOSCOPE_VERTEX_KEY_FILE",
    "kling": "Kling's keys, as ACCESS_KEY:SECRET_KEY",
    "pixverse": "PixVerse's key",
    "dashscope": "Alibaba Model Studio's key, of the region of the address",
    "fal": "fal's key, as ID:SECRET",
    "openai": "OpenAI's key",
    "bfl": "Black Forest Labs' key",
}
"""Companies that make pictures and clips, each set up by its key."""

GATEWAYS: Final = ("manual", "stripe")
"""Ways in which money comes: bank transfers, and cards over Stripe."""

PROVIDER_SETTINGS: Final = (
    *(Setting(f"MUTOSCOPE_{name.upper()}_KEY", "", told) for name, told in PROVIDERS.items()),
    *(
        Setting(f"MUTOSCOPE_{name.upper()}_URL", "", "another address of it, such as a simulator's")
        for name in PROVIDERS
    ),
    Setting("MUTOSCOPE_VERTEX_PLACE", "", "projects/PROJECT/locations/LOCATION at Google Cloud"),
    Setting("MUTOSCOPE_PIXVERSE_SECRET", "", "what proves that PixVerse calls back"),
)
"""What is told of every company; only those with a key are used."""

PAYMENT_NAMES: Final = (
    "MUTOSCOPE_GATEWAY", "MUTOSCOPE_STRIPE_KEY", "MUTOSCOPE_STRIPE_SECRET", "MUTOSCOPE_STRIPE_URL",
)  # fmt: skip
"""Those that `PaymentSettings` holds."""

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
    Setting("MUTOSCOPE_ROUTES", "", "your routes file; empty for the one that is shipped"),
    Setting("MUTOSCOPE_SELLER", "", "your file of who sells, for invoices; empty for the example"),
    Setting("MUTOSCOPE_HOST", "127.0.0.1", "address on which the API listens"),
    Setting("MUTOSCOPE_PORT", "8420", "port on which the API listens"),
    Setting(
        "MUTOSCOPE_API_KEY", "",
        "key that every request must bear; empty lets in requests of this machine alone",
    ),
    Setting(
        "MUTOSCOPE_PROXIES", "",
        "addresses or networks of the proxies before the API, separated by commas; what they, and "
        "nobody else, write into X-Forwarded-For is the client's address",
    ),
    Setting(
        "MUTOSCOPE_SIGN_UPS_ADDRESS", "10",
        "sign-ups that pass in an hour from one client address, of IPv6 its first 64 bits; 0 "
        "closes them to all",
    ),
    Setting("MUTOSCOPE_SIGN_UPS_EMAIL", "5", "sign-ups a day with one e-mail address; 0 for none"),
    Setting("MUTOSCOPE_SIGN_UPS_HOUR", "100", "sign-ups an hour in all; 0 closes them to all"),
    Setting("MUTOSCOPE_SIGN_UPS_DAYS", "7", "days until an unproven sign-up is removed; 0 for any"),
    Setting(
        "MUTOSCOPE_ASSETS", "",
        "bucket of the assets, such as s3://bucket/folder; empty for a folder in MUTOSCOPE_DATA",
    ),
    Setting(
        "MUTOSCOPE_ASSETS_OPTIONS", "",
        "options of the bucket, each NAME=VALUE, separated by commas or lines",
    ),
    Setting(
        "MUTOSCOPE_ASSETS_REDIRECT", "no",
        "yes lets links lead to the bucket's own signed addresses; no serves files from here",
    ),
    Setting("MUTOSCOPE_ASSETS_QUOTA", "0", "bytes that a workspace's files may take; 0 for any"),
    Setting("MUTOSCOPE_EXPORTS_DAYS", "30", "days for which exported files are kept; 0 for ever"),
    Setting(
        "MUTOSCOPE_PUBLIC_URL", "",
        "address of this studio, for links in mails and for providers that call back, such as "
        "https://studio.example",
    ),
    Setting(
        "MUTOSCOPE_WAN_WEIGHTS", "",
        "folder of WAN's open weights; needs a graphics card and the extra mutoscope[wan]",
    ),
    Setting(
        "MUTOSCOPE_LABELS", "",
        "labels of this machine's worker, such as gpu; it alone takes routes that bear one of them",
    ),
    Setting(
        "MUTOSCOPE_GATEWAY", "manual",
        "how money is asked for: manual (bank transfers that staff confirm) or stripe",
    ),
    Setting("MUTOSCOPE_STRIPE_KEY", "", "Stripe's secret key; with it payments over Stripe count"),
    Setting("MUTOSCOPE_STRIPE_SECRET", "", "Stripe's signing secret, which proves its events"),
    Setting("MUTOSCOPE_STRIPE_URL", "", "another address of Stripe, such as the simulator's"),
    Setting(
        "MUTOSCOPE_WEBHOOKS_LOCAL", "no",
        "yes lets webhooks lead to this machine and network, for trials; no sends to public https",
    ),
    Setting(
        "MUTOSCOPE_DELIVERIES_DAYS", "30",
        "days for which what was sent to webhooks is listed; 0 for ever",
    ),
    Setting(
        "MUTOSCOPE_SMTP_URL", "",
        "mail server, such as smtp+starttls://USER:PASSWORD@HOST:587; empty leaves messages in "
        "the outbox",
    ),
    Setting(
        "MUTOSCOPE_MAIL_FROM", "",
        "sender of messages, such as Studio <billing@studio.example>; empty for the seller's",
    ),
    *PROVIDER_SETTINGS,
)  # fmt: skip


class BadSetting(Refusal):
    """A setting that cannot be used."""

    code = "bad_setting"

    def __init__(self, *, name: str, value: str, remedy: str) -> None:
        super().__init__(f"{name}={value!r} cannot be used: {remedy}")
        self.name = name
        self.value = value


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAccount:
    """What the studio has at a company; `secret` proves its call backs, `place` is Google's."""

    key: str = field(repr=False)
    url: str = ""
    place: str = ""
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSettings:
    """How money comes; `gateway` is what new payments are asked for over."""

    gateway: str
    stripe: ProviderAccount | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings, in the order of `SETTINGS`; an empty `database_url` means the server inside.

    `providers` are the accounts at companies, by their names.
    """

    data: Path
    database_url: str = field(repr=False)
    postgres_bin: Path | None
    catalog: Path | None
    routes: Path | None
    seller: Path | None
    host: str
    port: int
    api_key: str = field(repr=False)
    proxies: Networks
    sign_ups_address: int
    sign_ups_email: int
    sign_ups_hour: int
    sign_ups_days: int
    assets: str
    assets_options: Mapping[str, str] = field(repr=False)
    assets_redirect: bool
    assets_quota: int
    exports_days: int
    public_url: str
    wan_weights: Path | None
    labels: frozenset[str]
    payments: PaymentSettings
    webhooks_local: bool
    deliveries_days: int
    smtp_url: str = field(repr=False)
    mail_from: str
    providers: Mapping[str, ProviderAccount] = field(repr=False)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings of an environment.

    :raises BadSetting: when a value cannot be used, or a named file cannot be read.
    """
    found = {setting.name: _read(environment, setting)[0] for setting in SETTINGS}
    apart = len(PROVIDER_SETTINGS) + len(PAYMENT_NAMES)
    assert len(fields(Settings)) - 2 == len(SETTINGS) - apart
    return Settings(
        data=Path(found["MUTOSCOPE_DATA"]).expanduser().absolute(),
        database_url=found["DATABASE_URL"],
        postgres_bin=_path(found["MUTOSCOPE_POSTGRES_BIN"]),
        catalog=_path(found["MUTOSCOPE_CATALOG"]),
        routes=_path(found["MUTOSCOPE_ROUTES"]),
        seller=_path(found["MUTOSCOPE_SELLER"]),
        host=found["MUTOSCOPE_HOST"],
        port=_port(found["MUTOSCOPE_PORT"]),
        api_key=found["MUTOSCOPE_API_KEY"],
        proxies=_networks("MUTOSCOPE_PROXIES", found["MUTOSCOPE_PROXIES"]),
        sign_ups_address=_count("MUTOSCOPE_SIGN_UPS_ADDRESS", found, SIGN_UPS_MAX, "none at all"),
        sign_ups_email=_count("MUTOSCOPE_SIGN_UPS_EMAIL", found, SIGN_UPS_MAX, "none at all"),
        sign_ups_hour=_count("MUTOSCOPE_SIGN_UPS_HOUR", found, SIGN_UPS_MAX, "none at all"),
        sign_ups_days=_count("MUTOSCOPE_SIGN_UPS_DAYS", found, DAYS_MAX, "never"),
        assets=found["MUTOSCOPE_ASSETS"],
        assets_options=_options(found["MUTOSCOPE_ASSETS_OPTIONS"]),
        assets_redirect=_truth("MUTOSCOPE_ASSETS_REDIRECT", found["MUTOSCOPE_ASSETS_REDIRECT"]),
        assets_quota=_count("MUTOSCOPE_ASSETS_QUOTA", found, BYTES_MAX),
        exports_days=_count("MUTOSCOPE_EXPORTS_DAYS", found, DAYS_MAX),
        public_url=found["MUTOSCOPE_PUBLIC_URL"].rstrip("/"),
        wan_weights=_path(found["MUTOSCOPE_WAN_WEIGHTS"]),
        labels=frozenset(found["MUTOSCOPE_LABELS"].replace(",", " ").split()),
        payments=_payments(found),
        webhooks_local=_truth("MUTOSCOPE_WEBHOOKS_LOCAL", found["MUTOSCOPE_WEBHOOKS_LOCAL"]),
        deliveries_days=_count("MUTOSCOPE_DELIVERIES_DAYS", found, DAYS_MAX),
        smtp_url=found["MUTOSCOPE_SMTP_URL"],
        mail_from=found["MUTOSCOPE_MAIL_FROM"],
        providers={name: account for name in PROVIDERS if (account := _account(name, found)).key},
    )


def settings_in_force(environment: Mapping[str, str]) -> tuple[SettingInForce, ...]:
    """Return each setting's value in an environment as it may be shown, and where it comes from.

    :raises BadSetting: when a named file cannot be read.
    """
    found = []
    for setting in SETTINGS:
        value, origin = _read(environment, setting)
        file = environment[f"{setting.name}_FILE"] if origin is Origin.FILE else None
        found.append(
            SettingInForce(
                name=setting.name, value=_shown(setting.name, value), origin=origin, file=file,
                default=setting.default, help=setting.help,
            )
        )  # fmt: skip
    return tuple(found)


def _shown(name: str, value: str) -> str:
    if value and name.endswith(_SECRETS):
        return MASK
    return _without_secrets(value) if "://" in value or name.endswith("_URL") else value


def _without_secrets(address: str) -> str:
    """Return an address without who signs in and what it asks with.

    Where a password may hold the signs that end it, nothing but the scheme is told.
    """
    if not address:
        return ""
    head, mark, query = address.partition("?")
    scheme, slashes, rest = head.partition("://")
    _, at, place = rest.rpartition("@")
    if not slashes or "@" in query:
        return f"{scheme}://{MASK}" if slashes else MASK
    return f"{scheme}://{MASK + at if at else ''}{place}{mark + MASK if mark else ''}"


def _payments(found: Mapping[str, str]) -> PaymentSettings:
    gateway, stripe = found["MUTOSCOPE_GATEWAY"], _account("stripe", found)
    if gateway not in GATEWAYS:
        remedy = f"choose one of {', '.join(GATEWAYS)}"
        raise BadSetting(name="MUTOSCOPE_GATEWAY", value=gateway, remedy=remedy)
    if gateway == "stripe" and not stripe.key:
        remedy = "set MUTOSCOPE_STRIPE_KEY, and MUTOSCOPE_STRIPE_SECRET beside it"
        raise BadSetting(name="MUTOSCOPE_GATEWAY", value=gateway, remedy=remedy)
    if stripe.key and not stripe.secret:
        remedy = "set it to the signing secret of the endpoint that Stripe sends events to"
        raise BadSetting(name="MUTOSCOPE_STRIPE_SECRET", value="", remedy=remedy)
    return PaymentSettings(gateway=gateway, stripe=stripe if stripe.key else None)


def _account(name: str, found: Mapping[str, str]) -> ProviderAccount:
    prefix = f"MUTOSCOPE_{name.upper()}"
    return ProviderAccount(
        key=found[f"{prefix}_KEY"], url=found[f"{prefix}_URL"],
        place=found.get(f"{prefix}_PLACE", ""), secret=found.get(f"{prefix}_SECRET", ""),
    )  # fmt: skip


def _read(environment: Mapping[str, str], setting: Setting) -> tuple[str, Origin]:
    path = environment.get(f"{setting.name}_FILE")
    if path is None:
        given = environment.get(setting.name, "")
        return (given, Origin.ENVIRONMENT) if given else (setting.default, Origin.DEFAULT)
    try:
        return Path(path).read_text(encoding="utf-8").strip(), Origin.FILE
    except OSError as error:
        remedy = f"the file cannot be read ({error.strerror})"
        raise BadSetting(name=f"{setting.name}_FILE", value=path, remedy=remedy) from error


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _options(text: str) -> dict[str, str]:
    """Return the options of a bucket; what is wrong is told by its name alone, for it is secret."""
    options = {}
    for part in filter(None, (each.strip() for each in text.replace(",", "\n").splitlines())):
        name, equals, value = part.partition("=")
        if not equals:
            remedy = "write each option as NAME=VALUE"
            raise BadSetting(name="MUTOSCOPE_ASSETS_OPTIONS", value="...", remedy=remedy)
        options[name.strip()] = value.strip()
    return options


def _truth(name: str, text: str) -> bool:
    if text not in {"yes", "no"}:
        raise BadSetting(name=name, value=text, remedy="write yes or no")
    return text == "yes"


def _networks(name: str, text: str) -> Networks:
    try:
        return tuple(map(ip_network, text.replace(",", " ").split()))
    except ValueError as error:
        remedy = f"write addresses or networks, such as 10.0.0.0/8 ({error})"
        raise BadSetting(name=name, value=text, remedy=remedy) from error


def _count(name: str, found: Mapping[str, str], most: int, zero: str = "no limit") -> int:
    text = found[name]
    if not text.isdecimal() or len(text) > len(str(most)) or int(text) > most:
        remedy = f"write a whole number up to {most}, 0 for {zero}"
        raise BadSetting(name=name, value=text, remedy=remedy)
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= PORT_MAX:
        raise BadSetting(name="MUTOSCOPE_PORT", value=text, remedy=f"use 1 to {PORT_MAX}")
    return int(text)
