"""Places in lists that are ordered by age: an item's instant and id or name, and their cursors."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

from mutoscope.storage.cursor import BadCursor


class Place(NamedTuple):
    """Where a page ended."""

    at: datetime
    item_id: UUID


class NamedPlace(NamedTuple):
    """Where a page ended of things that have a name instead of an id."""

    at: datetime
    name: str


FIRST: Final = Place(datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))
LAST: Final = Place(datetime(9000, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))
LAST_NAMED: Final = NamedPlace(LAST.at, "")


def cursor_of(*, at: datetime, item_id: UUID | str) -> str:
    """Return the cursor of an item, by its id or its name."""
    return urlsafe_b64encode(f"{at.isoformat()}/{item_id}".encode()).rstrip(b"=").decode()


def place_of(cursor: str | None, *, begin: Place) -> Place:
    """Return where a page begins.

    :raises BadCursor: when no list has given the cursor.
    """
    if cursor is None:
        return begin
    at, text = named_place_of(cursor)
    try:
        place = Place(at, UUID(text))
    except ValueError as error:
        raise BadCursor(cursor=cursor) from error
    if str(place.item_id) != text:
        raise BadCursor(cursor=cursor)
    return place


def named_place_of(cursor: str | None) -> NamedPlace:
    """Return where a page begins of things that have a name, the newest first.

    :raises BadCursor: when no list has given the cursor.
    """
    if cursor is None:
        return LAST_NAMED
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode()
        instant, _, name = text.partition("/")
        place = NamedPlace(datetime.fromisoformat(instant), name)
        is_known = cursor_of(at=place.at, item_id=name) == cursor and "\0" not in name
    except (binascii.Error, ValueError) as error:
        raise BadCursor(cursor=cursor) from error
    if not is_known or place.at.tzinfo is None or not FIRST.at <= place.at <= LAST.at:
        raise BadCursor(cursor=cursor)
    return place
