"""A call that overtakes itself: amid the first one the same is asked for again, and done."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest


def overtake(
    monkeypatch: pytest.MonkeyPatch, target: object, name: str, again: Callable[[], Awaitable[Any]],
    *, is_read_first: bool = False,
) -> list[Any]:  # fmt: skip
    """Let the next call of a function wait for another journey; return what that one came to.

    With `is_read_first` the function is called before the other journey begins: what was read is
    out of date when it is used.
    """
    whole = getattr(target, name)
    done = []

    async def overtaken(*given: Any, **named: Any) -> Any:  # noqa: ANN401 -- any call
        monkeypatch.undo()
        read = await whole(*given, **named) if is_read_first else None
        done.append(await again())
        return read if is_read_first else await whole(*given, **named)

    monkeypatch.setattr(target, name, overtaken)
    return done
