"""The registry: every action of the desk by its code, with its fields and what carries it out.

To add one, write `async def verb(studio, deed)` beside the journey that it belongs to, let it
commit `deed.rows(studio)` with what it does under `deed.key`, and give it a row here.
"""

from collections.abc import Mapping
from typing import Final

from mutoscope.app.credit_note import credit
from mutoscope.app.desk import DeskAction
from mutoscope.app.desk_credits import DOWN, UP, adjust, give_goodwill, judge_goodwill
from mutoscope.app.desk_disputes import close_dispute, count_disputed, open_dispute
from mutoscope.app.desk_erasure import erase_workspace
from mutoscope.app.desk_facts import count_given
from mutoscope.app.desk_jobs import count_job, refund_job
from mutoscope.app.desk_money import (
    NOT_SENT,
    SENT,
    add_credits,
    confirm_payment,
    confirm_refund,
    count_purchase,
    count_refund,
    count_request,
    enter_payment,
    keep_payment,
    refund,
    return_payment,
    use_payment,
)
from mutoscope.app.desk_packs import (
    agree_free_amount,
    agree_pack,
    count_any,
    undo_offers,
    withdraw_free_amount,
    withdraw_pack,
)
from mutoscope.app.desk_plans import (
    agree,
    change_zone,
    close,
    count_agreed,
    count_left,
    count_plan,
    start_plan,
    undo_change,
)
from mutoscope.app.desk_purchases import disable_purchases, enable_purchases
from mutoscope.app.disputes import LOST, WON
from mutoscope.app.promo import count_offered, offer_promo
from mutoscope.app.terms import BILLING_DATE, NOW
from mutoscope.domain.catalog import UnknownItem
from mutoscope.domain.desk import Field, FieldKind
from mutoscope.domain.staff import StaffAction


class UnknownDeskAction(UnknownItem):
    """The desk has no such action."""

    code = "unknown_desk_action"
    noun = "desk action"


_KIND: Final = Field(name="kind", kind=FieldKind.CODE)
_CREDITS: Final = Field(name="credits", kind=FieldKind.CREDITS)
_SOME: Final = Field(name="credits", kind=FieldKind.CREDITS, is_needed=False)
_JOB: Final = Field(name="job_id", kind=FieldKind.ID)
_EXPIRES_AT: Final = Field(name="expires_at", kind=FieldKind.INSTANT, is_needed=False)
_DIRECTION: Final = Field(name="direction", kind=FieldKind.CODE, choices=(UP, DOWN))
_PURCHASE: Final = Field(name="purchase_id", kind=FieldKind.ID)
_REQUEST: Final = Field(name="request_id", kind=FieldKind.ID)
_PAYMENT: Final = Field(name="payment_id", kind=FieldKind.ID)
_FROM: Final = Field(name="from_workspace_id", kind=FieldKind.ID, is_needed=False)
_REFUND: Final = Field(name="refund_id", kind=FieldKind.ID)
_REFERENCE: Final = Field(name="reference", kind=FieldKind.WORD)
_SENT_AS: Final = Field(name="reference", kind=FieldKind.WORD, is_needed=False)
_INVOICE: Final = Field(name="invoice_id", kind=FieldKind.ID)
_OUTCOME: Final = Field(name="outcome", kind=FieldKind.CODE, choices=(SENT, NOT_SENT))
_DECIDED: Final = Field(name="outcome", kind=FieldKind.CODE, choices=(WON, LOST))
_AMOUNT: Final = Field(name="amount", kind=FieldKind.MONEY, is_needed=False)
_CAME: Final = Field(name="amount", kind=FieldKind.MONEY)
_CURRENCY: Final = Field(name="currency", kind=FieldKind.WORD)
_BEGINS: Final = Field(
    name="begins", kind=FieldKind.CODE, is_needed=False, choices=(NOW, BILLING_DATE)
)
_BEGINS_ON: Final = Field(name="begins", kind=FieldKind.WORD, is_needed=False)
_ZONE: Final = Field(name="zone", kind=FieldKind.WORD)
_PACK: Final = Field(name="pack", kind=FieldKind.CODE)
_PRICE: Final = Field(name="price", kind=FieldKind.MONEY)
_PER_1000: Final = Field(name="price_per_1000", kind=FieldKind.MONEY)
_OF_PRICE: Final = Field(name="currency", kind=FieldKind.WORD, is_needed=False)
_PROMO: Final = (
    Field(name="promo_code", kind=FieldKind.WORD),
    _KIND,
    _CREDITS,
    Field(name="redemptions_max", kind=FieldKind.COUNT),
    Field(name="lasts_days", kind=FieldKind.COUNT),
    Field(name="open_days", kind=FieldKind.COUNT, is_needed=False),
)
_AGREED: Final = (
    Field(name="allowances", kind=FieldKind.AMOUNTS, is_needed=False),
    Field(name="price", kind=FieldKind.MONEY, is_needed=False),
    _OF_PRICE,
    Field(name="can_purchase", kind=FieldKind.FLAG, is_needed=False),
)
_PLAN: Final = (
    Field(name="plan", kind=FieldKind.CODE),
    Field(name="is_annual", kind=FieldKind.FLAG, is_needed=False),
    Field(name="anchor_at", kind=FieldKind.INSTANT, is_needed=False),
)

ACTIONS: Final[Mapping[str, DeskAction]] = {
    "enable_purchases": DeskAction(
        code=StaffAction.ENABLE_PURCHASES, fields=(), perform=enable_purchases
    ),
    "disable_purchases": DeskAction(
        code=StaffAction.DISABLE_PURCHASES, fields=(), perform=disable_purchases
    ),
    "goodwill": DeskAction(
        code=StaffAction.GOODWILL, fields=(_KIND, _CREDITS, _EXPIRES_AT), counts=count_given,
        judge=judge_goodwill, perform=give_goodwill,
    ),
    "refund_job": DeskAction(
        code=StaffAction.REFUND_JOB, fields=(_JOB, _SOME), counts=count_job, perform=refund_job
    ),
    "adjust": DeskAction(
        code=StaffAction.ADJUST, fields=(_KIND, _CREDITS, _DIRECTION, _EXPIRES_AT),
        counts=count_given, perform=adjust,
    ),
    "confirm_payment": DeskAction(
        code=StaffAction.CONFIRM_PAYMENT, fields=(_REQUEST, _REFERENCE, _AMOUNT),
        counts=count_request, perform=confirm_payment,
    ),
    "enter_payment": DeskAction(
        code=StaffAction.ENTER_PAYMENT, fields=(_CAME, _CURRENCY, _REFERENCE),
        perform=enter_payment, is_for_nobody=True,
    ),
    "use_payment": DeskAction(
        code=StaffAction.USE_PAYMENT, fields=(_PAYMENT, _REQUEST, _FROM), counts=count_request,
        perform=use_payment,
    ),
    "return_payment": DeskAction(
        code=StaffAction.RETURN_PAYMENT, fields=(_PAYMENT,), perform=return_payment,
        is_for_nobody=True,
    ),
    "keep_payment": DeskAction(
        code=StaffAction.KEEP_PAYMENT, fields=(_PAYMENT,), perform=keep_payment,
        is_for_nobody=True,
    ),
    "add_credits": DeskAction(
        code=StaffAction.ADD_CREDITS, fields=(_PURCHASE,), counts=count_purchase,
        perform=add_credits,
    ),
    "refund": DeskAction(
        code=StaffAction.REFUND, fields=(_PURCHASE, _SOME, _AMOUNT), counts=count_refund,
        perform=refund,
    ),
    "confirm_refund": DeskAction(
        code=StaffAction.CONFIRM_REFUND, fields=(_REFUND, _OUTCOME, _SENT_AS),
        perform=confirm_refund, is_for_nobody=True,
    ),
    "open_dispute": DeskAction(
        code=StaffAction.OPEN_DISPUTE, fields=(_PAYMENT, _REFERENCE, _AMOUNT),
        perform=open_dispute, is_for_nobody=True,
    ),
    "close_dispute": DeskAction(
        code=StaffAction.CLOSE_DISPUTE, fields=(_PAYMENT, _DECIDED), counts=count_disputed,
        perform=close_dispute, is_for_nobody=True,
    ),
    "credit_invoice": DeskAction(
        code=StaffAction.CREDIT_INVOICE, fields=(_INVOICE, _AMOUNT), perform=credit
    ),
    "terms": DeskAction(
        code=StaffAction.TERMS, fields=(*_AGREED, _BEGINS), counts=count_agreed, perform=agree
    ),
    "change_zone": DeskAction(
        code=StaffAction.CHANGE_ZONE, fields=(_ZONE,), perform=change_zone
    ),
    "undo_change": DeskAction(
        code=StaffAction.UNDO_CHANGE, fields=(), perform=undo_change
    ),
    "agree_pack": DeskAction(
        code=StaffAction.AGREE_PACK, fields=(_PACK, _KIND, _CREDITS, _PRICE, _OF_PRICE, _BEGINS_ON),
        counts=count_given, perform=agree_pack,
    ),
    "withdraw_pack": DeskAction(
        code=StaffAction.WITHDRAW_PACK, fields=(_PACK, _BEGINS_ON), perform=withdraw_pack
    ),
    "agree_free_amount": DeskAction(
        code=StaffAction.AGREE_FREE_AMOUNT, fields=(_KIND, _PER_1000, _OF_PRICE, _BEGINS_ON),
        counts=count_any, perform=agree_free_amount,
    ),
    "withdraw_free_amount": DeskAction(
        code=StaffAction.WITHDRAW_FREE_AMOUNT, fields=(_KIND, _BEGINS_ON),
        perform=withdraw_free_amount,
    ),
    "undo_offers": DeskAction(
        code=StaffAction.UNDO_OFFERS, fields=(), perform=undo_offers
    ),
    "start_plan": DeskAction(
        code=StaffAction.START_PLAN, fields=(*_PLAN, *_AGREED), counts=count_plan,
        perform=start_plan,
    ),
    "offer_promo": DeskAction(
        code=StaffAction.OFFER_PROMO, fields=_PROMO, counts=count_offered, perform=offer_promo,
        is_for_nobody=True,
    ),
    "close": DeskAction(
        code=StaffAction.CLOSE, fields=(), counts=count_left, perform=close
    ),
    "erase_workspace": DeskAction(
        code=StaffAction.ERASE_WORKSPACE, fields=(), perform=erase_workspace
    ),
}  # fmt: skip
"""What can be done at the desk, by the code that stands in the audit and on cards."""


def desk_action(key: str) -> DeskAction:
    """Return an action of the desk.

    :raises UnknownDeskAction: when there is none of that code.
    """
    if key not in ACTIONS:
        raise UnknownDeskAction(key=key, allowed=tuple(ACTIONS))
    return ACTIONS[key]
