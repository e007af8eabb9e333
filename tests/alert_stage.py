"""What the tests of alerts, forecasts and webhooks do: grants, charges, passes, and looking."""

from datetime import timedelta
from uuid import UUID, uuid4

from mutoscope.app import renew
from mutoscope.app.alerts import alert
from mutoscope.app.sign_up import create
from mutoscope.app.subscribe import start_plan
from mutoscope.domain import actions as ask
from mutoscope.domain.lots import Source, Terms
from mutoscope.domain.planner import Submission
from mutoscope.domain.requests import Request
from mutoscope.storage import alerts, workspaces
from mutoscope.storage.alerts import Alert
from mutoscope.storage.workspaces import Message
from studio_stage import Stage


async def subscribed(stage: Stage, *, plan: str = "essential", email: str | None = None) -> UUID:
    """Open a workspace with a plan, and let the alerts see it."""
    opened = await create(stage.studio, name="Borealis", zone="UTC", email=email)
    await start_plan(stage.studio, workspace_id=opened.workspace_id, plan=plan)
    await alert(stage.studio)
    return opened.workspace_id


async def submit(
    stage: Stage, workspace_id: UUID, action: ask.Action, *, kind: str = "video", key: str = ""
) -> int:
    """Post one operation; return its line."""
    request = Request(workspace_id, kind, "api", key or str(uuid4()), action)
    (answer,) = await stage.studio.journal.submit(Submission((request,)))
    return answer.entry.sequence if answer.entry else 0


async def spend(stage: Stage, workspace_id: UUID, amount: int, *, kind: str = "video") -> int:
    stage.clock.move(seconds=1)
    return await submit(stage, workspace_id, ask.Charge(amount), kind=kind)


async def give(
    stage: Stage, workspace_id: UUID, amount: int, *, days: int | None = None,
    source: Source = Source.GOODWILL,
) -> int:  # fmt: skip
    stage.clock.move(seconds=1)
    at = stage.clock.now()
    expires_at = None if days is None else at + timedelta(days=days)
    return await submit(stage, workspace_id, ask.Grant(amount, Terms(source, at, expires_at)))


async def hold(stage: Stage, workspace_id: UUID, amount: int, *, key: str) -> None:
    stage.clock.move(seconds=1)
    deadline_at = stage.clock.now() + timedelta(days=1)
    await submit(stage, workspace_id, ask.Hold(amount, deadline_at), key=key)


async def release(stage: Stage, workspace_id: UUID, *, key: str) -> None:
    stage.clock.move(seconds=1)
    await submit(stage, workspace_id, ask.Release(ask.Reference("api", key)))


async def told(stage: Stage, workspace_id: UUID, *, is_looking: bool = True) -> list[Alert]:
    """Let a pass look, and return all alerts of a workspace, oldest first."""
    if is_looking:
        await alert(stage.studio)
    async with stage.studio.reading() as connection:
        found = await alerts.page(
            connection, workspace_id=workspace_id, is_unread=False, limit=100,
            before=(stage.clock.now() + timedelta(days=1), UUID(int=0)),
        )  # fmt: skip
    return list(reversed(found))


async def codes(stage: Stage, workspace_id: UUID) -> list[tuple[str, int | None]]:
    return [(str(each.code), each.threshold) for each in await told(stage, workspace_id)]


async def messages(stage: Stage, workspace_id: UUID) -> list[Message]:
    """Return the messages to a workspace, without those that bring an invoice."""
    async with stage.studio.reading() as connection:
        found = await workspaces.outbox(connection, workspace_id=workspace_id, limit=100)
    return [each for each in found if not each.subject.startswith("Invoice")]


async def post_due(stage: Stage, url: str) -> None:
    """Post whatever is due by now, as the clock does."""
    await renew.run(url=url, at=stage.clock.now())
