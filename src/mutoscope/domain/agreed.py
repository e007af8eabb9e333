"""What staff agree with one customer: the terms of its plan, and what it alone is sold.

Invariant: own offers are sold to that workspace alone, beside what the catalog sells. Where both
have a pack of one key, or a price of one kind, the workspace's own stands in the catalog's place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
class OwnOffers:
    """The packs and the prices of amounts that were agreed with one workspace."""

    packs: tuple[Pack, ...] = ()
    free_amounts: tuple[FreeAmount, ...] = ()

    def with_pack(self, pack: Pack) -> "OwnOffers":
        """Return them with a pack, in the place of one of its key."""
        others = tuple(each for each in self.packs if each.key != pack.key)
        return replace(self, packs=(*others, pack))

    def without_pack(self, *, key: str) -> "OwnOffers":
        """Return them without a pack.

        :raises UnknownPack: when none of that key was agreed.
        """
        left = tuple(each for each in self.packs if each.key != key)
        if left == self.packs:
            raise UnknownPack(key=key, allowed=tuple(each.key for each in self.packs))
        return replace(self, packs=left)

    def with_free_amount(self, offer: FreeAmount) -> "OwnOffers":
        """Return them with a price of amounts, in the place of one of its kind."""
        others = tuple(each for each in self.free_amounts if each.kind != offer.kind)
        return replace(self, free_amounts=(*others, offer))

    def without_free_amount(self, *, kind: str) -> "OwnOffers":
        """Return them without the price of amounts of a kind.

        :raises NotForSale: when none was agreed.
        """
        left = tuple(each for each in self.free_amounts if each.kind != kind)
        if left == self.free_amounts:
            raise NotForSale(kind=kind, allowed=tuple(each.kind for each in self.free_amounts))
        return replace(self, free_amounts=left)


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
