"""A ledger in plain dictionaries, to hold the real one against: slow, obvious, in memory.

It knows the rules of the documentation and nothing of the planner: no batches, no versions, no
postings, no hashes. A lot is a dictionary of where its credits are; each operation changes it in
place. Outcomes are words: `done`, `replayed`, or the code of the refusal. The surprising choice:
all or nothing is done by copying everything beforehand.
"""

from calendar import monthrange
from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import datetime
from functools import partial
from typing import Any

from mutoscope.domain import actions as ask
from mutoscope.domain.lots import Terms
from mutoscope.domain.requests import Request

PLACES = ("available", "frozen", "held", "captured", "expired", "voided", "forfeited")
_CLOSED = {"voided": "voided", "forfeited": "forfeited"}

Pieces = list[tuple[int, int]]
"""Amounts taken from lots, by the lots' numbers, in the order in which they were taken."""


class No(Exception):
    """A refusal, by its code."""


class Purse:
    """One wallet: its lots by number, its open holds by key, its monthly grants by subscription."""

    def __init__(self) -> None:
        self.lots: dict[int, dict[str, Any]] = {}
        self.holds: dict[str, dict[str, Any]] = {}
        self.plans: dict[object, dict[str, Any]] = {}
        self.lines: list[str] = []
        self.outside = {"metering": 0, "metered": 0, "absorbed": 0}

    def total(self, place: str) -> int:
        return sum(lot[place] for lot in self.lots.values())

    def write(self, operation: str) -> None:
        self.lines.append(operation)

    def open_lot(self, *, operation: str, amount: int, at: datetime, **terms: Any) -> int:  # noqa: ANN401 - the columns of a lot
        self.write(operation)
        number = len(self.lines)
        lot = dict.fromkeys(PLACES, 0) | {"state": "open"} | terms
        lot["frozen" if lot["state"] == "frozen" else "available"] = amount
        self.lots[number] = lot
        self.end_what_came_back([(number, amount)], at)
        return number

    def take(self, amount: int, *, into: str, at: datetime) -> Pieces:
        """Take an amount: what ends first, then what is free, then what is old."""
        usable = [
            number
            for number, lot in self.lots.items()
            if lot["available"] and lot["begins"] <= at and not self.is_over(lot, at)
        ]
        if sum(self.lots[number]["available"] for number in usable) < amount:
            raise No("insufficient_credits")
        pieces = []
        for number in sorted(usable, key=self._haste):
            part = min(amount, self.lots[number]["available"])
            if part:
                self.move(number, "available", into, part)
                pieces.append((number, part))
                amount -= part
        return pieces

    def _haste(self, number: int) -> tuple[bool, float, bool, int]:
        lot = self.lots[number]
        ends = lot["ends"]
        return (ends is None, ends.timestamp() if ends else 0, lot["is_paid"], number)

    def move(self, number: int, source: str, target: str, amount: int) -> None:
        self.lots[number][source] -= amount
        self.lots[number][target] += amount

    def give_back(self, pieces: Pieces, *, source: str, at: datetime) -> None:
        """Give pieces back to their lots, and end at once what came back to one that is over."""
        for number, amount in pieces:
            is_frozen = self.lots[number]["state"] == "frozen"
            self.move(number, source, "frozen" if is_frozen else "available", amount)
        self.end_what_came_back(pieces, at)

    def end_what_came_back(self, pieces: Pieces, at: datetime) -> None:
        for number in dict.fromkeys(number for number, _ in pieces):
            lot = self.lots[number]
            if self.is_over(lot, at) or lot["state"] in _CLOSED:
                self.end(number)

    def end(self, number: int) -> None:
        place = _CLOSED.get(self.lots[number]["state"], "expired")
        self.empty(number, into=place)
        self.write({"voided": "void", "forfeited": "forfeit"}.get(place, "expire"))

    def lapse(self, number: int, _at: datetime) -> None:
        self.end(number)

    def empty(self, number: int, *, into: str) -> None:
        for place in ("available", "frozen"):
            self.move(number, place, into, self.lots[number][place])

    def is_over(self, lot: dict[str, Any], at: datetime) -> bool:
        return lot["ends"] is not None and at >= lot["ends"]

    def release(self, key: str, at: datetime) -> None:
        hold = self.holds.pop(key)
        self.write("release")
        self.outside["metering"] -= hold["metered"]
        self.give_back(hold["pieces"], source="held", at=at)

    def catch_up(self, at: datetime) -> None:
        """Do everything that was to happen by an instant, the earliest first."""
        while coming := [event for event in self._coming() if event[0] <= at]:
            due_at, _, _, do = min(coming, key=lambda event: event[:3])
            do(due_at)

    def _coming(self) -> list[tuple[datetime, int, Any, Callable[[datetime], None]]]:
        events: list[tuple[datetime, int, Any, Callable[[datetime], None]]] = [
            (hold["deadline"], 0, hold["line"], partial(self.release, key))
            for key, hold in self.holds.items()
        ]
        for number, lot in self.lots.items():
            if lot["ends"] and lot["available"] + lot["frozen"]:
                events.append((lot["ends"], 1, number, partial(self.lapse, number)))
        for name, plan in self.plans.items():
            starts_at = months_after(plan["anchor"], plan["next"])
            if plan["ends"] is None or starts_at < plan["ends"]:
                events.append((starts_at, 2, name, partial(self._renew, plan)))
        return events

    def _renew(self, plan: dict[str, Any], at: datetime) -> None:
        plan["next"] += 1
        ends = months_after(plan["anchor"], plan["next"])
        self.open_lot(
            operation="grant", amount=plan["amount"], at=at,
            source="plan", begins=at, ends=ends, is_paid=False,
        )  # fmt: skip


def months_after(anchor: datetime, months: int) -> datetime:
    """Return the anchor so many months later, on the month's last day when it is too short."""
    years, month = divmod(anchor.month - 1 + months, 12)
    year = anchor.year + years
    day = min(anchor.day, monthrange(year, month + 1)[1])
    return anchor.replace(year=year, month=month + 1, day=day)


class Book:
    """All wallets of one workspace, and the keys that were used in it."""

    def __init__(self) -> None:
        self.purses: dict[str, Purse] = {}
        self.keys: dict[str, dict[str, Any]] = {}

    def outcomes(self, requests: Sequence[Request], at: datetime) -> list[str]:
        """Do requests together or not at all; tell how each went, or the refusal."""
        for request in requests:
            if request.kind not in self.purses:
                if not _opens(request.action):
                    return ["unknown_wallet"]
                self.purses[request.kind] = Purse()
            self.purses[request.kind].catch_up(at)
        before = deepcopy((self.purses, self.keys))
        try:
            return [self._outcome(request, at) for request in requests]
        except No as no:
            self.purses, self.keys = before
            return [str(no)]

    def _outcome(self, request: Request, at: datetime) -> str:
        purse, action = self.purses[request.kind], request.action
        verb = type(action).__name__.lower()
        content = (request.kind, verb, *_told(action))
        known = self.keys.get(request.key)
        if known is not None and verb not in {"renew", "stand"}:
            if known["content"] != content:
                raise No("key_reused")
            return "replayed"
        made: dict[str, Any] = {"content": content, "kind": request.kind, "request": request}
        getattr(self, f"_{verb}")(purse, action, at, made)
        if verb not in {"renew", "stand"}:
            made.setdefault("pieces", [])
            if "hold" in made:
                purse.holds[request.key] = made.pop("hold")
            self.keys[request.key] = made
        return "done"

    def _named(self, purse: Purse, reference: ask.Reference) -> dict[str, Any]:
        made = self.keys.get(reference.key)
        if made is None or self.purses[made["kind"]] is not purse:
            raise No("unknown_reference")
        return made

    def _open_hold(self, purse: Purse, reference: ask.Reference) -> dict[str, Any]:
        if self._named(purse, reference)["content"][1] != "hold":
            raise No("unknown_reference")
        if reference.key not in purse.holds:
            raise No("hold_already_settled")
        return purse.holds[reference.key]

    def _lot(self, purse: Purse, reference: ask.Reference) -> dict[str, Any]:
        made = self._named(purse, reference)
        if "lot" not in made:
            raise No("unknown_reference")
        lot: dict[str, Any] = purse.lots[made["lot"]]
        return lot

    def _grant(self, purse: Purse, action: ask.Grant, at: datetime, made: dict[str, Any]) -> None:
        terms = action.terms
        made["lot"] = purse.open_lot(
            operation="grant", amount=action.amount, at=at, source=terms.source,
            begins=terms.effective_at, ends=terms.expires_at,
            is_paid=terms.paid_amount is not None, state="frozen" if action.is_frozen else "open",
        )  # fmt: skip

    def _hold(self, purse: Purse, action: ask.Hold, at: datetime, made: dict[str, Any]) -> None:
        pieces = [] if action.is_metered else purse.take(action.amount, into="held", at=at)
        purse.write("hold")
        metered = action.amount if action.is_metered else 0
        purse.outside["metering"] += metered
        made["hold"] = {
            "pieces": pieces, "metered": metered, "deadline": action.deadline_at,
            "line": len(purse.lines), "amount": action.amount,
        }  # fmt: skip

    def _settle(self, purse: Purse, action: ask.Settle, at: datetime, made: dict[str, Any]) -> None:
        hold = self._open_hold(purse, action.hold)
        if action.amount > hold["amount"]:
            raise No("capture_exceeds_hold")
        del purse.holds[action.hold.key]
        purse.write("settle")
        if hold["metered"]:
            purse.outside["metering"] -= hold["amount"]
            purse.outside["metered"] += action.amount
            return
        kept, rest = _cut(hold["pieces"], action.amount)
        made["pieces"] = kept
        for number, amount in kept:
            purse.move(number, "held", "captured", amount)
        purse.give_back(rest, source="held", at=at)

    def _release(self, purse: Purse, action: ask.Release, at: datetime, _: dict[str, Any]) -> None:
        self._open_hold(purse, action.hold)
        purse.release(action.hold.key, at)

    def _renew(self, purse: Purse, action: ask.Renew, _: datetime, __: dict[str, Any]) -> None:
        self._open_hold(purse, action.hold)["deadline"] = action.deadline_at

    def _charge(self, purse: Purse, action: ask.Charge, at: datetime, made: dict[str, Any]) -> None:
        made["pieces"] = purse.take(action.amount, into="captured", at=at)
        purse.write("charge")

    def _meter(self, purse: Purse, action: ask.Meter, _: datetime, __: dict[str, Any]) -> None:
        purse.outside["metered"] += action.amount
        purse.write("meter")

    def _absorb(self, purse: Purse, action: ask.Absorb, _: datetime, __: dict[str, Any]) -> None:
        if action.of is not None:
            self._named(purse, action.of)
        purse.outside["absorbed"] += action.amount
        purse.write("absorb")

    def _refund(self, purse: Purse, action: ask.Refund, at: datetime, _: dict[str, Any]) -> None:
        of = self._named(purse, action.of)
        if of.get("is_refunded"):
            raise No("already_refunded")
        captured = sum(amount for _, amount in of["pieces"])
        if captured == 0 or (action.amount or 0) > captured:
            raise No("refund_exceeds_capture")
        of["is_refunded"] = True
        purse.write("refund")
        _kept, back = _cut(of["pieces"], captured - (action.amount or captured))
        purse.give_back(back[::-1], source="captured", at=at)

    def _expire(self, purse: Purse, action: ask.Expire, at: datetime, _: dict[str, Any]) -> None:
        purse.write("expire")
        for number, lot in purse.lots.items():
            if lot["source"] == action.source:
                purse.empty(number, into="expired")
                lot["ends"] = at if lot["ends"] is None else min(at, lot["ends"])

    def _void(self, purse: Purse, action: ask.Void, _: datetime, __: dict[str, Any]) -> None:
        lot = self._lot(purse, action.grant)
        purse.empty(self.keys[action.grant.key]["lot"], into="voided")
        lot["state"] = "voided"
        purse.write("void")

    def _adjust(self, purse: Purse, action: ask.Adjust, at: datetime, made: dict[str, Any]) -> None:
        if action.terms is None:
            purse.take(action.amount, into="voided", at=at)
            purse.write("adjust")
            return
        made["lot"] = purse.open_lot(
            operation="adjust", amount=action.amount, at=at, source=action.terms.source,
            begins=action.terms.effective_at, ends=action.terms.expires_at, is_paid=False,
        )  # fmt: skip

    def _freeze(self, purse: Purse, action: ask.Freeze, _: datetime, __: dict[str, Any]) -> None:
        self._turn(purse, action, "open", "frozen")
        purse.write("freeze")

    def _thaw(self, purse: Purse, action: ask.Thaw, _: datetime, __: dict[str, Any]) -> None:
        self._turn(purse, action, "frozen", "open")
        purse.write("thaw")

    def _turn(self, purse: Purse, action: ask.Freeze | ask.Thaw, old: str, new: str) -> None:
        place = {"open": "available", "frozen": "frozen"}
        chosen = None if action.grant is None else self._lot(purse, action.grant)
        for number, lot in purse.lots.items():
            is_chosen = lot["source"] == "pack" if chosen is None else lot is chosen
            if is_chosen and lot["state"] == old:
                purse.move(number, place[old], place[new], lot[place[old]])
                lot["state"] = new

    def _forfeit(self, purse: Purse, _: ask.Forfeit, at: datetime, __: dict[str, Any]) -> None:
        purse.write("forfeit")
        for number, lot in purse.lots.items():
            if lot["state"] != "voided":
                purse.empty(number, into="forfeited")
                lot["state"] = "forfeited"
        for plan in purse.plans.values():
            plan["ends"] = min(at, plan["ends"] or at)

    def _stand(self, purse: Purse, action: ask.Stand, at: datetime, _: dict[str, Any]) -> None:
        standing = action.standing
        own = {change: each for (whose, change), each in purse.plans.items()
               if whose == standing.subscription_id}  # fmt: skip
        if own and max(own) > standing.change:
            return
        before = own.pop(standing.change, None)
        reached = max(
            (each["next"] for each in own.values() if each["next"] > each["first"]), default=0
        )
        if before is None and reached > standing.next_index:
            raise No("period_granted")
        first = before["first"] if before else standing.next_index
        begins = months_after(standing.anchor_at, first)
        for each in own.values():
            each["ends"] = min(begins, each["ends"] or begins)
        purse.plans[standing.subscription_id, standing.change] = {
            "amount": standing.amount, "anchor": standing.anchor_at, "ends": standing.ends_at,
            "next": max(standing.next_index, before["next"] if before else 0),
            "first": first,
        }  # fmt: skip
        purse.catch_up(at)


def _cut(pieces: Pieces, amount: int) -> tuple[Pieces, Pieces]:
    """Cut a row of credits after so many of them."""
    each = [number for number, size in pieces for _ in range(size)]
    return _counted(each[:amount]), _counted(each[amount:])


def _counted(each: list[int]) -> Pieces:
    return [(number, each.count(number)) for number in dict.fromkeys(each)]


def _told(action: ask.Action) -> list[Any]:
    """Return what a repeat has to tell again: all but the instants that a clock made."""
    told: list[Any] = []
    for name, value in zip(action._fields, action, strict=True):
        if isinstance(value, Terms):
            told.append((value.source, value.expires_at, value.reference, value.paid_amount))
        elif name != "deadline_at":
            told.append(value)
    return told


def _opens(action: ask.Action) -> bool:
    match action:
        case ask.Hold(is_metered=is_metered):
            return is_metered
        case ask.Adjust(terms=terms):
            return terms is not None
        case _:
            return isinstance(action, ask.Grant | ask.Meter | ask.Absorb | ask.Stand)
