"""How customers of the business demo pay, buy credits, and want their money back.

Owns the habits with money. Invariant: what staff have to do is done at the desk, by pressing the
same buttons; what a bank does, at the simulated Stripe.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mutoscope.app import buy, disputes, pay_links, promo, quick_cards, refill
from mutoscope.app.buy import Wish
from mutoscope.app.chat import say
from mutoscope.app.desk_money import NOT_SENT
from mutoscope.app.quick_cards import Question
from mutoscope.app.refund_end import SUCCEEDED
from mutoscope.cli.business_town import OFTEN, RARELY, STRIPE, Customer, Town, happens
from mutoscope.domain.chat import Words, creator
from mutoscope.domain.purchases import PurchaseState
from mutoscope.storage import payments, purchases
from mutoscope.storage.payments import NOBODY, PaymentRequest

if TYPE_CHECKING:
    from mutoscope.storage.payments import Payment

CODE: Final = "SPRING"
PACK: Final = "video_1500"
PACK_PRICE: Final = 3_900
HABIT: Final = 50
"""Of a customer's payments and refunds, so many of the newest are looked at."""


async def ask_for_credits(town: Town, customer: Customer) -> None:
    """Ask in the chat to be let buy credits, and say a word about it."""
    studio = town.studio_of(customer)
    author = creator(workspace_id=customer.whose)
    await quick_cards.ask(
        studio, workspace_id=customer.whose, thread_id=None, author=author,
        question=Question.MORE_CREDITS, key=customer.key(),
    )  # fmt: skip
    await say(
        studio, workspace_id=customer.whose, thread_id=None, author=author, key=customer.key(),
        words=Words(body="We want to make a longer film."),
    )  # fmt: skip


async def buy_credits(town: Town, customer: Customer) -> None:
    """Order a pack, or an amount; some think better of it."""
    wish = customer.chance.choice(
        (Wish(pack=PACK), Wish(kind="video", credits=customer.chance.randint(650, 5_000)))
    )
    studio = town.studio_of(customer)
    order = await buy.buy(studio, workspace_id=customer.whose, wish=wish, key=customer.key())
    if happens(customer.chance, 1 - OFTEN):
        await buy.cancel(
            studio, workspace_id=customer.whose, purchase_id=order.purchase.purchase_id
        )


async def set_refill(town: Town, customer: Customer) -> None:
    """Let a pack buy itself, once or twice a month."""
    wish = refill.RefillWish(
        pack=PACK, threshold=customer.chance.choice((200, 600, 1_200)),
        monthly_max=customer.chance.choice((PACK_PRICE, 2 * PACK_PRICE)),
    )  # fmt: skip
    await refill.set_refill(town.studio_of(customer), workspace_id=customer.whose, wish=wish)


async def redeem(town: Town, customer: Customer) -> None:
    """Redeem the promo code."""
    await promo.redeem(town.studio_of(customer), workspace_id=customer.whose, code=CODE)


async def pay_bills(town: Town, customer: Customer) -> None:
    """Pay what is open, when the customer is one who pays, and as late as it does."""
    studio = town.studio_of(customer)
    at = studio.clock.now()
    if customer.stops_paying_on is not None and at >= customer.stops_paying_on:
        return
    async with studio.reading() as connection:
        bills = await payments.open_requests(connection, workspace_id=customer.whose)
    for bill in bills:
        is_kept_card = bill.invoice_id is not None and customer.gateway == STRIPE
        patience = timedelta(days=customer.pays_after_days + (3 if is_kept_card else 0))
        if at >= bill.created_at + patience:
            await town.tried("bill paid", pay(town, customer, bill))


async def pay(town: Town, customer: Customer, bill: PaymentRequest) -> None:
    """Pay a bill by card, or by a transfer that staff confirm at the desk."""
    if bill.gateway == STRIPE:
        checkout = await pay_links.checkout(town.studio_of(customer), bill)
        await town.control("/stripe/_sim/pay", session=checkout.reference, card=customer.card)
        return
    if happens(customer.chance, RARELY):
        await _pay_without_words(town, customer, bill)
        return
    is_short = happens(customer.chance, RARELY)
    named = {
        "request_id": str(bill.request_id),
        "amount": bill.money().amount - 1 if is_short else None,
    }
    for _ in range(customer.chance.choice((1, 1, 1, 2, 3))):
        told = f"transfer/{bill.request_id}/{customer.acts if is_short else ''}"
        await town.press("confirm_payment", bill.workspace_id, **named, reference=told)
    if happens(customer.chance, RARELY):
        again = f"transfer/{bill.request_id}/again/{customer.key()}"
        await town.press("confirm_payment", bill.workspace_id, **named, reference=again)


async def _pay_without_words(town: Town, customer: Customer, bill: PaymentRequest) -> None:
    """Pay by a transfer of which nobody knows what it pays, or not even whose it is."""
    await town.press(
        "enter_payment", customer.chance.choice((bill.workspace_id, NOBODY)),
        amount=bill.money().amount, currency=bill.taxed.currency,
        reference=f"no-words/{customer.key()}",
    )  # fmt: skip


async def want_refund(town: Town, customer: Customer) -> None:
    """Ask for money back: staff take back what is left or a part, or send what they decide on."""
    studio = town.studio_of(customer)
    async with studio.reading() as connection:
        bought = await purchases.page(connection, workspace_id=customer.whose, limit=HABIT)
    granted = [each for each in bought if each.state is PurchaseState.GRANTED]
    if not granted:
        town.seen["nothing to refund"] += 1
        return
    purchase = customer.chance.choice(granted)
    decided: dict[str, object] = {}
    if happens(customer.chance, 0.2):
        decided = {"amount": purchase.price.amount}
    elif happens(customer.chance, 0.5):
        decided = {"credits": customer.chance.randint(1, purchase.credits)}
    await town.press("refund", customer.whose, purchase_id=str(purchase.purchase_id), **decided)


async def dispute(town: Town, customer: Customer) -> None:
    """Dispute a card's payment at the bank, which decides at once, or a transfer by letter."""
    studio = town.studio_of(customer)
    async with studio.reading() as connection:
        paid = await payments.page(connection, workspace_id=customer.whose, limit=HABIT)
    applied = [each for each in paid if each.state == "applied"]
    if not applied:
        town.seen["nothing to dispute"] += 1
        return
    await _disputed(town, customer, customer.chance.choice(applied))


async def _disputed(town: Town, customer: Customer, payment: Payment) -> None:
    if payment.gateway == STRIPE:
        outcome = customer.chance.choice((disputes.WON, disputes.LOST))
        told = await town.control("/stripe/_sim/dispute", payment_intent=payment.reference)
        await town.control("/stripe/_sim/dispute", dispute=told.get("id"), outcome=outcome)
        return
    await town.press(
        "open_dispute", customer.whose, payment_id=str(payment.payment_id),
        reference=f"letter/{payment.payment_id}",
    )  # fmt: skip


async def return_refund(town: Town, customer: Customer) -> None:
    """Let money that was sent back come again: the customer's account or card is closed."""
    studio = town.studio_of(customer)
    async with studio.reading() as connection:
        found = await purchases.refunds(connection, workspace_id=customer.whose, limit=HABIT)
        sent = [each for each in found if each.state == SUCCEEDED]
        if not sent:
            town.seen["no refund to return"] += 1
            return
        back = customer.chance.choice(sent)
        payment = await payments.payment(
            connection, workspace_id=customer.whose, payment_id=back.payment_id
        )
    if payment.gateway == STRIPE:
        await town.control("/stripe/_sim/refund", refund=back.reference, outcome="failed")
        return
    await town.press(
        "confirm_refund", customer.whose, refund_id=str(back.refund_id), outcome=NOT_SENT
    )  # fmt: skip
