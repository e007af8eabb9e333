"""A ledger in plain dictionaries, to hold the real one against: obvious, in memory.

It knows the rules of the documentation and nothing of the planner: no batches, no versions, no
hashes. Its wallets are those of `ledger_purse`; each operation changes one in place. Outcomes are
words: `done`, `replayed`, or the code of the refusal. The surprising choice: several requests are
done all or none by copying everything beforehand; one alone is refused before anything moves.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ledger_purse import No, Pieces, Purse, months_after
from mutoscope.domain import actions as ask
from mutoscope.domain.lots import Terms
from mutoscope.domain.requests import Request

LAG_MAX = timedelta(seconds=10)


class Book:
    """All wallets of one workspace, and the keys that were used in it."""

    def __init__(self) -> None:
        self.purses: dict[str, Purse] = {}
        self.keys: dict[str, dict[str, Any]] = {}

    def outcomes(self, requests: Sequence[Request], at: datetime) -> list[str]:
        """Do requests together or not at all; tell how each went, or the refusal."""
        for request in requests:
            if _opens(request.action):
                self.purses.setdefault(request.kind, Purse())
        for request in requests:
            purse = self.purses.get(request.kind)
            if purse is None:
                return ["unknown_wallet"]
            if at < purse.at - LAG_MAX:
                return ["clock_went_back"]
            purse.at = max(purse.at, at)
            purse.catch_up(purse.at)
        before = self._copied() if len(requests) > 1 else (self.purses, self.keys)
        try:
            return [self._outcome(request) for request in requests]
        except No as no:
            self.purses, self.keys = before
            return [str(no)]

    def _copied(self) -> tuple[dict[str, Purse], dict[str, dict[str, Any]]]:
        purses = {kind: purse.copied() for kind, purse in self.purses.items()}
        return purses, dict(self.keys)

    def _outcome(self, request: Request) -> str:
        purse, action = self.purses[request.kind], request.action
        verb = type(action).__name__.lower()
        content = (request.kind, verb, *_told(action))
        known = self.keys.get(request.key)
        if known is not None and verb not in {"renew", "stand"}:
            if known["content"] != content:
                raise No("key_reused")
            return "replayed"
        made: dict[str, Any] = {"content": content, "kind": request.kind, "request": request}
        getattr(self, f"_{verb}")(purse, action, purse.at, made)
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
        _check_deadline(action.deadline_at, at)
        pieces = [] if action.is_metered else purse.take(action.amount, into="held", at=at)
        metered = action.amount if action.is_metered else 0
        purse.pass_by("unlimited", "metering", metered)
        purse.write("hold", at)
        made["hold"] = {
            "pieces": pieces, "metered": metered, "deadline": action.deadline_at,
            "line": len(purse.lines), "amount": action.amount,
        }  # fmt: skip

    def _settle(self, purse: Purse, action: ask.Settle, at: datetime, made: dict[str, Any]) -> None:
        hold = self._open_hold(purse, action.hold)
        if action.amount > hold["amount"]:
            raise No("capture_exceeds_hold")
        del purse.holds[action.hold.key]
        if hold["metered"]:
            purse.pass_by("metering", "metered", action.amount)
            purse.pass_by("metering", "unlimited", hold["amount"] - action.amount)
        kept, rest = _cut(hold["pieces"], action.amount)
        made["pieces"] = kept
        for number, amount in kept:
            purse.move(number, "held", "captured", amount)
        purse.give_back(rest, source="held")
        purse.write("settle", at)
        purse.end_what_came_back(rest, at)

    def _release(self, purse: Purse, action: ask.Release, at: datetime, _: dict[str, Any]) -> None:
        self._open_hold(purse, action.hold)
        purse.release(action.hold.key, at)

    def _renew(self, purse: Purse, action: ask.Renew, at: datetime, _: dict[str, Any]) -> None:
        hold = self._open_hold(purse, action.hold)
        _check_deadline(action.deadline_at, at)
        hold["deadline"] = action.deadline_at

    def _charge(self, purse: Purse, action: ask.Charge, at: datetime, made: dict[str, Any]) -> None:
        made["pieces"] = purse.take(action.amount, into="captured", at=at)
        purse.write("charge", at)

    def _meter(self, purse: Purse, action: ask.Meter, at: datetime, _: dict[str, Any]) -> None:
        purse.pass_by("unlimited", "metered", action.amount)
        purse.write("meter", at)

    def _absorb(self, purse: Purse, action: ask.Absorb, at: datetime, _: dict[str, Any]) -> None:
        if action.of is not None:
            self._named(purse, action.of)
        purse.pass_by("operator", "absorbed", action.amount)
        purse.write("absorb", at)

    def _refund(self, purse: Purse, action: ask.Refund, at: datetime, _: dict[str, Any]) -> None:
        of = self._named(purse, action.of)
        if of.get("is_refunded"):
            raise No("already_refunded")
        captured = sum(amount for _, amount in of["pieces"])
        if captured == 0 or (action.amount or 0) > captured:
            raise No("refund_exceeds_capture")
        self.keys[action.of.key] = of | {"is_refunded": True}
        _kept, back = _cut(of["pieces"], captured - (action.amount or captured))
        purse.give_back(back[::-1], source="captured")
        purse.write("refund", at)
        purse.end_what_came_back(back[::-1], at)

    def _expire(self, purse: Purse, action: ask.Expire, at: datetime, _: dict[str, Any]) -> None:
        for number, lot in purse.lots.items():
            if lot["source"] == action.source:
                purse.empty(number, into="expired")
                lot["ends"] = at if lot["ends"] is None else min(at, lot["ends"])
        purse.write("expire", at)

    def _void(self, purse: Purse, action: ask.Void, at: datetime, _: dict[str, Any]) -> None:
        lot = self._lot(purse, action.grant)
        purse.empty(self.keys[action.grant.key]["lot"], into="voided")
        lot["state"] = "voided"
        purse.write("void", at)

    def _adjust(self, purse: Purse, action: ask.Adjust, at: datetime, made: dict[str, Any]) -> None:
        if action.terms is None:
            if action.grant is None:
                purse.take(action.amount, into="voided", at=at)
            else:
                lot = self._lot(purse, action.grant)
                if action.amount > lot["available"] + lot["frozen"]:
                    raise No("insufficient_credits")
                place = "frozen" if lot["frozen"] else "available"
                number = self.keys[action.grant.key]["lot"]
                purse.move(number, place, "voided", action.amount)
            purse.write("adjust", at)
            return
        made["lot"] = purse.open_lot(
            operation="adjust", amount=action.amount, at=at, source=action.terms.source,
            begins=action.terms.effective_at, ends=action.terms.expires_at, is_paid=False,
        )  # fmt: skip

    def _freeze(self, purse: Purse, action: ask.Freeze, at: datetime, _: dict[str, Any]) -> None:
        self._turn(purse, action, "open", "frozen")
        purse.write("freeze", at)

    def _thaw(self, purse: Purse, action: ask.Thaw, at: datetime, _: dict[str, Any]) -> None:
        self._turn(purse, action, "frozen", "open")
        purse.write("thaw", at)

    def _turn(self, purse: Purse, action: ask.Freeze | ask.Thaw, old: str, new: str) -> None:
        place = {"open": "available", "frozen": "frozen"}
        chosen = None if action.grant is None else self._lot(purse, action.grant)
        for number, lot in purse.lots.items():
            is_chosen = lot["source"] == "pack" if chosen is None else lot is chosen
            if is_chosen and lot["state"] == old:
                purse.move(number, place[old], place[new], lot[place[old]])
                lot["state"] = new

    def _forfeit(self, purse: Purse, _: ask.Forfeit, at: datetime, __: dict[str, Any]) -> None:
        for number, lot in purse.lots.items():
            if lot["state"] != "voided":
                purse.empty(number, into="forfeited")
                lot["state"] = "forfeited"
        purse.write("forfeit", at)
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
        coming = max(standing.next_index, before["next"] if before else 0)
        purse.plans[standing.subscription_id, standing.change] = {
            "amount": standing.amount, "anchor": standing.anchor_at, "ends": standing.ends_at,
            "next": coming, "first": first, "starts": months_after(standing.anchor_at, coming),
        }  # fmt: skip
        purse.catch_up(at)


def _check_deadline(deadline_at: datetime, at: datetime) -> None:
    if deadline_at <= at:
        raise No("deadline_passed")


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
