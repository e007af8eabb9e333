"""A TOML file of an operator's: its text read into tables, or refused with all that is wrong.

Owns what every such file has in common: its greatest length, and the refusal that names the place,
the value and the remedy.
"""

import tomllib

from mutoscope.domain.credits import Refusal
from mutoscope.domain.toml_table import Problem

TEXT_MAX = 1_000_000
"""Characters of a file; the shipped ones have about 10,000."""


class FileRefused(Refusal):
    """A file's data are bad; `problems` lists all that is wrong, the first one is the message."""

    def __init__(self, *, source: str, problems: tuple[Problem, ...]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{source}: {first}{more}")
        self.source = source
        self.problems = problems
        self.key = first.key
        self.value = first.value
        self.remedy = first.remedy


def toml_content(
    *, text: str, source: str, shipped: str, refusal: type[FileRefused]
) -> dict[str, object]:
    """Return the tables of a file's text; `shipped` is the file after whose pattern it is written.

    :raises FileRefused: as the given kind, when it is too long or not TOML.
    """
    remedy = f"write it as TOML, after the pattern of the shipped {shipped}"
    if len(text) > TEXT_MAX:
        reason, remedy = f"{len(text)} characters long", f"give at most {TEXT_MAX} characters"
    else:
        try:
            return tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            reason = f"not TOML ({error})"
    problem = Problem(key="the file", value=reason, remedy=remedy)
    raise refusal(source=source, problems=(problem,))
