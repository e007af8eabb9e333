"""`mutoscope simulate-providers`: the providers and Stripe, played here for whoever has no keys."""

import asyncio
import shlex
import signal
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import uuid4

import typer

from mutoscope.cli.options import Json
from mutoscope.cli.plain import print_json
from mutoscope.cli.screen import console, tell
from mutoscope.domain.credits import Refusal
from mutoscope.simulators.pixverse import PixVerseSimulator
from mutoscope.simulators.registry import SIMULATORS
from mutoscope.simulators.server import running
from mutoscope.simulators.simulator import Played
from mutoscope.simulators.stripe import StripeSimulator
from mutoscope.simulators.tasks import World

PORT: Final = 8_421
PORT_MAX: Final = 65_535
VERTEX_PLACE: Final = "projects/simulator/locations/us-central1"

commands = typer.Typer()


class PortTaken(Refusal):
    """A port on which something else listens."""

    code = "port_taken"

    def __init__(self, *, port: int, reason: str) -> None:
        super().__init__(f"nothing can listen on port {port} ({reason}): choose another --port")
        self.port = port


@commands.command("simulate-providers")
def simulate_providers(
    *,
    port: Annotated[int, typer.Option(min=0, max=PORT_MAX, help="0 takes a free one.")] = PORT,
    is_json: Json = False,
) -> None:
    """Play every provider, and Stripe, on 127.0.0.1: strict as they are, free of charge.

    It prints the settings of a studio that orders of them. A prompt with [[sim:FAULT]] meets that
    fault; GET /_sim lists them all.
    """
    try:
        asyncio.run(_until_stopped(port, is_json=is_json))
    except OSError as error:
        raise PortTaken(port=port, reason=error.strerror or str(error)) from error


async def _until_stopped(port: int, *, is_json: bool) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with running(port=port, now=lambda: datetime.now(UTC), new_id=uuid4) as world:
        _show(environment(world), is_json=is_json)
        tell("Simulating; Ctrl-C stops.")
        await stopped.wait()
    tell("Stopped.")


def environment(world: World) -> dict[str, str]:
    """Return the settings of a studio that orders of the simulators instead of the providers."""
    found = {"MUTOSCOPE_VERTEX_PLACE": VERTEX_PLACE}
    for kind in SIMULATORS:
        simulator: Played = kind(world=world)
        prefix = f"MUTOSCOPE_{simulator.name.upper()}"
        found[f"{prefix}_KEY"] = simulator.key
        found[f"{prefix}_URL"] = f"{world.address}/{simulator.name}"
    return found | {
        "MUTOSCOPE_PIXVERSE_SECRET": PixVerseSimulator.signing_key,
        "MUTOSCOPE_STRIPE_SECRET": StripeSimulator.signing_key,
    }


def _show(found: dict[str, str], *, is_json: bool) -> None:
    if is_json:
        print_json(found)
        return
    for name, value in sorted(found.items()):
        console().print(f"export {name}={shlex.quote(value)}", markup=False, soft_wrap=True)
