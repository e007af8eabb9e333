"""Credits for generative media: an exact ledger, plans, billing dates and generation."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mutoscope.domain.credits import Refusal
    from mutoscope.domain.journal import Attribution
    from mutoscope.domain.ledger import InsufficientCredits
    from mutoscope.domain.planner import KeyReused
    from mutoscope.ledger import Ledger

__all__ = ["Attribution", "InsufficientCredits", "KeyReused", "Ledger", "Refusal"]

_PLACES = {
    "Attribution": "mutoscope.domain.journal",
    "InsufficientCredits": "mutoscope.domain.ledger",
    "KeyReused": "mutoscope.domain.planner",
    "Ledger": "mutoscope.ledger",
    "Refusal": "mutoscope.domain.credits",
}


def __getattr__(name: str) -> object:
    """Import the public face piece by piece, so that `import mutoscope` stays light.

    :raises AttributeError: when it has no such name.
    """
    if name not in _PLACES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_PLACES[name]), name)
