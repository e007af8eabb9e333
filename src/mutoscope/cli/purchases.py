"""`mutoscope purchase`: credits for sale, orders, promo codes and refills."""

import sys
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID, uuid4

import typer
from rich.markup import escape

from mutoscope.app import buy, pay_links, promo, proposals, refill
from mutoscope.app.acts import Act
from mutoscope.app.buy import Order, Orderer, Wish
from mutoscope.app.desk import DeskOrder
from mutoscope.app.gateway import Checkout
from mutoscope.app.refill import RefillWish
from mutoscope.bootstrap import House
from mutoscope.cli.acting import in_house_acting
from mutoscope.cli.as_staff import As, PasswordFile, Reason, Who, in_house_as
from mutoscope.cli.desk_acting import Key, show
from mutoscope.cli.opening import in_house, zone_of
from mutoscope.cli.options import Json, WorkspaceId, Yes, id_of, takes
from mutoscope.cli.plain import plain, print_json
from mutoscope.cli.screen import console, money, money_told, table, tell, told
from mutoscope.domain.agreed import OfferChange
from mutoscope.domain.catalog import Version
from mutoscope.domain.offers import Pack
from mutoscope.domain.pack_measure import Measure, measure
from mutoscope.domain.planner import Answer
from mutoscope.domain.purchases import Purchase
from mutoscope.domain.staff import StaffAction
from mutoscope.storage import offers, purchases, workspaces
from mutoscope.storage.offers import PromoCode, Refill
from mutoscope.storage.payments import NOBODY

SHOWN_MAX: Final = 200

commands = typer.Typer()
purchase = typer.Typer(help="Buy credits.", no_args_is_help=True)
commands.add_typer(purchase, name="purchase")

PurchaseId = Annotated[
    UUID,
    typer.Argument(
        metavar="PURCHASE", help="The purchase's id.",
        parser=id_of("purchase", remedy="`mutoscope purchase list WORKSPACE` tells them"),
    ),
]  # fmt: skip
MaybeWorkspace = Annotated[
    UUID | None,
    typer.Argument(
        metavar="WORKSPACE", help="To which it is for sale.",
        parser=id_of("workspace", remedy="`mutoscope workspace list` tells them"),
    ),
]  # fmt: skip


@commands.callback()
def shop() -> None:
    """Sell credits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyOptions:
    """What is ordered: a pack, or an amount of a kind."""

    workspace_id: WorkspaceId
    pack: Annotated[str | None, typer.Option(help="A pack's key.")] = None
    kind: Annotated[str | None, typer.Option(help="With --credits: the kind.")] = None
    credits: Annotated[int | None, typer.Option(help="An amount of your own.")] = None
    key: Annotated[str | None, typer.Option(help="Your own key: a repeat is the same.")] = None
    is_json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoOptions:
    """A promo code to be offered."""

    code: Annotated[str, typer.Argument(help="3 to 40 of A-Z, 0-9 and -.")]
    reason: Reason
    acting: As = None
    password_file: PasswordFile = None
    key: Key = None
    kind: Annotated[str, typer.Option(help="The kind of credit.")]
    credits: Annotated[int, typer.Option(help="Credits for each workspace.")]
    days: Annotated[int, typer.Option(help="Days that the credits last.")] = 30
    times: Annotated[int, typer.Option(help="Redemptions in all.")] = 100
    open_days: Annotated[int | None, typer.Option(help="Days that the code is open.")] = None
    is_json: Json = False


@purchase.command()
def packs(workspace_id: MaybeWorkspace = None, *, is_json: Json = False) -> None:
    """List what is for sale; to a workspace, with what was agreed with it alone."""

    async def read(house: House) -> tuple[Version, tuple[OfferChange, ...], str]:
        at, studio = house.studio.clock.now(), house.studio
        if workspace_id is None:
            return studio.catalog.version_at(at=at), (), "UTC"
        async with studio.reading() as connection:
            owner = await workspaces.get(connection, workspace_id=workspace_id)
        return studio.shop_of(owner, at=at), studio.coming_to(owner, at=at), owner.zone

    version, coming, zone = in_house(read)
    smallest = version.purchase_credits_min
    if is_json:
        sold = [plain(each) | {"buys": plain(_buys(version, each))} for each in version.packs]
        listed = {"packs": sold, "free_amounts": version.free_amounts}
        print_json({**listed, "credits_min": smallest, "coming": coming})
        return
    made = table("pack", "name", "kind", ">credits", ">price, net", ">per 1,000 credits", "buys")
    for pack in version.packs:
        buys = _buys(version, pack)
        made.add_row(
            pack.key, escape(pack.name), pack.kind, f"{pack.credits:,}", money(pack.price),
            money(pack.price_per_1000), escape(buys.told()) if buys else "",
        )  # fmt: skip
    for each in version.free_amounts:
        made.add_row(
            "-", "an amount of your own", each.kind, f"{smallest:,} or more", "by the amount",
            money(each.price_per_1000), "",
        )  # fmt: skip
    console().print(made)
    for change in coming:
        begins = told(change.begins_at, zone=zone)
        console().print(f"From {begins}: {_changed(change)}.", markup=False)


def _buys(version: Version, pack: Pack) -> Measure | None:
    return measure(version=version, kind=pack.kind, amount=pack.credits)


def _changed(change: OfferChange) -> str:
    """Return a change that is to come of what one workspace is sold, in words."""
    name = change.pack or f"amounts of {change.kind} credits"
    if change.sold is not None:
        return f"{name}, {change.sold.name} for {money(change.sold.price)}, net"
    if change.priced is not None:
        return f"{name} for {money(change.priced.price_per_1000)} per 1,000, net"
    return f"{name} no more at a price of its own"


@purchase.command(name="buy")
@takes(BuyOptions)
def order(asked: BuyOptions) -> None:
    """Order credits; they come when the order is paid and staff have added them."""
    is_amount = asked.credits is not None
    if is_amount == (asked.pack is not None) or (is_amount and asked.kind is None):
        raise typer.BadParameter("name a --pack, or --kind and --credits")
    wish = Wish(pack=asked.pack, kind=asked.kind, credits=asked.credits)

    async def bought(house: House, act: Act) -> tuple[Order, Checkout]:
        made = await buy.buy(
            house.studio, workspace_id=asked.workspace_id, wish=wish,
            key=asked.key or str(uuid4()), by=Orderer(act=act),
        )  # fmt: skip
        return made, await pay_links.checkout(house.studio, made.request)

    made, checkout = in_house_acting(
        StaffAction.ORDER_CREDITS, bought, workspace_id=asked.workspace_id, what="purchase buy"
    )
    if asked.is_json:
        print_json({"order": made, "checkout": checkout})
        return
    screen = console()
    screen.print(f"purchase   {made.purchase.purchase_id}")
    screen.print(f"request    {made.request.request_id}")
    screen.print(f"to pay     {money(made.request.money())}, tax and all")
    screen.print(checkout.url or checkout.instructions or "", markup=False)


@purchase.command(name="list")
def list_all(workspace_id: WorkspaceId, *, is_json: Json = False) -> None:
    """List the purchases of a workspace, the newest first."""

    async def read(house: House) -> tuple[tuple[Purchase, ...], str]:
        async with house.studio.reading() as connection:
            workspace = await workspaces.get(connection, workspace_id=workspace_id)
            found = await purchases.page(connection, workspace_id=workspace_id, limit=SHOWN_MAX)
        return found, workspace.zone

    found, zone = in_house(read)
    if is_json:
        print_json(found)
        return
    if not found:
        tell("Nothing was bought yet: `mutoscope purchase packs` lists what is for sale.")
        return
    made = table(
        "!purchase", "?ordered", "?what", ">credits", ">price, net", "state", "?>taken back"
    )  # fmt: skip
    for each in found:
        made.add_row(
            str(each.purchase_id), told(each.ordered_at, zone=zone), each.pack or "own amount",
            f"{each.credits:,} {each.kind}", money(each.price), each.state,
            f"{each.taken_back:,}",
        )  # fmt: skip
    console().print(made)


@purchase.command()
def cancel(
    workspace_id: WorkspaceId, purchase_id: PurchaseId, *, yes: Yes = False, is_json: Json = False
) -> None:
    """Cancel an order that is not paid."""
    if sys.stdin.isatty() and not yes:
        typer.confirm("The order is cancelled. Go", abort=True, err=True)
    found = in_house_acting(
        StaffAction.CANCEL_ORDER,
        lambda house, act: buy.cancel(
            house.studio, workspace_id=workspace_id, purchase_id=purchase_id, act=act
        ),
        workspace_id=workspace_id, what="purchase cancel",
    )  # fmt: skip
    print_json(found) if is_json else tell(f"Purchase {found.purchase_id} is {found.state}.")


@purchase.command()
def redeem(
    workspace_id: WorkspaceId,
    code: Annotated[str, typer.Argument(help="The promo code.")],
    *,
    is_json: Json = False,
) -> None:
    """Redeem a promo code."""

    async def redeemed(house: House, act: Act) -> tuple[Answer, str]:
        found = await promo.redeem(house.studio, workspace_id=workspace_id, code=code, act=act)
        return found, await zone_of(house, workspace_id)

    answer, zone = in_house_acting(
        StaffAction.REDEEM_CODE, redeemed, workspace_id=workspace_id, what="purchase redeem"
    )
    assert answer.entry is not None
    if is_json:
        print_json(answer.entry)
        return
    (posting,) = answer.entry.postings
    terms = answer.entry.terms
    tell(
        f"{posting.amount:,} {answer.kind} credits were added; they lapse on "
        f"{told(terms and terms.expires_at, zone=zone)}."
    )


@purchase.command(name="promo")
@takes(PromoOptions)
def offer_promo(asked: PromoOptions) -> None:
    """Offer a promo code; above the four-eyes limit in all it takes two people."""
    open_days = {} if asked.open_days is None else {"open_days": asked.open_days}
    data = {
        "promo_code": asked.code.strip().upper(), "kind": asked.kind, "credits": asked.credits,
        "redemptions_max": asked.times, "lasts_days": asked.days, **open_days,
    }  # fmt: skip
    order = DeskOrder(
        action=StaffAction.OFFER_PROMO, workspace_id=NOBODY, data=data, reason=asked.reason,
        key=asked.key or str(uuid4()),
    )  # fmt: skip
    found = in_house_as(
        Who(name=asked.acting, password_file=asked.password_file),
        lambda house, actor: proposals.act(house.studio, actor, order=order),
    )
    show(found, is_json=asked.is_json)


@purchase.command()
def promos(*, is_json: Json = False) -> None:
    """List the promo codes."""

    async def read(house: House) -> tuple[PromoCode, ...]:
        async with house.studio.reading() as connection:
            return await offers.promo_codes(connection, limit=SHOWN_MAX)

    found = in_house(read)
    if is_json:
        print_json(found)
        return
    made = table("code", ">credits", "last", ">redeemed", "open until")
    for each in found:
        made.add_row(
            each.code, f"{each.credits:,} {each.kind}", f"{each.lasts_days} days",
            f"{each.redeemed:,} of {each.redemptions_max:,}", told(each.ends_at, zone="UTC"),
        )  # fmt: skip
    console().print(made)


@purchase.command(name="refill")
def set_refill(
    workspace_id: WorkspaceId,
    pack: Annotated[str, typer.Argument(help="The pack that buys itself.")],
    *,
    threshold: Annotated[int, typer.Option(help="Bought when fewer credits are left.")],
    monthly_max: Annotated[int, typer.Option(help="Most that a month may cost, minor units, net.")],
    is_json: Json = False,
) -> None:
    """Let a pack buy itself when few credits are left; needs a card that is kept."""
    wish = RefillWish(pack=pack, threshold=threshold, monthly_max=monthly_max)
    found = in_house_acting(
        StaffAction.SET_REFILL,
        lambda house, act: refill.set_refill(
            house.studio, workspace_id=workspace_id, wish=wish, act=act
        ),
        workspace_id=workspace_id, what=f"purchase refill {pack}",
    )  # fmt: skip
    if is_json:
        print_json(found)
    else:
        tell(f"{pack} buys itself when fewer than {threshold:,} {found.kind} credits are left.")


@purchase.command()
def refills(
    workspace_id: WorkspaceId,
    *,
    drop: Annotated[str | None, typer.Option(help="Stop the refill of this kind.")] = None,
    is_json: Json = False,
) -> None:
    """List what buys itself, or stop it."""

    async def read(house: House) -> tuple[tuple[Refill, ...], Version]:
        async with house.studio.reading() as connection:
            workspace = await workspaces.get(connection, workspace_id=workspace_id)
            found = await offers.refills(connection, workspace_id=workspace_id)
        return found, house.studio.shop_of(workspace, at=house.studio.clock.now())

    if drop is not None:
        in_house_acting(
            StaffAction.DROP_REFILL,
            lambda house, act: refill.drop_refill(
                house.studio, workspace_id=workspace_id, kind=drop, act=act
            ),
            workspace_id=workspace_id, what=f"purchase refills --drop {drop}",
        )  # fmt: skip
    found, shop = in_house(read)
    if is_json:
        print_json(found)
        return
    if not found:
        tell("Nothing buys itself.")
    currencies = {pack.key: pack.price.currency for pack in shop.packs}
    for each in found:
        limit = money_told(each.monthly_max, currencies.get(each.pack))
        console().print(
            f"{each.pack} below {each.threshold:,} {each.kind} credits, {limit} a month at most"
        )
