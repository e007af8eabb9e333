"""The studio: what every use case works with, put together by bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mutoscope.app.asset_rules import AssetRules
from mutoscope.app.call_backs import CallBacks
from mutoscope.app.desk_cards import PostCard, no_card
from mutoscope.app.gateway import UnknownGateway
from mutoscope.app.hook_sender import NO_HOOKS
from mutoscope.app.ports import ProviderError
from mutoscope.app.shipped import shipped_seller
from mutoscope.app.sign_up_limits import SignUpLimits
from mutoscope.app.terms import terms_at, version_of
from mutoscope.domain.access import Access, access_at
from mutoscope.domain.agreed import sold_to
from mutoscope.domain.catalog import RenewalRule
from mutoscope.domain.seller import Seller
from mutoscope.domain.subscriptions import HAS_PLAN, RenewalGrant

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime, timedelta

    from mutoscope.app.gateway import Gateway
    from mutoscope.app.hook_sender import HookSender
    from mutoscope.app.invoice_page import InvoicePage
    from mutoscope.app.ports import (
        AssetStore,
        Clock,
        Exporter,
        Generator,
        Ids,
        Mailer,
        Provider,
    )
    from mutoscope.domain.agreed import OfferChange
    from mutoscope.domain.catalog import Catalog, Version
    from mutoscope.domain.offers import Plan
    from mutoscope.domain.routes import Route, RouteTable
    from mutoscope.storage.attempts import Orders
    from mutoscope.storage.database import Connection, Pool
    from mutoscope.storage.journal import Journal
    from mutoscope.storage.workspaces import Workspace

MANUAL: Final = "manual"
"""The gateway of bank transfers that staff confirm."""

ENGINE: Final = "engine"
"""The provider name of the built-in engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """The ledger's writer, the pool for reading, the catalog, and the outside world.

    `generators` are by provider name; those of them that are companies are `providers`, too.
    `routes` tell over which of them a live workspace's tools are made, `labels` which of the
    labelled ones this process may take.
    `email_key` keys the digests by which a person's one trial is known, and by which sign-ups over
    the API are counted against `sign_up_limits`; one that never proves its address is removed after
    `keep_unproven`, None: never. `exporters` are by form.
    `hooks` sends events to the webhooks of workspaces; what was sent is listed for
    `keep_deliveries`, None: for ever.
    `seller` issues the invoices; `gateways` are ways in which money comes, `gateway` is the one of
    new orders.
    `post_card` returns what shows an action of staff in a thread.
    `seller` issues the invoices, `printer` prints them; without a `mailer` no message is sent.
    `gateways` are ways in which money comes, `gateway` is the one of new orders.
    """

    journal: Journal
    pool: Pool
    orders: Orders
    catalog: Catalog
    clock: Clock
    ids: Ids
    assets: AssetStore
    generators: Mapping[str, Generator]
    routes: RouteTable
    email_key: bytes = field(repr=False)
    asset_rules: AssetRules = field(default_factory=AssetRules)
    sign_up_limits: SignUpLimits = field(default_factory=SignUpLimits)
    keep_unproven: timedelta | None = None
    exporters: Mapping[str, Exporter] = field(default_factory=dict)
    providers: Mapping[str, Provider] = field(default_factory=dict)
    call_backs: CallBacks = field(default_factory=CallBacks)
    labels: frozenset[str] = frozenset()
    seller: Seller = field(default_factory=shipped_seller)
    gateways: Mapping[str, Gateway] = field(default_factory=dict)
    gateway: str = MANUAL
    hooks: HookSender = NO_HOOKS
    keep_deliveries: timedelta | None = None
    post_card: PostCard = no_card
    printer: Callable[[InvoicePage], bytes] | None = None
    mailer: Mailer | None = None

    def reading(self) -> AbstractAsyncContextManager[Connection]:
        """Borrow a connection for reading."""
        return self.pool.acquire()

    def can_charge(self, gateway: str) -> bool:
        """Tell whether a kept means of payment can be charged at a gateway."""
        found = self.gateways.get(gateway)
        return found is not None and found.can_charge

    def is_by_hand(self, gateway: str) -> bool:
        """Tell whether staff send the money of a refund: a transfer, or a gateway that is gone."""
        return gateway == MANUAL or gateway not in self.gateways

    def renewal_grant(self, gateway: str, version: Version) -> RenewalGrant:
        """Return when renewals of a new subscription grant their credits."""
        rule = version.billing.renewal_grant
        if rule is RenewalRule.BY_GATEWAY:
            is_charged = self.can_charge(gateway)
            return RenewalGrant.WHEN_PAID if is_charged else RenewalGrant.WHEN_DUE
        return RenewalGrant(rule.value)

    def generator(self, provider: str) -> Generator:
        """Return who makes what was ordered of a provider.

        :raises ProviderError: when the provider is not set up any more.
        """
        if provider not in self.generators:
            sentence = f"The provider {provider} is not set up here."
            raise ProviderError(sentence, code="provider_missing", permanent=False)
        return self.generators[provider]

    def gateway_named(self, name: str) -> Gateway:
        """Return a payment gateway.

        :raises UnknownGateway: when it is not set up.
        """
        if name not in self.gateways:
            raise UnknownGateway(gateway=name)
        return self.gateways[name]

    def is_ours(self, route: Route | None) -> bool:
        """Tell whether this process may work on what is ordered over a route."""
        return route is None or route.label is None or route.label in self.labels

    def poll_s(self, provider: str, model: str) -> float:
        """Return the seconds between looks at a provider's work.

        :raises ProviderError: when the provider is not set up any more, or knows no such model.
        """
        return self.generator(provider).capabilities(model=model).poll_s

    def unlimited_of(self, workspace: Workspace, *, at: datetime, now: datetime) -> tuple[str, ...]:
        """Return the kinds of which use is unlimited at an instant; of the past it is not known."""
        return tuple(sorted(self.access_of(workspace, at=at).unlimited)) if at >= now else ()

    def access_of(self, workspace: Workspace, *, at: datetime) -> Access:
        """Return what a workspace may do at an instant."""
        subscription = workspace.subscription
        return access_at(
            version=self.catalog.version_at(at=at), plan=self.plan_of(workspace, at=at),
            state=workspace.state_at(at=at),
            can_purchase=subscription is not None
            and terms_at(subscription, catalog=self.catalog, at=at).can_purchase,
        )  # fmt: skip

    def shop_of(self, workspace: Workspace, *, at: datetime) -> Version:
        """Return the version in force with what a workspace alone is sold, as it was agreed."""
        version, subscription = self.catalog.version_at(at=at), workspace.subscription
        if subscription is None or workspace.state_at(at=at) not in HAS_PLAN:
            return version
        terms = terms_at(subscription, catalog=self.catalog, at=at)
        return sold_to(version, offers=terms.offers.at(at=at))

    def coming_to(self, workspace: Workspace, *, at: datetime) -> tuple[OfferChange, ...]:
        """Return what is yet to change of what a workspace alone is sold, the soonest first."""
        subscription = workspace.subscription
        if subscription is None or workspace.state_at(at=at) not in HAS_PLAN:
            return ()
        terms = terms_at(subscription, catalog=self.catalog, at=at)
        return tuple(sorted(terms.offers.at(at=at).coming, key=lambda each: each.begins_at))

    def plan_of(self, workspace: Workspace, *, at: datetime) -> Plan | None:
        """Return the plan of a workspace at an instant, as the version of its term has it."""
        subscription = workspace.subscription
        if subscription is None or workspace.state_at(at=at) not in HAS_PLAN:
            return None
        version = version_of(subscription, catalog=self.catalog, at=at)
        return version.plan(key=subscription.plan_at(at=at))
