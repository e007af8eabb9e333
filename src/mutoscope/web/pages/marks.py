"""Words of the house and of its staff as markup: addresses are links, what is to be typed is code.

Invariant: every other letter is escaped. Words of creators are not marked up: a link of somebody
else's could lead a member anywhere.
"""

import re
from html import escape
from typing import Final

_ADDRESS: Final = re.compile(r"https?://(?:&amp;|[^\s`&])+(?<![.,;:!?)])")
"""An address in escaped words; the end of a sentence is none of it."""

_CODE: Final = re.compile(r"`([^`\n]+)`")


def marked_up(words: str) -> str:
    """Return words as markup."""
    return _CODE.sub(r"<code>\1</code>", _ADDRESS.sub(_link, escape(words)))


def _link(address: re.Match[str]) -> str:
    """Return a link that opens beside the page, so that nothing written is lost."""
    return f'<a href="{address[0]}" target="_blank" rel="noopener noreferrer">{address[0]}</a>'
