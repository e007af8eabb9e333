"""Which id of an address is none: an address that would be a route, but for one of its parts."""

from typing import Final

from litestar.app import Litestar
from litestar.types.internal_types import PathParameterDefinition

from mutoscope.domain.credits import Refusal

SHOWN_MAX: Final = 40


class NoSuchId(Refusal):
    """An address with an id that cannot be one; nothing can be there."""

    code = "no_such_id"

    def __init__(self, *, thing: str, value: str, is_number: bool) -> None:
        named = thing.removesuffix("_id").replace("_", " ")
        shape = "a number" if is_number else "such as 0c60f986-8a30-4f07-9fea-0a8505254c2d"
        super().__init__(f"there is no {named} {value[:SHOWN_MAX]!r}: it is {shape}")
        self.thing = named


def lost_id(app: Litestar, *, path: str) -> NoSuchId | None:
    """Return what names the id that keeps an address from being a route, if one does."""
    given = path.strip("/").split("/")
    for route in app.routes:
        parts = route.path_components
        if len(parts) == len(given) and all(map(_may_be, parts, given)):
            for part, text in zip(parts, given, strict=True):
                if not isinstance(part, str) and not _is_of_type(part, text):
                    return NoSuchId(thing=part.name, value=text, is_number=part.type is int)
    return None


def _may_be(part: str | PathParameterDefinition, text: str) -> bool:
    return part == text if isinstance(part, str) else True


def _is_of_type(part: PathParameterDefinition, text: str) -> bool:
    try:
        part.type(text)
    except ValueError:
        return False
    return True
