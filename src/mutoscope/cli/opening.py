"""The house that a command works in: opened from the environment's settings, closed in the end.

Owns the only reading of the environment. Invariant: a command runs in one event loop and leaves
nothing running, however it ends.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from uuid import UUID

from mutoscope.bootstrap import House, open_house
from mutoscope.cli.logs import configure
from mutoscope.settings import SettingInForce, Settings, read_settings, settings_in_force
from mutoscope.storage import workspaces
from mutoscope.storage.event_loop import run_long

T = TypeVar("T")


def settings_here() -> Settings:
    """Return the settings of this process's environment.

    :raises BadSetting: when one of them cannot be used.
    """
    return read_settings(os.environ)


def shown_settings() -> tuple[SettingInForce, ...]:
    """Return the settings of this process's environment as they may be shown.

    :raises BadSetting: when one of them cannot be used.
    """
    settings_here()
    return settings_in_force(os.environ)


def in_house(use: Callable[[House], Coroutine[Any, Any, T]], *, is_long: bool = False) -> T:
    """Open the house, use it, close it, and return what the use returned.

    Long work runs in the event loop that costs more to load and less to use.

    :raises Refusal: when the house cannot be opened, or the use is refused.
    """
    configure()

    async def opened() -> T:
        async with open_house(settings_here()) as house:
            return await use(house)

    return run_long(opened()) if is_long else asyncio.run(opened())


async def zone_of(house: House, workspace_id: UUID) -> str:
    """Return the zone of a workspace's screens.

    :raises UnknownWorkspace: when there is no such workspace.
    """
    async with house.studio.reading() as connection:
        return (await workspaces.get(connection, workspace_id=workspace_id)).zone


async def until_interrupted(task: asyncio.Task[None]) -> None:
    """Wait for a task until the process is asked to stop, then end it in good order."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
