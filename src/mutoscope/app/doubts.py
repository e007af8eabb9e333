"""Orders whose answer was lost: who can tell what became of them, and what staff are told to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mutoscope.app.ports import Capabilities, ProviderError, Reconcile

if TYPE_CHECKING:
    from mutoscope.app.studio import Studio
    from mutoscope.storage.attempts import Attempt

_GONE: Final = Capabilities(prompt_max=0, output_ttl_s=0)
"""What is known of a model whose provider is not set up any more."""


def is_asked(studio: Studio, attempt: Attempt) -> bool:
    """Tell whether the provider can be asked about an order by our own id."""
    return _able(studio, attempt).reconcile is Reconcile.BY_ID


def is_told(studio: Studio, attempt: Attempt) -> bool:
    """Tell whether the provider's call back tells what became of an order."""
    can_call = bool(studio.call_backs.url)
    return can_call and _able(studio, attempt).reconcile is Reconcile.BY_CALL_BACK


def our_id(studio: Studio, attempt: Attempt, *, found: str) -> str | None:
    """Return our id of an order from the provider's own; None where nothing can be followed."""
    form = _able(studio, attempt).id_form
    return form.format(id=found, micros=attempt.list_micros) or None


def what_to_do(studio: Studio, attempt: Attempt) -> str:
    """Return what staff do about an order in doubt."""
    closing = "--cost-micros if it is over and cost something, neither if it was never taken"
    if not _able(studio, attempt).id_form:
        return "it keeps nothing to look up: --cost-micros if its bill has it, nothing if not"
    where = "wait for its call back, or look it up there"
    if not is_told(studio, attempt):
        where = "look it up there by its time"
    return f"{where}: --created with its id if it is at work or done, {closing}"


def _able(studio: Studio, attempt: Attempt) -> Capabilities:
    try:
        return studio.generator(attempt.provider).capabilities(model=attempt.model)
    except ProviderError:
        return _GONE
