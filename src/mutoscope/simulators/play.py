"""Plays one exchange with a simulated provider: its rules first, then the fault that was asked."""

import asyncio
import inspect
from dataclasses import dataclass
from typing import Final, Protocol

from mutoscope.simulators.exchange import Act, Answer, Call, Refused, Route
from mutoscope.simulators.faults import REFUSED_AT_CREATE, Fault, UnknownFault, marked
from mutoscope.simulators.simulator import Played, Simulator
from mutoscope.simulators.tasks import Task

SLOW_S: Final = 0.3
"""Seconds that a slow answer takes: longer than any other, shorter than any timeout."""

NO_JSON: Final = Answer(content=b"<html>It works!</html>", media_type="text/html")
_REPEATS: Final = {Fault.DUPLICATE_WEBHOOK: 2}


class Dropped(Exception):
    """The connection is to be cut without an answer."""

    code = "dropped"


class Hanging(Exception):
    """The connection is to be left without an answer."""

    code = "hanging"


class CallBack(Protocol):
    """Ends a task and sends its webhook so many times: at once, or a moment later."""

    async def __call__(self, task: Task, *, times: int, is_early: bool) -> None:
        """End the task and call back."""
        ...


def route_of(simulator: Played, call: Call) -> tuple[Route, tuple[str, ...]] | None:
    """Return the route that a call takes, and what its pattern found."""
    for route in simulator.routes:
        groups = route.match(call)
        if groups is not None:
            return route, groups
    return None


async def answered(*, simulator: Played, call: Call) -> Answer:
    """Answer a call to a simulator that plays its faults itself.

    :raises Dropped: when the connection is to be cut.
    :raises Hanging: when there is to be no answer.
    """
    found = route_of(simulator, call)
    if found is None:
        return _nowhere(call)
    route, groups = found
    try:
        result = route.handler(call, *groups)
        answer: Answer = await result if inspect.isawaitable(result) else result
    except Refused as refused:
        return refused.answer
    return answer


def _nowhere(call: Call) -> Answer:
    return Answer(status=404, content={"error": f"no route {call.method} {call.path}"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """Answers calls to one provider."""

    simulator: Simulator
    call_back: CallBack

    async def answer(self, call: Call) -> Answer:
        """Answer a call as the provider would.

        :raises Dropped: when the connection is to be cut.
        :raises Hanging: when there is to be no answer.
        """
        found = route_of(self.simulator, call)
        if found is None:
            return _nowhere(call)
        route, groups = found
        try:
            result = route.handler(call, *groups)
        except Refused as refused:
            return refused.answer
        if route.act is Act.CREATE:
            return await self._create(result)
        return self._show(result) if route.act is Act.POLL else result

    async def _create(self, task: Task) -> Answer:
        simulator = self.simulator
        try:
            script = simulator.world.scripted(provider=simulator.name) or marked(task.prompt)
        except UnknownFault as unknown:
            return Answer(status=400, content={"error": str(unknown), "faults": list(Fault)})
        fault = script.fault
        refusal = simulator.refusal(fault) if fault in REFUSED_AT_CREATE else None
        if refusal is not None:
            return refusal
        if fault is Fault.HTTP500_NOTHING:
            return simulator.trouble()
        simulator.world.begin(provider=simulator.name, task=task, script=script)
        await self._hook(task, fault)
        if fault is Fault.SLOW:
            await asyncio.sleep(SLOW_S)
        return await self._told(task, fault)

    async def _hook(self, task: Task, fault: Fault) -> None:
        if task.webhook_url is None:
            return
        times = _REPEATS.get(fault, 1)
        await self.call_back(task, times=times, is_early=fault is Fault.EARLY_WEBHOOK)

    async def _told(self, task: Task, fault: Fault) -> Answer:
        if fault is Fault.DROP:
            raise Dropped
        if fault is Fault.HANG:
            raise Hanging
        if fault is Fault.HTTP500_CREATED:
            return self.simulator.trouble()
        if fault is Fault.NO_JSON:
            return NO_JSON
        return await asyncio.to_thread(self.simulator.created, task)

    def _show(self, task: Task) -> Answer:
        if task.poll_errors:
            task.poll_errors -= 1
            return self.simulator.trouble()
        task.polls += 1
        return self.simulator.shown(task)
