"""Money at the desk from the command line: confirm, add, refund, and what to type next."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from mutoscope.app.gateway import GatewayPayment, PaymentState
from mutoscope.app.receive import receive
from mutoscope.bootstrap import open_house
from mutoscope.domain.offers import Money
from mutoscope.domain.transfer_words import transfer_words
from mutoscope.settings import read_settings
from test_cli_desk import WHY, Shop


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Shop:
    shop = Shop(database_url, tmp_path)
    assert shop.add("root", "admin").code == 0
    assert shop.add("grace", "support", "finance", by="root").code == 0
    assert shop.act("desk", "enable", shop.workspace).code == 0
    assert shop.run("staff", "sign-in", "grace", "--password-file", shop.password).code == 0
    return shop


def ordered(shop: Shop, key: str = "1") -> tuple[str, str]:
    """Order a pack, and return the ids of its purchase and its request."""
    made = shop.run(
        "purchase", "buy", shop.workspace, "--pack", "video_1500", "--key", key, "--json"
    ).json()["order"]
    return made["purchase"]["purchase_id"], made["request"]["request_id"]


def say(shop: Shop, *arguments: str, by: str = "grace") -> tuple[int, str]:
    """Act without --json, and return what a person reads on both streams."""
    done = shop.run(*arguments, *WHY, "--as", by, "--password-file", shop.password)
    return done.code, done.output + done.errors


def test_a_transfer_becomes_credits_and_goes_back(shop: Shop) -> None:
    purchase, request = ordered(shop)

    confirmed = shop.act("desk", "confirm", request, "RF18 5390").json()
    listed = shop.run("desk", "waiting").output
    added = say(shop, "desk", "add-credits", shop.workspace, purchase)
    history = shop.run("history", shop.workspace).output
    refunded = shop.act("desk", "refund", shop.workspace, purchase).json()["data"]
    asked = shop.run("desk", "waiting").output
    sent = (shop.workspace, refunded["refund_id"], "sent", "RF18 BACK")
    told = say(shop, "desk", "confirm-refund", *sent)

    assert confirmed["data"]["reference"] == "RF185390"
    assert f"desk add-credits {shop.workspace} {purchase}" in listed
    assert (added[0], "1,500 video credits" in added[1]) == (0, True)
    assert f"1,500 purchased credits granted (purchase {purchase})" in history
    assert f"desk confirm-refund {shop.workspace} {refunded['refund_id']} sent" in asked
    assert told[0] == 0
    assert "Nothing waits for you." in shop.run("desk", "waiting").errors


def test_a_part_of_a_purchase_goes_back_by_a_command(shop: Shop) -> None:
    purchase, request = ordered(shop)
    shop.act("desk", "confirm", request, "RF18")
    shop.act("desk", "add-credits", shop.workspace, purchase)
    wish = ("desk", "refund", shop.workspace, purchase, "--credits")

    code, told = say(shop, *wish, "400")
    refused = shop.act(*wish, "1101")
    left = shop.run("purchase", "list", shop.workspace, "--json").json()

    assert (code, "(12.79 USD, 400 video credits, refund" in " ".join(told.split())) == (0, True)
    assert '"code": "refund_exceeds_unspent"' in refused.errors
    assert [(each["state"], each["refunded"]) for each in left] == [("granted", 1_279)]


def test_what_a_closed_workspace_has_paid_goes_back(shop: Shop) -> None:
    purchase, request = ordered(shop)
    assert shop.act("desk", "confirm", request, "RF18 5390").code == 0
    assert shop.act("desk", "close", shop.workspace, "--yes", by="root").code == 0

    listed = shop.run("desk", "waiting").output
    refunded = shop.act("desk", "refund", shop.workspace, purchase)

    assert "money to send back, its workspace is closed" in " ".join(listed.split())
    assert f"desk refund {shop.workspace} {purchase}" in listed
    assert refunded.code == 0


def test_the_words_of_a_statement_name_the_request(shop: Shop) -> None:
    (invoice,) = shop.run("invoice", "list", shop.workspace, "--json").json()
    invoiced = shop.act("desk", "confirm", f"for {invoice['number']}", "RF18 1").json()
    empty = shop.run("desk", "confirm")
    _, request = ordered(shop)
    listed = shop.run("desk", "confirm")
    (found,) = shop.run("desk", "confirm", "--json").json()
    line = f"transfer of 3 March, {found['words'].lower()}, thank you"
    named = shop.run("desk", "confirm", line, "--json").json()

    confirmed = shop.act("desk", "confirm", line, "RF18 5390").json()

    assert (invoiced["data"]["outcome"], "Nothing is open" in empty.errors) == ("applied", True)
    assert (found["request"]["request_id"], named) == (request, [found])
    assert all(word in listed.output for word in (found["words"], request, "47.97 USD"))
    assert "desk confirm WORDS REFERENCE" in listed.errors
    assert (confirmed["data"]["request_id"], confirmed["data"]["outcome"]) == (request, "applied")


def test_words_that_name_nothing_are_told_where_to_look(shop: Shop) -> None:
    for words in ("thanks", "MU-PZTW-H43M-08SE", "INV-2026-000009", str(uuid4())):
        done = shop.run("desk", "confirm", words, "RF18", *WHY)

        assert (done.code, done.errors.partition(":")[0]) == (3, "unknown_words"), words
        assert "`desk confirm` without any lists what is open" in done.errors


def test_what_was_credited_and_what_came_are_shown_with_what_is_left(shop: Shop) -> None:
    (invoice,) = shop.run("invoice", "list", shop.workspace, "--json").json()
    shop.act("invoice", "credit", shop.workspace, invoice["number"], "--amount", "1000", "--yes")
    shop.act("desk", "confirm", invoice["number"], "RF18", "--amount", "4000")

    shown = shop.run("subscription", "show", shop.workspace)
    listed = shop.run("desk", "confirm")
    issued = shop.run("invoice", "show", shop.workspace, invoice["number"]).output

    assert "8.97 USD (23 %, standard)" in issued
    assert all("37.97 USD" in each.output for each in (shown, listed))
    assert " 10.00 " in shown.output
    assert "40.00 USD came for" in shown.errors


def test_the_facts_tell_what_is_to_pay_and_what_is_parked(shop: Shop) -> None:
    _, request = ordered(shop)
    shop.act("desk", "confirm", request, "RF18", "--amount", "4000")
    shop.act("desk", "enter-payment", "nobody", "4797", "usd", "RF19")
    beside = ("desk", "facts", shop.workspace)

    shown = " ".join(shop.run(*beside).output.split())
    told = shop.run(*beside, "--json").json()

    (ordered_now,) = [each for each in told["requests"] if each["request_id"] == request]
    (parked,) = [each["payment"] for each in told["parked"]]
    assert (ordered_now["title"], parked["reference"]) == ("1,500 video credits", "RF18")
    words = transfer_words(request_id=UUID(request))
    assert f"{words} 47.97 USD 1,500 video credits manual" in shown
    assert f"40.00 USD RF18 {words} other amount" in shown
    assert f"desk return-payment {shop.workspace} {parked['payment_id']}" in shown
    assert "RF19" not in shown


def test_what_is_agreed_is_told_with_its_price_as_money(shop: Shop) -> None:
    own = shop.run("workspace", "create", "Corp", "--json").json()["workspace"]["workspace_id"]
    corp = shop.run("workspace", "create", "Firm", "--json").json()["workspace"]["workspace_id"]
    credits_agreed = ("--credits", "image=20", "--credits", "video=900", "--price", "90000")

    agreed = say(shop, "desk", "start", corp, "enterprise", *credits_agreed)
    told = [
        say(shop, "desk", "start", own, "essential"),
        say(shop, "desk", "terms", corp, "--price", "95000"),
        say(shop, "desk", "agree-pack", corp, "house_9000", "video", "9000", "15000"),
        say(shop, "desk", "agree-free-amount", corp, "video", "900"),
    ]

    moved = [each[1].partition(" (")[2].rstrip(")\n") for each in (agreed, *told)]
    assert moved == [
        "900.00 USD net, 1,107.00 USD tax and all", "23.37 USD tax and all", "950.00 USD net",
        "150.00 USD net, 9,000 video credits", "9.00 USD net for 1,000 credits",
    ]  # fmt: skip


def test_money_that_names_nothing_is_entered_once_and_given(shop: Shop) -> None:
    _, request = ordered(shop)
    wish = ("desk", "enter-payment", "nobody", "4797", "usd", "RF18 77")
    entered = shop.act(*wish).json()["data"]
    again = shop.act(*wish)
    parked = shop.run("payments", "parked").output

    used = shop.act("desk", "use-payment", shop.workspace, entered["payment_id"], request)

    assert (entered["outcome"], entered["amount"]) == ("parked", 4_797)
    assert '"code": "payment_known"' in again.errors
    assert f"by its id {entered['payment_id']}" in again.errors
    assert "unknown request; grace: the clip came out black" in " ".join(parked.split())
    assert used.json()["data"]["outcome"] == "applied"


def test_a_transfer_back_that_bounced_is_owed(shop: Shop) -> None:
    purchase, request = ordered(shop)
    shop.act("desk", "confirm", request, "RF18")
    refunded = shop.act("desk", "refund", shop.workspace, purchase).json()["data"]
    about = (shop.workspace, refunded["refund_id"])
    shop.act("desk", "confirm-refund", *about, "sent", "RF18BACK")

    bounced = shop.act("desk", "confirm-refund", *about, "failed").json()["data"]
    waiting = shop.run("desk", "waiting").output

    assert bounced["state"] == "owed"
    assert "refund that came back, to send another way: 47.97 USD" in waiting
    assert f"desk confirm-refund {about[0]} {about[1]} sent REFERENCE" in waiting


def test_a_parked_payment_is_told_and_decided(shop: Shop) -> None:
    _, request = ordered(shop)
    _, other = ordered(shop, key="2")
    assert "No payment waits for you." in shop.run("payments", "parked").errors
    assert "Nothing was paid yet" in shop.run("payments", "list", shop.workspace).errors

    confirmed = say(shop, "desk", "confirm", request, "a", "--amount", "100")
    shop.act("desk", "confirm", request, "b")
    late = shop.act("desk", "confirm", request, "c").json()["data"]
    parked = shop.run("payments", "parked").output
    taken = ("--from", shop.workspace)
    used = shop.act("desk", "use-payment", shop.workspace, late["payment_id"], other, *taken)
    small = shop.run("payments", "parked", "--json").json()[0]["payment"]["payment_id"]
    back = shop.act("desk", "return-payment", shop.workspace, small)

    assert "is parked, since it does not fit (other amount)" in confirmed[1]
    assert "already paid" in parked
    assert (used.json()["data"]["outcome"], back.code) == ("applied", 0)
    assert "returned (other amount)" in shop.run("payments", "list", shop.workspace).output


def test_a_dispute_that_a_letter_tells_is_opened_and_decided(shop: Shop) -> None:
    purchase, request = ordered(shop)
    confirmed = shop.act("desk", "confirm", request, "RF18").json()["data"]
    shop.act("desk", "add-credits", shop.workspace, purchase)
    about = (shop.workspace, confirmed["payment_id"])

    opened = shop.act("desk", "dispute", "open", *about, "CB 77").json()["data"]
    listed = " ".join(shop.run("desk", "waiting").output.split())
    again = shop.act("desk", "dispute", "open", *about, "CB 78")
    lost = say(shop, "desk", "dispute", "lost", *about)
    late = shop.act("desk", "dispute", "won", *about)

    assert (opened["reference"], opened["credits"]) == ("CB77", 1_500)
    assert "dispute: 47.97 USD over manual, CB77" in listed
    assert f"desk dispute won {about[0]} {about[1]}" in listed
    assert '"code": "dispute_known"' in again.errors
    assert (lost[0], "47.97 USD, 1,500 video credits" in lost[1]) == (0, True)
    assert '"code": "dispute_finished"' in late.errors


def came(shop: Shop, *, count: int = 1) -> list[str]:
    """Let payments come of which nobody knows what for, and return their ids."""

    paid = GatewayPayment(
        reference="pi", request_id=uuid4(), state=PaymentState.SUCCEEDED,
        total=Money(amount=4_797, currency="USD"), created_at=datetime.now(UTC),
    )  # fmt: skip

    async def received() -> list[str]:
        settings = read_settings(
            {"DATABASE_URL": shop.place["database_url"], "MUTOSCOPE_DATA": str(shop.place["data"])}
        )
        async with open_house(settings) as house:
            found = [
                await receive(
                    house.studio, gateway="stripe", payment=replace(paid, reference=f"pi_{number}")
                )
                for number in range(count)
            ]
        return [str(one.payment_id) for one in found]

    return asyncio.run(received())


def test_money_of_nobody_is_given_or_goes_back(shop: Shop) -> None:
    _, request = ordered(shop)
    given, back = came(shop, count=2)
    parked = shop.run("payments", "parked").output

    used = shop.act("desk", "use-payment", shop.workspace, given, request).json()
    shop.act("desk", "keep-payment", "nobody", back)
    noted = shop.run("payments", "parked").output
    returned = shop.act("desk", "return-payment", "nobody", back).json()["data"]
    asked = shop.run("desk", "waiting").output
    unnamed = shop.act("desk", "confirm-refund", "nobody", returned["refund_id"], "sent")
    sent = shop.act("desk", "confirm-refund", "nobody", returned["refund_id"], "sent", "RF18 B")

    assert f"desk return-payment nobody {back}" in parked
    assert (used["data"]["outcome"], "grace: " in noted) == ("applied", True)
    assert f"desk confirm-refund nobody {returned['refund_id']} sent" in asked
    assert '"code": "bad_desk_data"' in unnamed.errors
    assert sent.json()["data"]["reference"] == "RF18B"
    assert shop.act("desk", "return-payment", "nobodys", back).code == 2


def on_enterprise(shop: Shop) -> str:
    """Start a plan that leaves its terms open, and return its workspace."""
    found = shop.run("workspace", "create", "Babbage", "--json").json()["workspace"]["workspace_id"]
    terms = ("--credits", "video=900", "--credits", "image=50", "--price", "90000", "--purchases")
    assert shop.act("desk", "start", found, "enterprise", *terms).code == 0
    return str(found)


def test_own_packs_are_agreed_listed_and_withdrawn_at_the_command_line(shop: Shop) -> None:
    other = on_enterprise(shop)

    agreed = shop.act("desk", "agree-pack", other, "house_9000", "video", "9000", "15000")
    priced = shop.act("desk", "agree-free-amount", other, "image", "900")
    own = shop.run("purchase", "packs", other)
    everybody = shop.run("purchase", "packs")
    gone = [
        shop.act("desk", "withdraw-pack", other, "house_9000").code,
        shop.act("desk", "withdraw-free-amount", other, "image").code,
    ]

    assert agreed.json()["data"]["credits"] == 9_000
    assert priced.json()["data"]["price_per_1000"] == 900
    assert all(word in own.output for word in ("house_9000", "150.00 USD", "9.00 USD"))
    assert "house_9000" not in everybody.output
    assert gone == [0, 0]
    assert shop.run("purchase", "packs", other).output == everybody.output


def test_what_is_to_come_of_own_packs_is_listed_and_undone(shop: Shop) -> None:
    other = on_enterprise(shop)
    pack, later = ("house_9000", "video", "9000"), ("--begins", "2030-01-01")
    shop.act("desk", "agree-pack", other, *pack, "15000")

    dated = shop.act("desk", "agree-pack", other, *pack, "12000", *later)
    shop.act("desk", "agree-free-amount", other, "image", "900", "--begins", "billing_date")
    listed = shop.run("purchase", "packs", other).output
    shop.act("desk", "withdraw-pack", other, "house_9000", *later)
    ending = shop.run("purchase", "packs", other).output
    undone = shop.act("desk", "undo-offers", other)

    assert dated.json()["data"]["begins_at"] == "2030-01-01T00:00:00+00:00"
    assert "2030" in listed
    assert "house_9000, 9,000 video credits for 120.00 USD, net." in listed
    assert "amounts of image credits for 9.00 USD per 1,000, net." in listed
    assert "house_9000 no more at a price of its own." in ending
    assert (undone.code, "From " in shop.run("purchase", "packs", other).output) == (0, False)


def test_terms_and_a_zone_are_scheduled_shown_and_undone(shop: Shop) -> None:
    other = on_enterprise(shop)
    wish = ("--credits", "video=1200", "--price", "120000", "--no-purchases")

    agreed = shop.act("desk", "terms", other, *wish, "--begins", "billing_date")
    shown = shop.run("subscription", "show", other).output
    told = shop.run("subscription", "show", other, "--json").json()
    undone = shop.act("desk", "undo", other)
    moved = shop.act("desk", "zone", other, "Asia/Tokyo")

    assert agreed.json()["data"]["begins"] == "billing_date"
    terms = ("1,200 video credits a month", "1,200.00 USD a charge, net", "may not buy credits")
    assert all(each in shown for each in terms)
    assert '"video": 1200' in str(told).replace("'", '"')
    assert (undone.code, moved.json()["data"]["zone"]) == (0, "Asia/Tokyo")
    assert "by the clock of Asia/Tokyo, from " in shop.run("subscription", "show", other).output


def test_an_end_above_agreed_terms_is_shown_and_undone(shop: Shop) -> None:
    other = on_enterprise(shop)
    shop.act("desk", "terms", other, "--credits", "video=1200", "--begins", "billing_date")

    cancelled = shop.run("subscription", "cancel", other, "--yes")
    shown = shop.run("subscription", "show", other).output
    undone = shop.run("subscription", "undo", other)

    assert (cancelled.code, undone.code) == (0, 0)
    assert "1,200 video credits a month" in shown
    assert "what is scheduled begins only if the end is taken back" in shown
    assert "1,200 video credits a month" in undone.output
    assert "taken back" not in undone.output


def test_plans_are_started_agreed_and_ended(shop: Shop) -> None:
    other = shop.run("workspace", "create", "Babbage", "--json").json()["workspace"]["workspace_id"]
    wish = ("--credits", "video=900", "--credits", "image=50", "--price", "90000")

    started = shop.act("desk", "start", other, "enterprise", *wish)
    agreed = shop.act("desk", "terms", other, "--credits", "video=1200", "--purchases")
    unmeant = shop.act("desk", "close", other, by="root")
    closed = shop.act("desk", "close", other, "--yes", by="root")

    assert started.json()["data"]["allowances"] == "image=50,video=900"
    assert agreed.json()["data"]["can_purchase"] is True
    assert (unmeant.code, closed.code) == (2, 0)


def test_what_was_done_is_refused_by_its_name(shop: Shop) -> None:
    purchase, request = ordered(shop)
    shop.act("desk", "confirm", request, "a")
    shop.act("desk", "add-credits", shop.workspace, purchase)

    again = shop.act("desk", "confirm", request, "a")
    twice = shop.act("desk", "add-credits", shop.workspace, purchase)
    missing = shop.act("desk", "refund", shop.workspace, shop.workspace)

    assert '"code": "payment_known"' in again.errors
    assert '"code": "purchase_not_in_this_state"' in twice.errors
    assert (missing.code, '"code": "unknown_purchase"' in missing.errors) == (3, True)
