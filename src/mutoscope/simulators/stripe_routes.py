"""The routes of the simulated Stripe: what each takes, judges and answers."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from mutoscope.simulators.exchange import Answer
from mutoscope.simulators.stripe_form import Leaf, Shape, refused, require
from mutoscope.simulators.stripe_till import SESSION_S, Thing, Till, decline_of, payable

PAGE_MAX: Final = 100
PAGE: Final = 10
ID: Final = r"([A-Za-z0-9_]+)"
_EXPANDABLE: Final = {
    "payment_intent": ("latest_charge", "customer", "payment_method"),
    "checkout.session": ("payment_intent", "customer"),
    "refund": ("payment_intent", "charge"),
    "dispute": ("payment_intent", "charge"),
    "charge": ("payment_intent", "customer"),
}
_SPAN: Final = dict.fromkeys(("gt", "gte", "lt", "lte"), Leaf.WHOLE)
_PAGED: Final = {"limit": Leaf.WHOLE, "starting_after": Leaf.TEXT, "created": _SPAN}
_LINE: Final = {
    "quantity": Leaf.WHOLE,
    "price_data": {
        "currency": Leaf.TEXT, "unit_amount": Leaf.WHOLE,
        "product_data": {"name": Leaf.TEXT, "description": Leaf.TEXT},
    },
}  # fmt: skip
_SESSION: Final = {
    "mode": Leaf.TEXT, "success_url": Leaf.TEXT, "cancel_url": Leaf.TEXT, "customer": Leaf.TEXT,
    "customer_email": Leaf.TEXT, "customer_creation": Leaf.TEXT, "metadata": Leaf.METADATA,
    "client_reference_id": Leaf.TEXT, "line_items": [_LINE],
    "payment_intent_data": {
        "metadata": Leaf.METADATA, "setup_future_usage": Leaf.TEXT, "description": Leaf.TEXT,
    },
}  # fmt: skip
_INTENT: Final = {
    "amount": Leaf.WHOLE, "currency": Leaf.TEXT, "customer": Leaf.TEXT,
    "payment_method": Leaf.TEXT, "confirm": Leaf.TRUTH, "off_session": Leaf.TRUTH,
    "description": Leaf.TEXT, "metadata": Leaf.METADATA, "setup_future_usage": Leaf.TEXT,
}  # fmt: skip
_REFUND: Final = {
    "payment_intent": Leaf.TEXT, "amount": Leaf.WHOLE, "metadata": Leaf.METADATA,
    "reason": Leaf.TEXT,
}  # fmt: skip
_NOTHING: Final[Shape] = MappingProxyType({})


class Served(NamedTuple):
    """A route of Stripe's: the parameters that it takes, and what answers it."""

    method: str
    pattern: str
    shape: Shape
    handler: Callable[..., Thing | Answer]


def served(till: Till) -> tuple[Served, ...]:
    """Return the routes of a till."""

    def one(kind: str) -> Callable[..., Thing]:
        return lambda _form, name: till.found(kind, name)

    def many(kind: str, *names: str) -> Callable[..., Thing]:
        return lambda form: _page(till.all_of(kind), form, names)

    return (
        Served("POST", "/v1/checkout/sessions", _SESSION, lambda form: _session(till, form)),
        Served("GET", f"/v1/checkout/sessions/{ID}", _NOTHING, one("checkout.session")),
        Served("POST", "/v1/payment_intents", _INTENT, lambda form: _intent(till, form)),
        Served(
            "GET", "/v1/payment_intents", {**_PAGED, "customer": Leaf.TEXT},
            many("payment_intent", "customer"),
        ),
        Served("GET", f"/v1/payment_intents/{ID}", _NOTHING, one("payment_intent")),
        Served("GET", f"/v1/charges/{ID}", _NOTHING, one("charge")),
        Served("POST", "/v1/refunds", _REFUND, lambda form: _refund(till, form)),
        Served(
            "GET", "/v1/refunds", {**_PAGED, "payment_intent": Leaf.TEXT},
            many("refund", "payment_intent"),
        ),
        Served("GET", f"/v1/refunds/{ID}", _NOTHING, one("refund")),
        Served("GET", f"/v1/disputes/{ID}", _NOTHING, one("dispute")),
        Served("POST", "/v1/customers", _CUSTOMER, lambda form: _customer(till, form)),
        Served("GET", f"/v1/customers/{ID}", _NOTHING, one("customer")),
        Served("GET", f"/v1/payment_methods/{ID}", _NOTHING, one("payment_method")),
        Served(
            "GET", "/v1/events", {**_PAGED, "type": Leaf.TEXT},
            lambda form: _page(till.events[::-1], form, ("type",)),
        ),
    )  # fmt: skip


_CUSTOMER: Final = {"email": Leaf.TEXT, "name": Leaf.TEXT, "metadata": Leaf.METADATA}


def expanded(till: Till, thing: Thing, paths: list[str]) -> Thing:
    """Return an object with what was asked for in the place of ids.

    :raises Refused: when something asked for cannot be expanded.
    """
    copy = deepcopy(thing)
    for path in paths:
        inner = path.removeprefix("data.") if copy["object"] == "list" else path
        for each in copy["data"] if copy["object"] == "list" else [copy]:
            if inner not in _EXPANDABLE.get(each["object"], ()):
                raise refused(None, f"This property cannot be expanded ({path}).", "expand")
            if each[inner] is not None:
                each[inner] = deepcopy(till.things[each[inner]])
    return copy


def pay(till: Till, session_id: str, number: str, *, has_owner: bool) -> Thing:
    """Pay a session with a card, its owner present or gone away; return the payment.

    :raises Refused: when the session cannot be paid, or the card is none.
    """
    session = payable(till.found("checkout.session", session_id), till.seconds())
    method = till.keep_card(number)
    intent = _begun(till, session)
    if has_owner:
        till.confirm(intent, method, has_owner=True)
    else:
        till.wait_for_owner(intent, method)
    if intent["status"] == "succeeded":
        if intent["setup_future_usage"] is not None:
            method["customer"] = intent["customer"]
        session |= {"status": "complete", "payment_status": "paid"}
        till.tell("checkout.session.completed", session)
    return intent


def _begun(till: Till, session: Thing) -> Thing:
    """Return the payment of a session, begun at the first attempt; it is one for all of them."""
    if session["payment_intent"] is not None:
        return till.found("payment_intent", session["payment_intent"])
    if session["customer"] is None and session["customer_creation"] == "always":
        customer = till.made("cus", "customer", email=session["customer_email"], metadata={})
        session["customer"] = customer["id"]
    asked = session["_data"]
    intent = till.intend(
        total=(session["amount_total"], session["currency"]),
        terms={
            "customer": session["customer"], "metadata": asked.get("metadata", {}),
            "description": asked.get("description"),
            "setup_future_usage": asked.get("setup_future_usage"),
        },
    )  # fmt: skip
    session["payment_intent"] = intent["id"]
    return intent


def _session(till: Till, form: Mapping[str, Any]) -> Thing:
    require(form, "mode", "success_url", "line_items")
    if form["mode"] != "payment":
        raise refused(None, "This simulator has the mode payment alone.", "mode")
    if urlsplit(form["success_url"]).scheme not in ("http", "https"):
        raise refused("url_invalid", "Not a valid URL", "success_url")
    if "customer" in form:
        for other in ("customer_email", "customer_creation"):
            if other in form:
                raise refused(None, f"You may only specify one of customer and {other}.", other)
        till.found("customer", form["customer"], "customer", 400)
    total, currency = _total(form["line_items"])
    session = till.made(
        "cs_test", "checkout.session", mode="payment", amount_total=total, currency=currency,
        customer=form.get("customer"), customer_email=form.get("customer_email"),
        customer_creation=form.get("customer_creation", "if_required"),
        client_reference_id=form.get("client_reference_id"), metadata=form.get("metadata", {}),
        payment_intent=None, payment_status="unpaid", status="open",
        success_url=form["success_url"], cancel_url=form.get("cancel_url"),
        expires_at=till.seconds() + SESSION_S, _data=form.get("payment_intent_data", {}),
        _name=", ".join(line["price_data"]["product_data"]["name"] for line in form["line_items"]),
    )  # fmt: skip
    session["url"] = f"{till.world.address}/stripe/pay/{session['id']}"
    return session


def _total(lines: list[Thing]) -> tuple[int, str]:
    total, currencies = 0, set()
    for line in lines:
        require(line, "quantity", "price_data")
        price = line["price_data"]
        require(price, "currency", "unit_amount", "product_data")
        require(price["product_data"], "name")
        if line["quantity"] < 1 or price["unit_amount"] < 0:
            raise refused("parameter_invalid_integer", "This value must be positive.", "line_items")
        total += line["quantity"] * price["unit_amount"]
        currencies.add(_currency(price["currency"]))
    if len(currencies) != 1:
        raise refused(None, "All line items must have the same currency.", "line_items")
    return total, currencies.pop()


def _intent(till: Till, form: Mapping[str, Any]) -> Thing | Answer:
    require(form, "amount", "currency")
    currency = _currency(form["currency"])
    if form.get("off_session") and not form.get("confirm"):
        raise refused(None, "off_session needs confirm=true.", "off_session")
    method, customer = form.get("payment_method"), form.get("customer")
    if customer is not None:
        till.found("customer", customer, "customer", 400)
    kept = None
    if method is not None:
        kept = till.found("payment_method", method, "payment_method", 400)
        if kept["customer"] != customer:
            raise refused(None, "The payment method belongs to somebody else.", "payment_method")
    if form.get("confirm") and kept is None:
        require(form, "payment_method")
    intent = till.intend(
        total=(form["amount"], currency),
        terms={
            "customer": customer, "metadata": form.get("metadata", {}),
            "description": form.get("description"),
            "setup_future_usage": form.get("setup_future_usage"),
        },
    )  # fmt: skip
    if not form.get("confirm") or kept is None:
        return intent
    till.confirm(intent, kept, has_owner=not form.get("off_session"))
    return decline_of(intent) or intent


def _refund(till: Till, form: Mapping[str, Any]) -> Thing:
    require(form, "payment_intent")
    intent = till.found("payment_intent", form["payment_intent"], "payment_intent")
    return till.refund(intent, form.get("amount"), form.get("metadata", {}))


def _customer(till: Till, form: Mapping[str, Any]) -> Thing:
    return till.made(
        "cus", "customer", email=form.get("email"), name=form.get("name"),
        metadata=form.get("metadata", {}),
    )  # fmt: skip


def _currency(text: str) -> str:
    if len(text) != 3 or not text.isascii() or not text.isalpha():  # noqa: PLR2004 -- ISO 4217
        raise refused("parameter_invalid", f"Invalid currency: {text[:20]}", "currency")
    return text.lower()


def _page(things: list[Thing], form: Mapping[str, Any], names: tuple[str, ...]) -> Thing:
    """Return a page of objects, the newest first."""
    limit = form.get("limit", PAGE)
    if not 1 <= limit <= PAGE_MAX:
        raise refused("parameter_invalid_integer", "Limit must be from 1 to 100.", "limit")
    span = form.get("created", {})
    found = [
        each for each in things
        if all(name not in form or each.get(name) == form[name] for name in names)
        and span.get("gte", each["created"]) <= each["created"] <= span.get("lte", each["created"])
        and span.get("gt", -1) < each["created"] < span.get("lt", 1 << 62)
    ]  # fmt: skip
    if "starting_after" in form:
        ids = [each["id"] for each in found]
        if form["starting_after"] not in ids:
            raise refused("resource_missing", "No such object.", "starting_after")
        found = found[ids.index(form["starting_after"]) + 1 :]
    return {"object": "list", "data": found[:limit], "has_more": len(found) > limit, "url": "/v1"}
