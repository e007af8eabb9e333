"""How routes take a page of a list: so many items, after a cursor."""

from typing import Annotated, Final

from litestar.params import QueryParameter

LIMIT_MAX: Final = 200
"""Items on a page of a list."""

Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="items on a page")]
After = Annotated[
    str | None, QueryParameter(description="the `next` of the page before", max_length=200)
]
