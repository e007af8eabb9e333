"""Everything that waits is written, whichever lane had its workspaces before."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal
from mutoscope.domain.requests import Request
from mutoscope.ledger import NAMESPACE, Ledger
from mutoscope.storage.journal import BATCH_MAX, LANES

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
STUDIOS = tuple(UUID(int=number) for number in range(1, BATCH_MAX * (LANES + 1) + 1))


def charge(workspace_id: UUID, number: int) -> list[Request]:
    return [Request(workspace_id, "video", NAMESPACE, f"clip-{number}", ask.Charge(1))]


async def test_what_waits_for_the_workspaces_of_the_third_lane_is_written_after_it(
    database_url: str,
) -> None:
    async with Ledger(database_url, now=lambda: NOW) as ledger:
        for studio in STUDIOS:
            await ledger.grant(studio, "video", 100, key="pack")
        late = STUDIOS[::4]  # of each lane some, the third is last: it has to connect first
        asked = [charge(studio, 0) for studio in STUDIOS] + [charge(studio, 1) for studio in late]

        async with asyncio.timeout(60):
            outcomes = await ledger.batch(asked)

    assert len(outcomes) == len(asked)
    assert not [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
