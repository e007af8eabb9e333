"""The one refusal of the built-in engine: an order it cannot carry out."""

from collections.abc import Sequence


class OrderRefused(Exception):
    """An order holds something that the engine cannot do; nothing was begun."""

    code = "bad_input"

    def __init__(self, *, field: str, value: object, allowed: Sequence[str]) -> None:
        super().__init__(f"{field} cannot be {value!r}; it may be: {', '.join(allowed)}")
        self.field = field
        self.value = value
        self.allowed = tuple(allowed)
