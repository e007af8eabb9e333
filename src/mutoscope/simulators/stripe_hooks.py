"""Webhooks of the simulated Stripe: signed, sent to one address, and sent badly when asked to.

An event is sent until it is answered with success, a few times. The faults are those that happen:
it comes twice, later, after its successor, never, or again under another id.
"""

import asyncio
import hmac
import json
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import httpx

from mutoscope.simulators.faults import Fault

TIMEOUT_S: Final = 5
TRIES: Final = 5
PAUSE_S: Final = 0.2
LATE_S: Final = 0.5

Thing = dict[str, Any]


def signature(*, body: bytes, secret: str, at: datetime) -> str:
    """Return what proves that a body is Stripe's."""
    seconds = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, sha256).hexdigest()
    return f"t={seconds},v1={digest},v0=simulated"


class Hooks:
    """Sends events to an address, one after the other, once there is one."""

    def __init__(
        self, *, secret: str, now: Callable[[], datetime], new_id: Callable[[], object]
    ) -> None:
        self.url: str | None = None
        self._secret = secret
        self._now = now
        self._new_id = new_id
        self._waiting: Thing | None = None
        self._sending: set[asyncio.Task[None]] = set()

    def clear(self) -> None:
        """Forget the address, and what waits."""
        self.url = self._waiting = None

    async def close(self) -> None:
        """Stop sending."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    def send(self, events: list[tuple[Thing, Fault]]) -> None:
        """Send events in their order, each with its fault, without waiting for them."""
        if self.url is None:
            return
        deliveries = [each for event, fault in events for each in self._deliveries(event, fault)]
        if not deliveries:
            return
        sending = asyncio.create_task(self._send(self.url, deliveries))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    def _deliveries(self, event: Thing, fault: Fault) -> list[tuple[Thing, Fault]]:
        """Return what is sent because of an event; one that is overtaken goes after the next."""
        if fault is Fault.REORDERED_WEBHOOK and self._waiting is None:
            self._waiting = event
            return []
        overtaken, self._waiting = self._waiting, None
        later = [] if overtaken is None else [(overtaken, Fault.OK)]
        if fault is Fault.DROPPED_WEBHOOK:
            return later
        times = 2 if fault is Fault.DUPLICATE_WEBHOOK else 1
        sent = [(event, fault)] * times
        if fault is Fault.RETOLD_WEBHOOK:
            again = deepcopy(event) | {"id": f"evt_{self._new_id()}".replace("-", "")}
            sent.append((again, Fault.OK))
        return sent + later

    async def _send(self, url: str, deliveries: list[tuple[Thing, Fault]]) -> None:
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
            for event, fault in deliveries:
                if fault is Fault.DELAYED_WEBHOOK:
                    await asyncio.sleep(LATE_S)
                await self._deliver(client, url, event, fault)

    async def _deliver(
        self, client: httpx.AsyncClient, url: str, event: Thing, fault: Fault
    ) -> None:
        body = json.dumps(event, indent=2).encode()
        secret = "whsec_forged" if fault is Fault.BAD_SIGNATURE else self._secret
        for _ in range(1 if fault is Fault.BAD_SIGNATURE else TRIES):
            headers = {
                "content-type": "application/json; charset=utf-8", "x-simulator": "mutoscope",
                "stripe-signature": signature(body=body, secret=secret, at=self._now()),
            }  # fmt: skip
            try:
                if (await client.post(url, content=body, headers=headers)).is_success:
                    return
            except httpx.RequestError:  # nobody listens: Stripe tries again, too
                pass
            await asyncio.sleep(PAUSE_S)
