"""How help spells arguments and options: by the words of the documentation, WORKSPACE and NUMBER.

The surprising choice: Typer's own parameters are told how to show themselves, since its braces and
the names of Python's types say nothing to who has never written a program.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

WORDS: Final = {
    "str": "TEXT", "int": "NUMBER", "int range": "NUMBER", "float range": "NUMBER", "UUID": "ID",
    "path": "PATH", "Path": "PATH",
}  # fmt: skip
"""What is written for a type, by Typer's name of it; a choice is written as it is."""

CHOICES_MAX: Final = 50
"""Characters of a choice's values beside its name; more of them are told behind its help."""

Show = Callable[..., str | None]


def spell(command: Any) -> None:  # noqa: ANN401 -- Typer does not export its command's type
    """Let the arguments and options of a command show themselves in words."""
    for parameter in command.params:
        parameter.help = _help(parameter)
        if parameter.param_type_name == "argument":
            parameter.metavar = (parameter.metavar or parameter.name.upper()).strip("[]")
            parameter.get_usage_pieces = partial(_usage, parameter)
        vars(parameter)["_get_number_range_help_str"] = partial(_range, parameter)
        parameter.display_type_rich = partial(_type, parameter, show=parameter.display_type_rich)


def _help(parameter: Any) -> Any:  # noqa: ANN401 -- the same
    """Return what a parameter is for, with its values where they are many."""
    choices = tuple(map(str, parameter.type_descriptor.choices or ()))
    if len("|".join(choices)) <= CHOICES_MAX:
        return parameter.help
    return f"{parameter.help} One of {', '.join(choices)}."


def _usage(argument: Any, _context: object) -> list[str]:  # noqa: ANN401 -- the same
    """Return how an argument stands in the usage: in brackets where it may be left out."""
    name = argument.metavar.removesuffix("...")
    name = name if argument.required else f"[{name}]"
    return [name if argument.nargs == 1 else f"{name}..."]


def _range(parameter: Any) -> str | None:  # noqa: ANN401 -- the same
    """Return between which numbers a value lies."""
    least, most = getattr(parameter, "min", None), getattr(parameter, "max", None)
    if least is None or most is None:
        return None if least is None else f"at least {least}"
    return f"{least} to {most}"


def _type(parameter: Any, *, show: Show, **place: Any) -> str | None:  # noqa: ANN401 -- the same
    """Return what a value is; nothing for an argument that its name tells."""
    shown = show(**place)
    if shown is None or not shown.startswith("<"):
        return shown
    name = shown[1:-1].removeprefix("list[").removesuffix("]")
    if name in WORDS and parameter.param_type_name == "argument":
        return None
    return parameter.name.upper() if len(name) > CHOICES_MAX else WORDS.get(name, name)
