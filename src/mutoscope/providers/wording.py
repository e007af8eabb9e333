"""What a provider is told in words: a picture's description, or the changes of an edit.

A fine-tune's fields become one sentence. An edit's conversation is told oldest first, since a
provider remembers nothing between two calls.
"""

from typing import Final

from mutoscope.app.ports import Order
from mutoscope.domain.fine_tune import sentence_of

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
        parts.append(sentence_of(order.adjustments))
    parts.append(MASKED if order.mask_path else KEEP)
    return " ".join(parts)
