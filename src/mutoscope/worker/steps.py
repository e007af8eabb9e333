"""The worker: takes steps of jobs from the queue, and keeps the clock's promises.

Loops run side by side: single steps of jobs, the turns of jobs that wait, looks at the providers'
work, whatever is due by the clock, money, alerts, webhooks, what is kept no longer, the post, the
sweep for jobs that nobody works on, the daily checkpoint, and e-mails to people who are away from
the chat. A loop that fails is recorded and begun again after a pause, so that a database that
restarts does not end the worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import UUID

import structlog
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.models import Job as Step
from pgqueuer.queries import Queries

from mutoscope.app.advance import advance, stumble
from mutoscope.app.chat_mail import tell_absent
from mutoscope.app.checkpoint import take_daily
from mutoscope.app.newcomers import forget_over, remove_unproven
from mutoscope.app.order import NEVER, RETRY_S, Next
from mutoscope.app.post import AT_ONCE_MAX, send_due
from mutoscope.app.renew import run as renew
from mutoscope.app.sweep import sweep
from mutoscope.app.watch import LOOKS_MAX, admit, watch
from mutoscope.storage.database import connect
from mutoscope.storage.jobs import UnknownJob
from mutoscope.storage.queue import STEP, enqueue_steps
from mutoscope.worker import alerts, billing, exports, payments

if TYPE_CHECKING:
    from mutoscope.bootstrap import House

CLOCK_S: Final = 5.0
"""Seconds between looks for what is due by the clock."""

SWEEP_S: Final = 30.0
LOOK_S: Final = 0.2
"""Seconds between passes of looks, when the last one found nothing more to do."""

TURN_S: Final = 0.5
"""Seconds between passes over the jobs that wait for their turn."""

POST_S: Final = 2.0
"""Seconds between looks into the outbox: nobody waits longer for a code."""

ABSENT_S: Final = 15.0
"""Seconds between looks for people who are away and have a message: they are told after minutes."""

CHECKPOINT_S: Final = 600.0
"""Seconds between looks whether the last checkpoint is a day old."""

RESTART_S: Final = 1.0
STEPS_MAX: Final = 50
"""Steps that one worker takes at once; most of them wait for a provider."""

_log = structlog.get_logger()


async def work(house: House) -> None:
    """Work until cancelled."""
    async with asyncio.TaskGroup() as loops:
        loops.create_task(_for_ever("steps", lambda: _take_steps(house), RESTART_S))
        loops.create_task(_for_ever("looks", lambda: _look(house), LOOK_S))
        loops.create_task(_for_ever("turns", lambda: _take_turns(house), TURN_S))
        loops.create_task(_for_ever("clock", lambda: _keep_clock(house), CLOCK_S))
        for name, part in billing.PARTS.items():
            loops.create_task(_for_ever(name, partial(part, house), billing.BILLING_S))
        loops.create_task(
            _for_ever("catalog", lambda: billing.follow_catalog(house), billing.CATALOG_S)
        )
        loops.create_task(
            _for_ever("payments", lambda: payments.take_events(house), payments.EVENTS_S)
        )
        loops.create_task(
            _for_ever("books", lambda: payments.compare_books(house), payments.BOOKS_S)
        )
        loops.create_task(_for_ever("alerts", lambda: alerts.look(house), alerts.LOOK_S))
        loops.create_task(_for_ever("webhooks", lambda: alerts.send(house), alerts.SEND_S))
        loops.create_task(_for_ever("forget", lambda: _forget(house), alerts.FORGET_S))
        if house.studio.mailer is not None:
            loops.create_task(_for_ever("post", lambda: _send_post(house), POST_S))
        loops.create_task(_for_ever("sweep", lambda: _sweep(house), SWEEP_S))
        loops.create_task(_for_ever("checkpoints", lambda: _take_checkpoint(house), CHECKPOINT_S))
        loops.create_task(_for_ever("absent", lambda: _tell_absent(house), ABSENT_S))


async def _for_ever(name: str, once: Callable[[], Awaitable[None]], pause_s: float) -> None:
    while True:
        try:
            await once()
        except Exception:  # noqa: BLE001  # the worker's loop goes on, and records why
            _log.exception("worker_loop_failed", loop=name)
        await asyncio.sleep(pause_s)


async def _take_steps(house: House) -> None:
    connection = await connect(house.database_url)
    manager = QueueManager(Queries.from_asyncpg_connection(connection))

    @manager.entrypoint(STEP)
    async def take(step: Step) -> None:
        assert step.payload is not None
        workspace_id, job_id = (UUID(part) for part in step.payload.decode().split("/"))
        await _take_step(house, workspace_id, job_id)

    exports.take_exports(manager, house)
    try:
        await manager.run(batch_size=STEPS_MAX // 2, max_concurrent_tasks=STEPS_MAX)
    finally:
        manager.shutdown.set()
        await connection.close()


async def _take_step(house: House, workspace_id: UUID, job_id: UUID) -> None:
    try:
        step = await advance(house.studio, workspace_id=workspace_id, job_id=job_id)
    except Exception:  # noqa: BLE001  # the same: the step is taken again
        _log.exception("job_step_failed", job_id=str(job_id))
        step = await _counted(house, workspace_id, job_id)
    if step.wait_s is not None and not step.is_watched:
        async with house.studio.reading() as connection:
            await enqueue_steps(connection, [(workspace_id, job_id, step.wait_s)])


async def _counted(house: House, workspace_id: UUID, job_id: UUID) -> Next:
    try:
        return await stumble(house.studio, workspace_id=workspace_id, job_id=job_id)
    except UnknownJob:
        return NEVER
    except Exception:  # noqa: BLE001  # the database is away: the job waits for it
        _log.exception("job_step_not_counted", job_id=str(job_id))
        return Next(RETRY_S)


async def _look(house: House) -> None:
    while await watch(house.studio) == LOOKS_MAX:
        continue


async def _take_turns(house: House) -> None:
    await admit(house.studio)


async def _keep_clock(house: House) -> None:
    renewal = await renew(url=house.database_url, at=house.studio.clock.now())
    for failure in renewal.failures:
        _log.error("wallet_not_renewed", failure=str(failure))


async def _take_checkpoint(house: House) -> None:
    async with house.studio.reading() as connection:
        signed = await take_daily(
            connection, private_key=house.signing_key, at=house.studio.clock.now()
        )
    if signed is not None:
        _log.info("checkpoint_taken", number=signed.checkpoint.number)


async def _send_post(house: House) -> None:
    while await send_due(house.studio) == AT_ONCE_MAX:
        continue


async def _tell_absent(house: House) -> None:
    await tell_absent(house.studio)


async def _forget(house: House) -> None:
    await alerts.forget_sent(house)
    await forget_over(house.studio)
    removed = await remove_unproven(house.studio)
    if removed:
        _log.info("sign_ups_removed", removed=removed)


async def _sweep(house: House) -> None:
    await exports.sweep(house)
    found = await sweep(house.studio)
    if found:
        _log.warning("jobs_without_a_step", found=found)
