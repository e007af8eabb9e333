"""The fair-use pace of unlimited use: beyond it jobs wait; they are never refused or charged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from mutoscope.storage import jobs

if TYPE_CHECKING:
    from datetime import datetime

    from mutoscope.app.placing import Placing
    from mutoscope.app.studio import Studio
    from mutoscope.domain.offers import Tool

PACE_SPAN: Final = timedelta(hours=1)
"""Over which use is counted, and by which it waits."""


async def starts_of(
    studio: Studio, placing: Placing, *, tool: Tool, amounts: Sequence[int]
) -> tuple[datetime, ...]:
    """Return when jobs may start: at once, unless unlimited use has used up its fair-use pace.

    Each pace's worth beyond the last hour's starts an hour later.
    """
    pace = next((each for each in placing.version.paces if each.kind == tool.kind), None)
    if pace is None or tool.kind not in placing.access.unlimited:
        return (placing.at,) * len(amounts)
    async with studio.reading() as connection:
        used = await jobs.metered_since(
            connection, workspace_id=placing.workspace.workspace_id, kind=tool.kind,
            since=placing.at - PACE_SPAN,
        )  # fmt: skip
    before = accumulate(amounts, initial=used)
    return tuple(
        placing.at + PACE_SPAN * (count // pace.credits_per_hour)
        for count, _ in zip(before, amounts, strict=False)
    )
