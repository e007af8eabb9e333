"""What staff agree with one customer: the terms of its plan, and what it alone is sold.

Invariant: own offers are sold to that workspace alone, beside what the catalog sells. Where both
have a pack of one key, or a price of one kind, the workspace's own stands in the catalog's place.
They are dated: what is agreed for later is kept beside what is in force, and begins at its instant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from mutoscope.domain.catalog import UnknownPack, Version
from mutoscope.domain.estimate import NotForSale
from mutoscope.domain.offers import FreeAmount, Money, Pack


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """Terms that were agreed; what is None stays as it is. `price` is that of a charge, net."""

    allowances: Mapping[str, int] | None = None
    price: Money | None = None
    can_purchase: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferChange:
    """A change of own offers from an instant on: of a pack by its key, or of amounts by their kind.

    Without an offer, `sold` or `priced`, what is named is sold no more, or as the catalog says
    again.
    """

    begins_at: datetime
    pack: str | None = None
    kind: str | None = None
    sold: Pack | None = None
    priced: FreeAmount | None = None

    @property
    def offer(self) -> Pack | FreeAmount | None:
        """Return what is sold from then on, or None when it ends."""
        return self.sold or self.priced

    def is_of(self, other: "OfferChange") -> bool:
        """Tell whether another change is of the same pack, or of the same amounts."""
        return (self.pack, self.kind) == (other.pack, other.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnOffers:
    """The packs and the prices of amounts that were agreed with one workspace; `coming` changes."""

    packs: tuple[Pack, ...] = ()
    free_amounts: tuple[FreeAmount, ...] = ()
    coming: tuple[OfferChange, ...] = ()

    def at(self, *, at: datetime) -> "OwnOffers":
        """Return them as they are at an instant: what has begun until then is made."""
        begun = [each for each in self.coming if each.begins_at <= at]
        found = replace(self, coming=tuple(each for each in self.coming if each not in begun))
        for each in sorted(begun, key=lambda change: change.begins_at):
            found = found.made(each)
        return found

    def changed(self, change: OfferChange, *, at: datetime) -> "OwnOffers":
        """Return them with a change made, or to come in the place of another of the same.

        :raises UnknownPack: when it is to end a pack, and none of that key was agreed.
        :raises NotForSale: when it is to end a price of amounts, and none was agreed.
        """
        now = self.at(at=at)
        others = tuple(each for each in now.coming if not each.is_of(change))
        if change.offer is None:
            now.require(change)
        left = replace(now, coming=others)
        if change.begins_at <= at:
            return left.made(change)
        return replace(left, coming=(*others, change))

    def without_coming(self, *, at: datetime) -> "OwnOffers":
        """Return them as they are at an instant, with nothing that is to change."""
        return replace(self.at(at=at), coming=())

    def made(self, change: OfferChange) -> "OwnOffers":
        """Return them with a change made."""
        packs = tuple(each for each in self.packs if each.key != change.pack)
        amounts = tuple(each for each in self.free_amounts if each.kind != change.kind)
        return replace(
            self, packs=packs if change.sold is None else (*packs, change.sold),
            free_amounts=amounts if change.priced is None else (*amounts, change.priced),
        )  # fmt: skip

    def require(self, change: OfferChange) -> None:
        """Pass when what a change is of was agreed, in force or to come.

        :raises UnknownPack: when no pack of that key was.
        :raises NotForSale: when no price of amounts of that kind was.
        """
        if any(each.is_of(change) and each.offer is not None for each in self.coming):
            return
        packs = tuple(each.key for each in self.packs)
        kinds = tuple(each.kind for each in self.free_amounts)
        if change.pack is not None and change.pack not in packs:
            raise UnknownPack(key=change.pack, allowed=packs)
        if change.kind is not None and change.kind not in kinds:
            raise NotForSale(kind=change.kind, allowed=kinds)


NO_OFFERS: Final = OwnOffers()


def sold_to(version: Version, *, offers: OwnOffers) -> Version:
    """Return a version as one workspace is sold it: its own offers beside the catalog's.

    A pack below the version's smallest purchase is not sold while that version is in force.
    """
    packs = {pack.key: pack for pack in version.packs} | {
        pack.key: pack for pack in offers.packs if pack.credits >= version.purchase_credits_min
    }
    amounts = {each.kind: each for each in (*version.free_amounts, *offers.free_amounts)}
    return replace(version, packs=tuple(packs.values()), free_amounts=tuple(amounts.values()))
