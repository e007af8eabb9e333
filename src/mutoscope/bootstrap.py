"""Bootstrap: the only module that knows every concrete class, the clock and the random source."""

from __future__ import annotations

import gc
import os
import random
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

from mutoscope.app.asset_rules import AssetRules
from mutoscope.app.call_backs import CallBacks
from mutoscope.app.chat import post_card
from mutoscope.app.export_board import Form
from mutoscope.app.live import Live
from mutoscope.app.sign_up_limits import SignUpLimits
from mutoscope.app.studio import ENGINE, MANUAL, Studio
from mutoscope.assets.bucket import AssetBucket
from mutoscope.assets.folder import AssetFolder
from mutoscope.documents.animatic import Animatic
from mutoscope.documents.archive import BoardArchive
from mutoscope.documents.invoice_pdf import InvoicePdf
from mutoscope.documents.storyboard_pdf import StoryboardPdf
from mutoscope.domain.catalog_text import parse_catalog
from mutoscope.domain.credits import Refusal
from mutoscope.domain.routes_text import RoutesRefused, parse_routes
from mutoscope.domain.seller_text import parse_seller
from mutoscope.domain.toml_table import Problem
from mutoscope.hooks.http_hooks import HttpHooks
from mutoscope.mail.smtp import SmtpMailer, smtp_account
from mutoscope.payments.manual import ManualGateway
from mutoscope.providers.local.engine import AnimaticEngine
from mutoscope.providers.registry import COMPANIES, Account, Surroundings, set_up
from mutoscope.providers.wan_local import WanEngine
from mutoscope.storage import queue
from mutoscope.storage.attempts import Orders
from mutoscope.storage.database import check_server, connect, migrate, open_pool
from mutoscope.storage.embedded import EmbeddedPostgres
from mutoscope.storage.journal import Journal

if TYPE_CHECKING:
    from mutoscope.app.gateway import Gateway
    from mutoscope.app.ports import AssetStore, Clock, Exporter, Mailer, Provider
    from mutoscope.domain.catalog import Catalog
    from mutoscope.domain.routes import RouteTable
    from mutoscope.domain.seller import Seller
    from mutoscope.settings import Networks, Settings
    from mutoscope.storage.session import Connection

CONNECTIONS_MAX: Final = 20
"""Connections for reading and for steps of jobs, beside the two that write the ledger."""

KEY_BYTES: Final = 32
WAN: Final = "wan"
"""The provider name of WAN's open weights on a machine of our own."""
FONTS: Final = "fonts"
"""The folder of the operator's own fonts, for what is printed."""


class DataUnwritable(Refusal):
    """A data folder in which nothing can be kept."""

    code = "data_unwritable"

    def __init__(self, *, folder: Path, reason: str) -> None:
        super().__init__(
            f"nothing can be kept in {folder} ({reason}): correct its owner, free space, or set "
            "MUTOSCOPE_DATA to another folder"
        )
        self.folder = folder


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A studio that runs, and what its operator's commands need beside it.

    `live` tells those who follow what happens. `fonts` is the folder of the operator's own fonts;
    it need not be there. `proxies` are believed where a request comes from.
    """

    studio: Studio
    live: Live
    database_url: str = field(repr=False)
    signing_key: bytes = field(repr=False)
    fonts: Path
    proxies: Networks = ()


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the instant in UTC."""
        return datetime.now(UTC)


class RandomIds:
    """Identifiers and codes from the system's random source."""

    def new(self) -> UUID:
        """Return a random UUID."""
        return uuid4()

    def code(self) -> str:
        """Return six random digits."""
        return f"{secrets.randbelow(1_000_000):06}"


@asynccontextmanager
async def open_house(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[House]:
    """Start what the settings ask for, and stop it in the end; a `clock` of its own simulates.

    :raises Refusal: when the data folder, the catalog or the database cannot be used.
    """
    catalog, seller = read_catalog(settings.catalog), read_seller(settings.seller)
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        url = settings.database_url
        if not url:
            data_folder(settings.data)
            server = EmbeddedPostgres(
                folder=settings.data / "postgres", binaries=settings.postgres_bin
            )
            url = (await stack.enter_async_context(server)).dsn
        await prepare_database(url)
        pool = await open_pool(url, connections_max=CONNECTIONS_MAX)
        stack.push_async_callback(pool.close)
        journal = Journal(url=url, now=clock.now)
        await journal.open()
        stack.push_async_callback(journal.close)
        engine = AnimaticEngine(folder=data_folder(settings.data / "renders"))
        stack.push_async_callback(engine.close)
        providers = _providers(settings, clock)
        for provider in providers.values():
            stack.push_async_callback(provider.close)
        gateways = _gateways(settings, seller)
        for gateway in gateways.values():
            stack.push_async_callback(gateway.close)
        hooks = HttpHooks(is_local_allowed=settings.webhooks_local)
        stack.push_async_callback(hooks.close)
        studio = Studio(
            journal=journal, pool=pool, orders=Orders(pool), catalog=catalog, clock=clock,
            ids=RandomIds(), assets=_assets(settings), generators={ENGINE: engine, **providers},
            routes=read_routes(settings.routes), email_key=_key(settings.data, "email"),
            asset_rules=_asset_rules(settings), sign_up_limits=_sign_up_limits(settings),
            keep_unproven=_days(settings.sign_ups_days),
            exporters=_exporters(settings.data / FONTS),
            providers=providers, call_backs=_call_backs(settings), labels=settings.labels,
            gateways=gateways, gateway=settings.payments.gateway, seller=seller,
            hooks=hooks, keep_deliveries=_days(settings.deliveries_days),
            printer=InvoicePdf(fonts=settings.data / FONTS), mailer=_mailer(settings, seller),
            post_card=post_card,
        )  # fmt: skip
        live = Live(url=url, now=clock.now)
        stack.push_async_callback(live.close)
        yield House(
            studio=studio, live=live, database_url=url, signing_key=_key(settings.data, "signing"),
            fonts=settings.data / FONTS, proxies=settings.proxies,
        )  # fmt: skip


def calm_collector() -> None:
    """Let the collector of garbage look less often at what a busy process keeps for long.

    A ledger's wallets are many small objects that hold no cycles: walking through all of them
    again and again cost a sixth of the processor.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


async def prepare_database(url: str) -> None:
    """Check a server and bring its tables up to date.

    :raises DatabaseUnreachable: when no server answers.
    :raises DatabaseRefused: when it is too old or not durable, or our tables cannot be made.
    """
    connection = await connect(url)
    try:
        await check_server(connection)
        await migrate(connection)
        await queue.install(connection)
    finally:
        await connection.close()


@asynccontextmanager
async def own_connection(house: House) -> AsyncIterator[Connection]:
    """Open a connection for one long piece of reading, beside those that others share."""
    connection = await connect(house.database_url)
    try:
        yield connection
    finally:
        await connection.close()


def read_catalog(path: Path | None) -> Catalog:
    """Return the catalog of a file, or the one that is shipped.

    :raises CatalogRefused: when its data are bad; the message names the place and the remedy.
    :raises CatalogUnreadable: when there is no such text file.
    """
    text, source = _text(path, "catalog.toml")
    return parse_catalog(text=text, source=source)


def read_routes(path: Path | None) -> RouteTable:
    """Return the routes of a file, or those that are shipped.

    :raises RoutesRefused: when its data are bad; the message names the place and the remedy.
    :raises CatalogUnreadable: when there is no such text file.
    """
    text, source = _text(path, "routes.toml")
    found = parse_routes(text=text, source=source)
    known = (*COMPANIES, WAN)
    problems = tuple(
        Problem(
            key=f"routes.{route.key}.provider", value=repr(route.provider),
            remedy=f"choose one of {', '.join(known)}",
        )
        for route in found.routes
        if route.provider not in known
    )  # fmt: skip
    if problems:
        raise RoutesRefused(source=source, problems=problems)
    return found


def read_seller(path: Path | None) -> Seller:
    """Return the seller of a file, or the example that is shipped.

    :raises SellerRefused: when its data are bad; the message names the place and the remedy.
    :raises CatalogUnreadable: when there is no such text file.
    """
    text, source = _text(path, "seller.toml")
    return parse_seller(text=text, source=source)


class CatalogUnreadable(Refusal):
    """A file of the catalog, the routes or the seller that is not there, or no text."""

    code = "catalog_unreadable"

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(f"the file {path} cannot be read ({reason}): name a TOML text file")
        self.path = path


def _text(path: Path | None, shipped: str) -> tuple[str, str]:
    """Return a file's text, or the shipped one's, and the name to call it by."""
    if path is None:
        return files("mutoscope").joinpath(shipped).read_text(encoding="utf-8"), shipped
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogUnreadable(path=path, reason=str(error)) from error


def _providers(settings: Settings, clock: Clock) -> dict[str, Provider]:
    around = Surroundings(
        now=clock.now, new_id=uuid4, random=random.Random(secrets.randbits(64)),  # noqa: S311 -- only spreads waits
        folder=settings.data / "deliveries",
    )  # fmt: skip
    found: dict[str, Provider] = {
        name: set_up(
            provider=name, around=around,
            account=Account(key=account.key, base_url=account.url, place=account.place),
        )
        for name, account in settings.providers.items()
    }  # fmt: skip
    if settings.wan_weights is not None:
        found[WAN] = WanEngine(folder=settings.data / "wan", weights=settings.wan_weights)
    return found


def _gateways(settings: Settings, seller: Seller) -> dict[str, Gateway]:
    found: dict[str, Gateway] = {MANUAL: ManualGateway(bank=", ".join(seller.bank))}
    if (stripe := settings.payments.stripe) is not None:
        # Its SDK takes a fifth of the time in which a command starts.
        from mutoscope.payments.stripe import StripeGateway  # noqa: PLC0415
        from mutoscope.payments.stripe_line import StripeAccount  # noqa: PLC0415

        back = settings.public_url or f"http://{settings.host}:{settings.port}"
        account = StripeAccount(
            key=stripe.key, secret=stripe.secret, url=stripe.url.rstrip("/"), return_url=back
        )
        found["stripe"] = StripeGateway(account=account)
    return found


def _call_backs(settings: Settings) -> CallBacks:
    return CallBacks(
        url=settings.public_url, key=_key(settings.data, "call_backs"),
        secrets={name: account.secret for name, account in settings.providers.items()},
    )  # fmt: skip


def _mailer(settings: Settings, seller: Seller) -> Mailer | None:
    if not settings.smtp_url:
        return None
    own = "" if seller.is_example else f"{seller.party.legal_name} <{seller.party.email}>"
    sender = settings.mail_from or own
    return SmtpMailer(account=smtp_account(url=settings.smtp_url, sender=sender))


def _assets(settings: Settings) -> AssetStore:
    if not settings.assets:
        return AssetFolder(folder=settings.data / "assets")
    copies = settings.data / "copies"
    return AssetBucket(url=settings.assets, options=settings.assets_options, copies=copies)


def _asset_rules(settings: Settings) -> AssetRules:
    return AssetRules(
        link_key=_key(settings.data, "links"), quota_bytes=settings.assets_quota,
        keep_exports=_days(settings.exports_days), can_redirect=settings.assets_redirect,
    )  # fmt: skip


def _sign_up_limits(settings: Settings) -> SignUpLimits:
    return SignUpLimits(
        of_address=settings.sign_ups_address, of_email=settings.sign_ups_email,
        of_house=settings.sign_ups_hour,
    )  # fmt: skip


def _days(days: int) -> timedelta | None:
    """Return the span of days for which something is kept; 0 days are for ever."""
    return timedelta(days=days) if days else None


def _exporters(fonts: Path) -> dict[str, Exporter]:
    return {
        Form.PDF: StoryboardPdf(fonts=fonts), Form.ANIMATIC: Animatic(fonts=fonts),
        Form.ZIP: BoardArchive(),
    }  # fmt: skip


def data_folder(path: Path) -> Path:
    """Return a folder of the house, made if there is none.

    :raises DataUnwritable: when it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataUnwritable(folder=path, reason=reason) from error
    return path


def _key(data: Path, name: str) -> bytes:
    """Return a secret key of this house, made on first use and readable by its owner alone."""
    path = data_folder(data / "keys") / name
    try:
        if not path.exists():
            _make_key(path)
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataUnwritable(folder=path.parent, reason=reason) from error


def _make_key(path: Path) -> None:
    """Write a key whole or not at all; of two that are made at once the first stays."""
    with tempfile.NamedTemporaryFile(dir=path.parent) as file:  # readable by its owner alone
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(file.name)
