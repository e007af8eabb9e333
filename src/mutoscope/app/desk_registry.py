"""The registry: every action of the desk by its code, with its fields and what carries it out.

To add one, write `async def verb(studio, deed)` beside the journey that it belongs to, let it
commit `deed.rows(studio)` with what it does under `deed.key`, and give it a row here.
"""

from collections.abc import Mapping
from typing import Final

from mutoscope.app.desk import DeskAction
from mutoscope.app.desk_credits import DOWN, UP, adjust, give_goodwill
from mutoscope.app.desk_purchases import disable_purchases, enable_purchases
from mutoscope.domain.catalog import UnknownItem
from mutoscope.domain.desk import Field, FieldKind
from mutoscope.domain.staff import StaffAction


class UnknownDeskAction(UnknownItem):
    """The desk has no such action."""

    code = "unknown_desk_action"
    noun = "desk action"


_KIND: Final = Field(name="kind", kind=FieldKind.CODE)
_CREDITS: Final = Field(name="credits", kind=FieldKind.CREDITS)
_EXPIRES_AT: Final = Field(name="expires_at", kind=FieldKind.INSTANT, is_needed=False)
_DIRECTION: Final = Field(name="direction", kind=FieldKind.CODE, choices=(UP, DOWN))

ACTIONS: Final[Mapping[str, DeskAction]] = {
    "enable_purchases": DeskAction(
        code=StaffAction.ENABLE_PURCHASES, fields=(), perform=enable_purchases
    ),
    "disable_purchases": DeskAction(
        code=StaffAction.DISABLE_PURCHASES, fields=(), perform=disable_purchases
    ),
    "goodwill": DeskAction(
        code=StaffAction.GOODWILL, fields=(_KIND, _CREDITS, _EXPIRES_AT), counts="credits",
        perform=give_goodwill,
    ),
    "adjust": DeskAction(
        code=StaffAction.ADJUST, fields=(_KIND, _CREDITS, _DIRECTION, _EXPIRES_AT),
        counts="credits", perform=adjust,
    ),
}  # fmt: skip
"""What can be done at the desk, by the code that stands in the audit and on cards."""


def desk_action(key: str) -> DeskAction:
    """Return an action of the desk.

    :raises UnknownDeskAction: when there is none of that code.
    """
    if key not in ACTIONS:
        raise UnknownDeskAction(key=key, allowed=tuple(ACTIONS))
    return ACTIONS[key]
