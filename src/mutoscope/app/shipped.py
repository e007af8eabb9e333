"""What comes along with the package, for whoever brings nothing of its own."""

from functools import cache
from importlib.resources import files

from mutoscope.domain.seller import Seller
from mutoscope.domain.seller_text import parse_seller


@cache
def shipped_seller() -> Seller:
    """Return the seller that is shipped, which says on every document that it is an example."""
    text = files("mutoscope").joinpath("seller.toml").read_text(encoding="utf-8")
    return parse_seller(text=text, source="seller.toml")
