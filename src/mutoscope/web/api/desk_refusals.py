"""How the actions of the desk themselves are refused, done at once or by an approval."""

from typing import Final

from mutoscope.app.agree import NotToBeAgreed
from mutoscope.app.billing_details import BadBillingDetails
from mutoscope.app.change_plan import AlreadyScheduled, NothingChanges, NothingScheduled
from mutoscope.app.confirm import BadReference, NotParked, PaymentOfAnother
from mutoscope.app.current_plan import PeriodBegan
from mutoscope.app.desk_credits import GoodwillSpent
from mutoscope.app.desk_disputes import (
    DisputeAtGateway,
    DisputeFinished,
    DisputeKnown,
    UnknownDispute,
)
from mutoscope.app.desk_erasure import WorkspaceOpen
from mutoscope.app.desk_facts import WorkspaceClosed
from mutoscope.app.desk_jobs import NothingCaptured
from mutoscope.app.desk_money import PaymentKnown, RefundFinished
from mutoscope.app.desk_purchases import PurchasesNotAgreed, PurchasesUnchanged
from mutoscope.app.fulfil import PaymentDisputed
from mutoscope.app.invoicing import CreditExceedsInvoice, NotAnInvoice
from mutoscope.app.money_back import RefundAtGateway
from mutoscope.app.promo import BadPromo, PromoTaken
from mutoscope.app.receive import PaymentDoesNotFit
from mutoscope.app.refund_end import UnknownRefund
from mutoscope.app.subscribe import AlreadySubscribed, BadStart, NotVerified
from mutoscope.app.terms import AllowanceNotAgreed, PriceNotAgreed
from mutoscope.app.unspent import (
    CreditsHeld,
    NothingToRefund,
    RefundExceedsUnspent,
    RefundTooSmall,
)
from mutoscope.domain.access import NotEntitled
from mutoscope.domain.catalog import UnknownPack, UnknownPlan
from mutoscope.domain.credits import BadAmount
from mutoscope.domain.desk import BadDeskData
from mutoscope.domain.estimate import NotForSale, PurchaseTooSmall
from mutoscope.domain.ledger import InsufficientCredits, RefundExceedsCapture
from mutoscope.domain.planner import UnknownWallet
from mutoscope.domain.purchases import PurchaseNotInThisState
from mutoscope.domain.spending import AlreadyRefunded
from mutoscope.domain.subscriptions import NotInThisState
from mutoscope.domain.wall_clock import UnknownZone
from mutoscope.storage.invoices import UnknownInvoice
from mutoscope.storage.jobs import UnknownJob
from mutoscope.storage.payments import UnknownPayment, UnknownRequest
from mutoscope.storage.purchases import UnknownPurchase
from mutoscope.storage.session import SideRowRefused

OF_MONEY: Final = (
    UnknownRequest, UnknownPayment, UnknownPurchase, UnknownRefund, BadReference, BadAmount,
    NotParked, PaymentDoesNotFit, PaymentKnown, PaymentOfAnother, PaymentDisputed,
    PurchaseNotInThisState, CreditsHeld, NothingToRefund, RefundAtGateway, RefundFinished,
    RefundExceedsUnspent, RefundTooSmall,
    UnknownInvoice, NotAnInvoice, CreditExceedsInvoice, BadBillingDetails,
)  # fmt: skip
OF_DISPUTES: Final = (DisputeAtGateway, DisputeFinished, DisputeKnown, UnknownDispute)
OF_JOBS: Final = (UnknownJob, NothingCaptured, RefundExceedsCapture, AlreadyRefunded)
OF_NOBODY: Final = (
    UnknownPayment, UnknownRefund, NotParked, RefundAtGateway, RefundFinished, BadDeskData,
    BadReference, BadAmount, PaymentKnown, SideRowRefused, BadPromo, PromoTaken, *OF_DISPUTES,
)  # fmt: skip
OF_PLANS: Final = (
    UnknownPlan, AlreadySubscribed, NotVerified, NotInThisState, AllowanceNotAgreed,
    NotToBeAgreed, PriceNotAgreed, BadStart, PeriodBegan, UnknownPack, NotForSale,
    PurchaseTooSmall, AlreadyScheduled, NothingChanges, NothingScheduled, UnknownZone,
)  # fmt: skip
ACTING: Final = (
    WorkspaceClosed, WorkspaceOpen, NotEntitled, PurchasesNotAgreed, PurchasesUnchanged,
    GoodwillSpent, InsufficientCredits, UnknownWallet, SideRowRefused, BadDeskData, BadPromo,
    PromoTaken, *OF_DISPUTES, *OF_JOBS, *OF_MONEY, *OF_PLANS,
)  # fmt: skip
