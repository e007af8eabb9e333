"""Stripe, simulated: forms, keys that are answered once, events, and books of what was charged.

Beside Stripe's own routes it has a page where a session is paid, and control calls under `/_sim`.
A fault that was asked for befalls the next call that changes something, or the next event.
"""

import asyncio
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from mutoscope.simulators.exchange import Act, Answer, Call, Refused, Route
from mutoscope.simulators.faults import Fault
from mutoscope.simulators.play import NO_JSON, SLOW_S, Dropped, Hanging
from mutoscope.simulators.simulator import Played
from mutoscope.simulators.stripe_form import answer_error, read
from mutoscope.simulators.stripe_hooks import Hooks
from mutoscope.simulators.stripe_page import page
from mutoscope.simulators.stripe_routes import ID, Served, expanded, pay, served
from mutoscope.simulators.stripe_till import Till
from mutoscope.simulators.tasks import World

KEY_LASTS: Final = timedelta(hours=24)
"""How long a call's key is remembered; later it is a new call."""

KEY_MAX: Final = 255
FORM: Final = "application/x-www-form-urlencoded"
CALL_FAULTS: Final = frozenset(
    {
        Fault.AUTH, Fault.RATE_LIMITED, Fault.HTTP500_CREATED, Fault.HTTP500_NOTHING, Fault.DROP,
        Fault.DROP_BEFORE, Fault.HANG, Fault.SLOW, Fault.NO_JSON,
    }
)  # fmt: skip
EVENT_FAULTS: Final = frozenset(
    {
        Fault.DUPLICATE_WEBHOOK, Fault.DELAYED_WEBHOOK, Fault.REORDERED_WEBHOOK,
        Fault.DROPPED_WEBHOOK, Fault.RETOLD_WEBHOOK, Fault.BAD_SIGNATURE,
    }
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class _Kept:
    """What a key stands for; without an answer its call is still at work."""

    asked: tuple[str, bytes]
    at: datetime
    answer: Answer | None = None


class StripeSimulator(Played):
    """Stripe's API, its checkout page and its webhooks."""

    name = "stripe"
    key = "sk_test_simulator"
    signing_key = "whsec_simulator"

    def __init__(self, *, world: World) -> None:
        self.world = world
        self.till = Till(world=world)
        self.hooks = Hooks(secret=self.signing_key, now=world.now, new_id=world.new_id)
        self._keys: dict[str, _Kept] = {}
        self._told = 0
        self.routes = (
            *(self._route(each) for each in served(self.till)),
            self._own("GET", f"/pay/{ID}", self._show_page),
            self._own("POST", f"/pay/{ID}", self._pay_page),
            self._own("POST", "/_sim/pay", self._pay),
            self._own("POST", "/_sim/dispute", self._dispute),
            self._own("POST", "/_sim/refund", self._settle),
            self._own("POST", "/_sim/webhooks", self._aim),
            self._own("GET", "/_sim/books", lambda _: Answer(content=self.till.books())),
        )

    def clear(self) -> None:
        """Forget everything."""
        self.till.clear()
        self.hooks.clear()
        self._keys.clear()
        self._told = 0

    async def close(self) -> None:
        """Stop sending events."""
        await self.hooks.close()

    def _route(self, route: Served) -> Route:
        act = Act.CREATE if route.method == "POST" else Act.POLL
        handler = partial(self._answered, route)
        return Route(method=route.method, pattern=route.pattern, act=act, handler=handler)

    def _own(self, method: str, pattern: str, handler: Callable[..., Answer]) -> Route:
        """Return a route of the simulator's own, after which new events are sent."""

        def handled(call: Call, *names: str) -> Answer:
            answer = handler(call, *names)
            self._send_events()
            return answer

        return Route(method=method, pattern=pattern, act=Act.OTHER, handler=handled)

    async def _answered(self, route: Served, call: Call, *names: str) -> Answer:
        self._authorise(call)
        if route.method == "GET":
            return self._done(route, call.query, names)
        if call.headers.get("content-type", "").partition(";")[0] != FORM:
            message = f"Invalid request: send {FORM}."
            raise Refused(answer_error("invalid_request_error", message, 400))
        fault = self._fault(CALL_FAULTS)
        if fault in _BEFORE:
            return _BEFORE[fault]()
        answer = await self._once(call, lambda: self._changed(route, call, names, fault))
        self._send_events()
        if fault is Fault.DROP:
            raise Dropped
        if fault is Fault.HANG:
            raise Hanging
        return NO_JSON if fault is Fault.NO_JSON else answer

    async def _once(self, call: Call, change: Callable[[], Awaitable[Answer]]) -> Answer:
        """Answer a call by its key: what was answered once is answered for ever, errors too."""
        key = call.headers.get("idempotency-key")
        if key is None:
            return await change()
        if not 0 < len(key) <= KEY_MAX:
            raise Refused(answer_error("invalid_request_error", "Bad Idempotency-Key.", 400))
        at, asked = self.world.now(), (call.path, call.body)
        kept = self._keys.get(key)
        if kept is not None and at < kept.at + KEY_LASTS:
            return _replayed(kept, asked)
        self._keys[key] = begun = _Kept(asked=asked, at=at)
        try:
            begun.answer = deepcopy(await change())
        except Refused:  # judged before it was begun: the key stays unused
            del self._keys[key]
            raise
        return begun.answer

    async def _changed(
        self, route: Served, call: Call, names: tuple[str, ...], fault: Fault
    ) -> Answer:
        if fault is Fault.SLOW:
            await asyncio.sleep(SLOW_S)
        answer = self._done(route, call.body.decode("utf-8", "replace"), names)
        return _trouble() if fault is Fault.HTTP500_CREATED else answer

    def _done(self, route: Served, text: str, names: tuple[str, ...]) -> Answer:
        form = read(text, route.shape)
        result = route.handler({k: v for k, v in form.items() if k != "expand"}, *names)
        if isinstance(result, Answer):
            return Answer(status=result.status, content=_shown(result.content), headers=self._id())
        shown = expanded(self.till, result, form.get("expand", []))
        return Answer(content=_shown(shown), headers=self._id())

    def _id(self) -> dict[str, str]:
        return {"request-id": f"req_{self.world.new_id().hex[:14]}"}

    def _fault(self, among: frozenset[Fault]) -> Fault:
        script = self.world.scripted(provider=self.name, among=among)
        return Fault.OK if script is None else script.fault

    def _send_events(self) -> None:
        new, self._told = self.till.events[self._told :], len(self.till.events)
        if self.hooks.url is not None:
            self.hooks.send([(event, self._fault(EVENT_FAULTS)) for event in new])

    def _authorise(self, call: Call) -> None:
        if call.headers.get("authorization") != f"Bearer {self.key}":
            told = answer_error("invalid_request_error", "Invalid API Key provided.", 401)
            raise Refused(told)

    def _show_page(self, _call: Call, session_id: str) -> Answer:
        return page(self.till.found("checkout.session", session_id))

    def _pay_page(self, call: Call, session_id: str) -> Answer:
        asked = Call(method="GET", path="", query=call.body.decode("utf-8", "replace")).asked()
        intent = pay(self.till, session_id, asked.get("card", ""), has_owner="is_away" not in asked)
        session = self.till.found("checkout.session", session_id)
        if intent["status"] == "succeeded":
            return Answer(status=303, headers={"location": session["success_url"]})
        error = intent["last_payment_error"]
        return page(session, error["message"] if error else "The bank waits for the card's owner.")

    def _pay(self, call: Call) -> Answer:
        asked = call.json()
        intent = pay(
            self.till, str(asked.get("session")), str(asked.get("card", "4242424242424242")),
            has_owner=not asked.get("is_away", False),
        )  # fmt: skip
        return Answer(content=_shown(intent))

    def _dispute(self, call: Call) -> Answer:
        asked = call.json()
        if "dispute" not in asked:
            intent = self.till.found("payment_intent", str(asked.get("payment_intent")))
            return Answer(content=self.till.dispute(intent))
        dispute = self.till.found("dispute", str(asked["dispute"]))
        self.till.decide(dispute, status=str(asked.get("outcome")))
        return Answer(content=dispute)

    def _settle(self, call: Call) -> Answer:
        asked = call.json()
        refund = self.till.found("refund", str(asked.get("refund")))
        self.till.settle(refund, has_failed=asked.get("outcome") == "failed")
        return Answer(content=refund)

    def _aim(self, call: Call) -> Answer:
        self.hooks.url = call.json().get("url")
        self._told = len(self.till.events)
        return Answer(content={"url": self.hooks.url, "secret": self.signing_key})


def _replayed(kept: _Kept, asked: tuple[str, bytes]) -> Answer:
    if kept.asked != asked:
        message = "Keys can only be used with the same parameters they were first used with."
        return answer_error("idempotency_error", message, 400)
    if kept.answer is None:
        message = "There is another request in progress using this key."
        return answer_error("invalid_request_error", message, 409, code="idempotency_key_in_use")
    headers = {**kept.answer.headers, "idempotent-replayed": "true"}
    return Answer(status=kept.answer.status, content=kept.answer.content, headers=headers)


def _shown(value: Any) -> Any:  # noqa: ANN401 -- JSON
    """Return an object without what Stripe keeps to itself."""
    if isinstance(value, list):
        return [_shown(each) for each in value]
    if isinstance(value, dict):
        return {name: _shown(each) for name, each in value.items() if not name.startswith("_")}
    return value


def _trouble() -> Answer:
    return answer_error("api_error", "An unknown error occurred.", 500)


def _drop() -> Answer:
    raise Dropped


_BEFORE: Final[dict[Fault, Callable[[], Answer]]] = {
    Fault.AUTH: lambda: answer_error("invalid_request_error", "Invalid API Key provided.", 401),
    Fault.RATE_LIMITED: lambda: answer_error(
        "invalid_request_error", "Too many requests.", 429, code="rate_limit"
    ),
    Fault.HTTP500_NOTHING: _trouble,
    Fault.DROP_BEFORE: _drop,
}
"""Faults by which nothing is done, and whose key stays unused."""
