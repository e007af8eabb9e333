"""Places in lists that are ordered by age: an item's instant and id, and the cursor of both."""

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


FIRST: Final = Place(datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))
LAST: Final = Place(datetime(9000, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))


def cursor_of(*, at: datetime, item_id: UUID) -> str:
    """Return the cursor of an item."""
    return urlsafe_b64encode(f"{at.isoformat()}/{item_id}".encode()).rstrip(b"=").decode()


def place_of(cursor: str | None, *, begin: Place) -> Place:
    """Return where a page begins.

    :raises BadCursor: when no list has given the cursor.
    """
    if cursor is None:
        return begin
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
        at, _, item_id = text.partition("/")
        place = Place(datetime.fromisoformat(at), UUID(item_id))
        is_known = cursor_of(at=place.at, item_id=place.item_id) == cursor
    except (binascii.Error, ValueError) as error:
        raise BadCursor(cursor=cursor) from error
    if not is_known or place.at.tzinfo is None or not FIRST.at <= place.at <= LAST.at:
        raise BadCursor(cursor=cursor)
    return place
