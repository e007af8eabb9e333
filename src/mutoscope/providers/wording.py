"""What a provider is told in words: a picture's description, or the changes of an edit.

A fine-tune's fields become one sentence each. An edit's conversation is told oldest first, since a
provider remembers nothing between two calls.
"""

from collections.abc import Mapping
from typing import Final

from mutoscope.app.ports import Order

KEEP: Final = "Keep everything else of the picture as it is."
MASKED: Final = "Change only what is inside the mask."


def asked(order: Order) -> str:
    """Return what a provider is asked for: the changes of an edit, else the description."""
    if order.source_path is None or not (order.instruction or order.adjustments):
        return order.prompt
    parts = []
    if order.history:
        parts.append(f"Already changed, keep it: {'; '.join(order.history)}.")
    if order.instruction:
        parts.append(order.instruction)
    if order.adjustments:
        parts.append(_adjusted(order.adjustments))
    parts.append(MASKED if order.mask_path else KEEP)
    return " ".join(parts)


def _adjusted(adjustments: Mapping[str, str | float]) -> str:
    return " ".join(
        f"{name.replace('_', ' ').capitalize()}: {_valued(value)}."
        for name, value in sorted(adjustments.items())
    )


def _valued(value: str | float) -> str:
    return value.replace("_", " ") if isinstance(value, str) else f"{value:+g}"
