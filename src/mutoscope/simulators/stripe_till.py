"""The simulated Stripe's till: customers, sessions, payments, refunds, disputes, and its books.

Objects are kept as they travel. Invariant: money moves in `_charge` and `_settle` alone, and each
move is an event. The books tell what was really charged and given back, whatever was answered.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from mutoscope.simulators.exchange import Answer, Refused
from mutoscope.simulators.stripe_cards import CARDS, Card
from mutoscope.simulators.stripe_form import answer_error, refused
from mutoscope.simulators.tasks import World

AMOUNTS_MIN: Final = {"usd": 50, "eur": 50, "gbp": 30, "jpy": 50}
AMOUNT_MAX: Final = 99_999_999
ENDS: Final = ("won", "lost", "warning_closed", "prevented")
"""How a dispute ends."""

SESSION_S: Final = 24 * 3_600
API_VERSION: Final = "2026-10-28.endive"

Thing = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Till:
    """All objects by their ids, and the events in their order."""

    world: World
    things: dict[str, Thing] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    events: list[Thing] = field(default_factory=list)

    def clear(self) -> None:
        """Forget everything."""
        for each in (self.things, self.numbers, self.events):
            each.clear()

    def made(self, prefix: str, kind: str, **values: object) -> Thing:
        """Make an object with an id and an instant."""
        thing: Thing = {
            "id": f"{prefix}_{self.world.new_id().hex}", "object": kind, "created": self.seconds(),
            "livemode": False, **values,
        }  # fmt: skip
        self.things[thing["id"]] = thing
        return thing

    def seconds(self) -> int:
        """Return the instant as Stripe tells it."""
        return int(self.world.now().timestamp())

    def found(self, kind: str, name: str, parameter: str = "id", status: int = 404) -> Thing:
        """Return an object.

        :raises Refused: when there is none.
        """
        thing = self.things.get(name)
        if thing is None or thing["object"] != kind:
            message = f"No such {kind.rpartition('.')[2]}: '{name[:80]}'"
            raise refused("resource_missing", message, parameter, status)
        return thing

    def all_of(self, kind: str) -> list[Thing]:
        """Return the objects of a kind, the newest first."""
        return [each for each in self.things.values() if each["object"] == kind][::-1]

    def tell(self, code: str, thing: Thing) -> Thing:
        """Note what happened."""
        event = {
            "id": f"evt_{self.world.new_id().hex}", "object": "event", "api_version": API_VERSION,
            "created": self.seconds(), "data": {"object": deepcopy(thing)}, "livemode": False,
            "pending_webhooks": 1, "request": {"id": None, "idempotency_key": None}, "type": code,
        }  # fmt: skip
        self.events.append(event)
        return event

    def keep_card(self, number: str) -> Thing:
        """Take down a card, and return it as a means of payment.

        :raises Refused: when it is no test card.
        """
        if number not in CARDS:
            raise refused("incorrect_number", "Your card number is incorrect.", "number", 402)
        card = {"brand": "visa", "last4": number[-4:], "exp_month": 12, "exp_year": 2040}
        method = self.made("pm", "payment_method", type="card", card=card, customer=None)
        self.numbers[method["id"]] = number
        return method

    def card_of(self, intent: Thing) -> Card:
        """Return the card that a payment was made with."""
        return CARDS[self.numbers[intent["payment_method"]]]

    def intend(self, *, total: tuple[int, str], terms: Thing) -> Thing:
        """Make a payment that is yet to be confirmed.

        :raises Refused: when nobody could pay such an amount.
        """
        amount, currency = total
        if amount < AMOUNTS_MIN.get(currency, 1):
            raise refused("amount_too_small", "Amount must be at least the minimum.", "amount")
        if amount > AMOUNT_MAX:
            raise refused("amount_too_large", "Amount must be no more than 999,999.99.", "amount")
        return self.made(
            "pi", "payment_intent", amount=amount, amount_received=0, currency=currency,
            status="requires_payment_method", latest_charge=None, last_payment_error=None,
            payment_method=None, **terms,
        )  # fmt: skip

    def confirm(self, intent: Thing, method: Thing, *, has_owner: bool) -> None:
        """Try to take a payment; it succeeds, waits for its owner, or is declined."""
        card = CARDS[self.numbers[method["id"]]]
        intent["payment_method"] = method["id"]
        is_asking = card.asks_always or (card.asks_once and method["customer"] is None)
        declined = card.declined or (None if method["customer"] is None else card.declined_later)
        if is_asking and not has_owner:
            declined = "authentication_required"
        if declined is None:
            self._charge(intent, card)
        else:
            self._decline(intent, method, declined)

    def wait_for_owner(self, intent: Thing, method: Thing) -> None:
        """Leave a payment to its owner, who has not come back."""
        intent |= {
            "payment_method": method["id"], "status": "requires_action", "last_payment_error": None,
        }  # fmt: skip
        self.tell("payment_intent.requires_action", intent)

    def refund(self, intent: Thing, amount: int | None, metadata: Thing) -> Thing:
        """Give money of a payment back.

        :raises Refused: when there is nothing, or not so much, to give back.
        """
        charge = self._charged(intent)
        left = charge["amount"] - charge["amount_refunded"]
        if left == 0:
            raise refused("charge_already_refunded", "Charge has already been refunded.")
        if any(each["charge"] == charge["id"] for each in self.all_of("dispute")):
            raise refused("charge_disputed", "Charge has been charged back.")
        amount = left if amount is None else amount
        if not 0 < amount <= left:
            raise refused(None, "Refund amount is greater than unrefunded amount.", "amount")
        card = self.card_of(intent)
        refund = self.made(
            "re", "refund", amount=amount, currency=charge["currency"], charge=charge["id"],
            payment_intent=intent["id"], metadata=metadata, reason=None,
            status="pending" if card.are_refunds_pending else "succeeded",
        )  # fmt: skip
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self.tell("refund.created", refund)
        self.tell("charge.refunded", charge)
        return refund

    def settle(self, refund: Thing, *, has_failed: bool) -> None:
        """Let a refund end; one that fails comes back."""
        if refund["status"] in ("failed", "canceled"):
            raise refused(None, "This refund has failed already.")
        refund["status"] = "failed" if has_failed else "succeeded"
        if has_failed:
            charge = self.things[refund["charge"]]
            charge["amount_refunded"] -= refund["amount"]
            charge["refunded"] = False
            refund["failure_reason"] = "expired_or_canceled_card"
        self.tell("refund.failed" if has_failed else "refund.updated", refund)

    def dispute(self, intent: Thing) -> Thing:
        """Let the payer dispute a payment."""
        charge = self._charged(intent)
        if charge["disputed"]:
            raise refused(None, "This charge is disputed already.")
        charge["disputed"] = True
        dispute = self.made(
            "dp", "dispute", amount=charge["amount"], currency=charge["currency"],
            charge=charge["id"], payment_intent=intent["id"], reason="fraudulent",
            status="needs_response", is_charge_refundable=False, metadata={},
        )  # fmt: skip
        self.tell("charge.dispute.created", dispute)
        return dispute

    def decide(self, dispute: Thing, *, status: str) -> None:
        """End a dispute."""
        if status not in ENDS:
            raise refused(None, f"A dispute ends as one of {', '.join(ENDS)}.")
        dispute["status"] = status
        self.tell("charge.dispute.closed", dispute)

    def books(self) -> list[Thing]:
        """Return what was really charged and given back, payment by payment, the eldest first."""
        disputes = {each["charge"]: each["status"] for each in self.all_of("dispute")}
        return [
            {
                "payment_intent": charge["payment_intent"], "amount": charge["amount"],
                "currency": charge["currency"], "refunded": charge["amount_refunded"],
                "dispute": disputes.get(charge["id"]), "metadata": charge["metadata"],
                "refunds": [
                    {name: each[name] for name in ("id", "amount", "status", "metadata")}
                    for each in self.all_of("refund")[::-1] if each["charge"] == charge["id"]
                ],
            }
            for charge in self.all_of("charge")[::-1]
            if charge["status"] == "succeeded"
        ]  # fmt: skip

    def _charged(self, intent: Thing) -> Thing:
        if intent["status"] != "succeeded":
            message = f"This PaymentIntent ({intent['id']}) does not have a successful charge."
            raise refused(None, message, "payment_intent")
        charge: Thing = self.things[intent["latest_charge"]]
        return charge

    def _charge(self, intent: Thing, card: Card) -> None:
        charge = self._attempt(intent, "succeeded")
        intent |= {
            "status": "succeeded", "amount_received": intent["amount"], "last_payment_error": None,
        }  # fmt: skip
        self.tell("charge.succeeded", charge)
        self.tell("payment_intent.succeeded", intent)
        if card.is_disputed:
            self.dispute(intent)

    def _decline(self, intent: Thing, method: Thing, code: str) -> None:
        charge = self._attempt(intent, "failed")
        is_asking = code == "authentication_required"
        error = {
            "type": "card_error", "code": code if is_asking else "card_declined",
            "decline_code": code, "message": "Your card was declined.", "charge": charge["id"],
            "payment_method": deepcopy(method),
        }  # fmt: skip
        intent |= {
            "status": "requires_payment_method", "payment_method": None,
            "last_payment_error": error,
        }  # fmt: skip
        self.tell("charge.failed", charge)
        self.tell("payment_intent.payment_failed", intent)

    def _attempt(self, intent: Thing, status: str) -> Thing:
        charge = self.made(
            "ch", "charge", amount=intent["amount"], amount_refunded=0, refunded=False,
            currency=intent["currency"], payment_intent=intent["id"], status=status,
            paid=status == "succeeded", disputed=False, customer=intent["customer"],
            metadata=dict(intent["metadata"]), payment_method=intent["payment_method"],
        )  # fmt: skip
        intent["latest_charge"] = charge["id"]
        return charge


def decline_of(intent: Thing) -> Answer | None:
    """Return the answer to a charge that was declined, or None when it was not."""
    error = intent["last_payment_error"]
    if error is None:
        return None
    told = {name: value for name, value in error.items() if name not in ("type", "message")}
    return answer_error("card_error", error["message"], 402, **told, payment_intent=intent)


def payable(session: Thing, now_s: int) -> Thing:
    """Return a session that can be paid.

    :raises Refused: when it was paid, or is too old.
    """
    if session["status"] == "complete":
        raise Refused(Answer(status=400, content={"error": "this session was paid already"}))
    if now_s >= session["expires_at"]:
        raise Refused(Answer(status=400, content={"error": "this session has expired"}))
    return session
