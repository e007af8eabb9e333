"""Staff: the operator's people, their roles, and what each role may do.

Invariant: what somebody may do is this table and nothing else; it is asked at the act, so that a
role that was taken away opens nothing any more. The surprising choice: the desk gives credits away
and an admin does not: whoever hands out roles is not the one who hands out money.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from mutoscope.domain.credits import Refusal

AUTHENTICATION_LASTS: Final = timedelta(minutes=5)
"""How long a password that was given counts as given just now."""


class Role(StrEnum):
    """What somebody is on the staff for."""

    SUPPORT = "support"
    FINANCE = "finance"
    ADMIN = "admin"


class StaffAction(StrEnum):
    """What staff do; each stands under this code in the audit."""

    VIEW = "view"
    VIEW_AS = "view_as"
    CHAT = "chat"
    ASSIGN_THREAD = "assign_thread"
    SETTLE_THREAD = "settle_thread"
    ERASE_MESSAGES = "erase_messages"
    ENABLE_PURCHASES = "enable_purchases"
    DISABLE_PURCHASES = "disable_purchases"
    GOODWILL = "goodwill"
    ADJUST = "adjust"
    ADD_CREDITS = "add_credits"
    CONFIRM_PAYMENT = "confirm_payment"
    ENTER_PAYMENT = "enter_payment"
    USE_PAYMENT = "use_payment"
    RETURN_PAYMENT = "return_payment"
    KEEP_PAYMENT = "keep_payment"
    RECONCILE = "reconcile"
    REFUND = "refund"
    REFUND_JOB = "refund_job"
    CONFIRM_REFUND = "confirm_refund"
    OPEN_DISPUTE = "open_dispute"
    CLOSE_DISPUTE = "close_dispute"
    CREDIT_INVOICE = "credit_invoice"
    SEND_MESSAGE = "send_message"
    NOTE_BOUNCE = "note_bounce"
    OFFER_PROMO = "offer_promo"
    OPEN_WORKSPACE = "open_workspace"
    ORDER_CREDITS = "order_credits"
    CANCEL_ORDER = "cancel_order"
    REDEEM_CODE = "redeem_code"
    SET_REFILL = "set_refill"
    DROP_REFILL = "drop_refill"
    RESOLVE_ORDER = "resolve_order"
    UNPARK_ROUTE = "unpark_route"
    RENEW = "renew"
    REBUILD = "rebuild"
    TERMS = "terms"
    AGREE_PACK = "agree_pack"
    WITHDRAW_PACK = "withdraw_pack"
    AGREE_FREE_AMOUNT = "agree_free_amount"
    WITHDRAW_FREE_AMOUNT = "withdraw_free_amount"
    UNDO_OFFERS = "undo_offers"
    START_PLAN = "start_plan"
    CHANGE_ZONE = "change_zone"
    UNDO_CHANGE = "undo_change"
    CHANGE_PLAN = "change_plan"
    CLOSE = "close"
    CATALOG = "catalog"
    FINANCE = "finance"
    AUDIT = "audit"
    ERASE_REASON = "erase_reason"
    ERASE_WORKSPACE = "erase_workspace"
    ADD_STAFF = "add_staff"
    SET_ROLES = "set_roles"
    LEAVE = "leave"
    RESET_PASSWORD = "reset_password"  # noqa: S105 -- a code
    CHANGE_PASSWORD = "change_password"  # noqa: S105 -- a code
    PROPOSE = "propose"
    REFUSE_PROPOSAL = "refuse_proposal"
    WITHDRAW_PROPOSAL = "withdraw_proposal"


_ = StaffAction
_EVERYBODY: Final = frozenset(
    {_.VIEW, _.CHANGE_PASSWORD, _.PROPOSE, _.REFUSE_PROPOSAL, _.WITHDRAW_PROPOSAL}
)
_CHAT: Final = frozenset({_.CHAT, _.ASSIGN_THREAD, _.SETTLE_THREAD, _.ERASE_MESSAGES})
_DESK: Final = _EVERYBODY | _CHAT | {
    _.VIEW_AS, _.ENABLE_PURCHASES, _.DISABLE_PURCHASES, _.SEND_MESSAGE, _.NOTE_BOUNCE,
    _.OPEN_WORKSPACE,
}  # fmt: skip
_DISPUTES: Final = frozenset({_.OPEN_DISPUTE, _.CLOSE_DISPUTE})
_PLANS: Final = frozenset({
    _.TERMS, _.AGREE_PACK, _.WITHDRAW_PACK, _.AGREE_FREE_AMOUNT, _.WITHDRAW_FREE_AMOUNT,
    _.UNDO_OFFERS, _.START_PLAN, _.CHANGE_PLAN, _.CHANGE_ZONE, _.UNDO_CHANGE,
})  # fmt: skip

MAY: Final[Mapping[Role, frozenset[StaffAction]]] = {
    Role.SUPPORT: _DESK | {_.GOODWILL, _.REFUND_JOB, _.ADD_CREDITS, _.REDEEM_CODE},
    Role.FINANCE: _DESK | _PLANS | _DISPUTES | {
        _.GOODWILL, _.REFUND_JOB, _.ADJUST, _.ADD_CREDITS, _.CONFIRM_PAYMENT, _.ENTER_PAYMENT,
        _.USE_PAYMENT, _.RETURN_PAYMENT, _.KEEP_PAYMENT, _.REFUND, _.CONFIRM_REFUND,
        _.RECONCILE, _.FINANCE, _.AUDIT, _.CREDIT_INVOICE, _.OFFER_PROMO, _.RESOLVE_ORDER,
        _.UNPARK_ROUTE, _.RENEW, _.ORDER_CREDITS, _.CANCEL_ORDER, _.REDEEM_CODE, _.SET_REFILL,
        _.DROP_REFILL,
    },
    Role.ADMIN: _DESK | _PLANS | _DISPUTES | {
        _.CLOSE, _.CATALOG, _.FINANCE, _.AUDIT, _.ERASE_REASON, _.ERASE_WORKSPACE, _.ADD_STAFF,
        _.SET_ROLES, _.LEAVE, _.RESET_PASSWORD, _.RESOLVE_ORDER, _.UNPARK_ROUTE, _.RENEW, _.REBUILD,
    },
}  # fmt: skip
"""What each role may do; somebody with several roles may do what any of them may."""


class NotAllowed(Refusal):
    """Something that none of the actor's roles may do; `may` names the roles that do."""

    code = "not_allowed"

    def __init__(self, *, name: str, roles: tuple[str, ...], action: str) -> None:
        may = tuple(role.value for role in Role if action in MAY[role])
        super().__init__(
            f"{name} ({', '.join(roles)}) may not do {action}: ask somebody of "
            f"{' or '.join(may) or 'nobody'}"
        )
        self.action = action
        self.roles = list(roles)
        self.may = list(may)


class NotReauthenticated(Refusal):
    """A step that needs the password again, which was not given just now."""

    code = "not_reauthenticated"

    def __init__(self) -> None:
        minutes = AUTHENTICATION_LASTS // timedelta(minutes=1)
        super().__init__(
            f"this needs your password, given within {minutes} minutes: give it again (`staff "
            "sign-in`, or POST /v1/staff/authenticate)"
        )
        self.minutes = minutes


class BadStaff(Refusal):
    """Somebody who cannot be taken in: a name, a password or roles that cannot be."""

    code = "bad_staff"

    def __init__(self, *, what: str, remedy: str) -> None:
        super().__init__(f"the {what} cannot be used: {remedy}")
        self.what = what


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody of the staff, at work; `authenticated_at` is when the password was last given."""

    staff_id: UUID
    name: str
    roles: frozenset[Role]
    authenticated_at: datetime
    email: str = field(repr=False)


def require(actor: Actor, action: StaffAction) -> None:
    """Pass when one of the actor's roles may do it.

    :raises NotAllowed: when none may; it names who does.
    """
    if not any(action in MAY[role] for role in actor.roles):
        roles = tuple(sorted(role.value for role in actor.roles))
        raise NotAllowed(name=actor.name, roles=roles, action=action.value)


def require_recent(actor: Actor, *, at: datetime) -> None:
    """Pass when the password was given within the last minutes.

    :raises NotReauthenticated: when it was not.
    """
    if at >= actor.authenticated_at + AUTHENTICATION_LASTS:
        raise NotReauthenticated
