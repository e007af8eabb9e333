"""The table of tools: what each costs, and what a balance buys of it.

Invariant: what is told to be affordable can be ordered: whole images, whole clips, and the seconds
of these clips. Credits per 100 seconds are rounded half up, for comparing alone.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from mutoscope.domain.catalog import Version
from mutoscope.domain.estimate import affordable, price
from mutoscope.domain.offers import Tool, Unit


class ClipPrice(NamedTuple):
    """What a clip of a duration costs, and what a hundred seconds of such clips would."""

    duration_s: int
    credits: int
    credits_per_100_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRow:
    """A tool with its prices, what it can be asked for, and what the balance buys of it.

    With `is_unlimited` the plan meters it at no charge, and the balance is no limit.
    """

    tool: str
    name: str
    kind: str
    unit: Unit
    credits: int
    clips: tuple[ClipPrice, ...]
    ratios: tuple[str, ...]
    resolutions_px: tuple[int, ...]
    quality_rank: int
    available: int
    images_affordable: int
    clips_affordable: int
    seconds_affordable: int
    is_unlimited: bool


def tool_table(
    *, version: Version, available: Mapping[str, int], unlimited: Collection[str] = ()
) -> tuple[ToolRow, ...]:
    """Return the tools in the catalog's order, against what may be spent of each kind."""
    return tuple(
        _row(tool, available.get(tool.kind, 0), is_unlimited=tool.kind in unlimited)
        for tool in version.tools
    )


def _row(tool: Tool, available: int, *, is_unlimited: bool) -> ToolRow:
    bought = affordable(tool=tool, available=available)
    return ToolRow(
        tool=tool.key, name=tool.name, kind=tool.kind, unit=tool.unit, credits=tool.credits,
        clips=tuple(_clip_price(tool, duration_s) for duration_s in tool.durations_s),
        ratios=tool.ratios, resolutions_px=tool.resolutions_px, quality_rank=tool.quality_rank,
        available=available, images_affordable=bought.images, clips_affordable=bought.clips,
        seconds_affordable=bought.seconds, is_unlimited=is_unlimited,
    )  # fmt: skip


def _clip_price(tool: Tool, duration_s: int) -> ClipPrice:
    amount = price(tool=tool, duration_s=duration_s)
    return ClipPrice(duration_s, amount, (200 * amount + duration_s) // (2 * duration_s))
