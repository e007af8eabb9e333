"""What staff do over HTTP beside the desk: the outbox, promo codes, the books of gateways."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from front_stage import WHY, Front, code, open_front
from mail_server import open_mail_server
from mutoscope.app import members, post, sign_up
from mutoscope.app.letter import LEFT_OUT, without_keys
from mutoscope.app.members import InvitationWish
from payment_stage import Till, deliver, open_till, till_settings

OUTBOX = "/v1/desk/outbox"
BOOKS = "/v1/desk/reconciliations"
CAME_BACK = {**WHY, "said": "550 no such user"}
PROMO = {"kind": "video", "credits": 10, "lasts_days": 30, "redemptions_max": 2}


@pytest.fixture
async def front(database_url: str, tmp_path: Path) -> AsyncIterator[Front]:
    async with open_front(database_url, tmp_path) as front:
        yield front


@pytest.fixture
async def till() -> AsyncIterator[Till]:
    async with open_till() as till:
        yield till


@pytest.fixture
async def shop(till: Till, database_url: str, tmp_path: Path) -> AsyncIterator[Front]:
    """A front whose payments come over Stripe."""
    async with open_front(database_url, tmp_path, more=till_settings(till)) as front:
        yield front


async def signed_up(front: Front, name: str) -> str:
    """Let somebody sign up, and return the path of the message with the code."""
    studio = front.api.house.studio
    await sign_up.sign_up(studio, name=name, email=f"{name}@example.com", zone="UTC")
    listed = (await front.ask("GET", f"{OUTBOX}?limit=1", by="grace")).json()
    return f"{OUTBOX}/{listed['messages'][0]['message_id']}"


async def handed_over(front: Front, folder: Path) -> None:
    """Let a mail server take whatever is due."""
    async with open_mail_server(folder) as server:
        studio = replace(front.api.house.studio, mailer=server.mailer())
        while await post.send_due(studio):
            pass


async def sent(front: Front, path: str, what: str, body: object) -> httpx.Response:
    return await front.ask("POST", f"{path}/{what}", body, by="grace")


async def lines(front: Front, action: str) -> list[dict[str, Any]]:
    """Return the lines of the audit of an action."""
    found = (await front.ask("GET", "/v1/audit?limit=200", by="ada")).json()["lines"]
    return [each for each in found if each["action"] == action]


async def test_the_outbox_is_listed_by_pages_and_by_state(front: Front) -> None:
    paths = [await signed_up(front, name) for name in ("mara", "noor")]

    first = (await front.ask("GET", f"{OUTBOX}?limit=1", by="grace")).json()
    after = f"{OUTBOX}?limit=200&after={first['next']}"
    rest = (await front.ask("GET", after, by="grace")).json()
    none = (await front.ask("GET", f"{OUTBOX}?state=bounced&state=sent", by="grace")).json()

    told = [each["message_id"] for each in (*first["messages"], *rest["messages"])]
    assert [f"{OUTBOX}/{each}" for each in told[:2]] == paths[::-1]
    assert (rest["next"], none) == (None, {"messages": [], "next": None})
    assert (first["messages"][0]["state"], "body" in first["messages"][0]) == ("queued", False)


async def test_what_opens_something_of_a_person_s_is_left_out_of_a_message(front: Front) -> None:
    path = await signed_up(front, "mara")
    studio, workspace_id = front.api.house.studio, UUID(front.workspace.rpartition("/")[2])
    wish = InvitationWish(email="noor@example.com")
    await members.invite(studio, workspace_id=workspace_id, wish=wish, key="invite")
    newest = (await front.ask("GET", f"{OUTBOX}?limit=1", by="ada")).json()["messages"][0]

    code_told = (await front.ask("GET", path, by="ada")).json()["body"]
    invited = (await front.ask("GET", f"{OUTBOX}/{newest['message_id']}", by="ada")).json()["body"]

    assert code_told.startswith(f"Your code is {LEFT_OUT}. It is valid for 30 minutes.")
    assert invited.endswith(f"once: mutoscope member accept {workspace_id} {LEFT_OUT}")


def test_a_link_is_left_out_whatever_follows_it() -> None:
    body = "Pay here: https://studio.example/pay/abc?x=1\nOr: http://127.0.0.1:8620/i/tok. Thanks."

    assert without_keys(body) == f"Pay here: {LEFT_OUT}\nOr: {LEFT_OUT} Thanks."


async def test_a_message_is_sent_again_and_its_bounce_noted_with_a_line_each(
    front: Front, tmp_path: Path
) -> None:
    path = await signed_up(front, "mara")
    early = await sent(front, path, "bounced", CAME_BACK)
    await handed_over(front, tmp_path)

    noted = await sent(front, path, "bounced", CAME_BACK)
    again = await sent(front, path, "bounced", CAME_BACK)
    queued = await sent(front, path, "send", WHY)

    assert code(early) == (409, "message_under_way")
    assert (noted.json()["state"], noted.json()["failure"]) == ("bounced", "550 no such user")
    assert again.json() == noted.json()
    assert (queued.json()["state"], queued.json()["is_repeat"]) == ("queued", True)
    for action in ("note_bounce", "send_message"):
        (line,) = await lines(front, action)
        assert (line["name"], line["reason"]) == ("grace", WHY["reason"])
        assert path.endswith(line["data"]["message_id"])


async def test_promo_codes_are_listed_with_their_use_by_pages(front: Front) -> None:
    for name in ("SPRING", "MAY"):
        await front.decide("offer_promo", PROMO | {"promo_code": name}, key=name)
    await front.ask("POST", f"{front.workspace}/promo-codes", {"code": "MAY"}, by="house")

    first = (await front.ask("GET", "/v1/desk/promo-codes?limit=1", by="root")).json()
    path = f"/v1/desk/promo-codes?after={first['next']}"
    rest = (await front.ask("GET", path, by="root")).json()
    bad = await front.ask("GET", "/v1/desk/promo-codes?after=x", by="root")

    (may,), (spring,) = first["promo_codes"], rest["promo_codes"]
    assert (may["code"], may["redeemed"], may["redemptions_max"]) == ("MAY", 1, 2)
    assert (spring["code"], spring["redeemed"], rest["next"]) == ("SPRING", 0, None)
    assert code(bad) == (400, "bad_cursor")


async def credited(front: Front, amount: int | None, key: str) -> httpx.Response:
    """Credit the one invoice that there is."""
    found = (await front.ask("GET", f"{front.workspace}/invoices", by="house")).json()["invoices"]
    invoice = next(each for each in found if each["kind"] == "invoice")
    data = {"invoice_id": invoice["invoice_id"]} | ({"amount": amount} if amount else {})
    return await front.act("credit_invoice", {**WHY, "data": data}, by="ada", key=key)


async def test_an_invoice_is_credited_by_hand_once_a_key(front: Front) -> None:
    part = await credited(front, 900, "part")
    again = await credited(front, 900, "part")
    await credited(front, None, "rest")
    more = await credited(front, None, "more")

    place = f"{front.workspace}/invoices/{part.json()['data']['credit_note_id']}"
    note = (await front.ask("GET", place, by="house")).json()
    assert (note["kind"], note["total"], note["reason"]) == ("credit_note", 900, WHY["reason"])
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (part.json(), "true")
    assert code(more) == (409, "credit_exceeds_invoice")


async def test_events_of_gateways_are_listed_and_a_missed_payment_is_counted(
    shop: Front, till: Till
) -> None:
    paid = await till.pay()
    for event in await till.events():
        await deliver(shop.api.house.studio, event)

    first = (await shop.ask("GET", "/v1/desk/payment-events?limit=1", by="ada")).json()
    path = f"/v1/desk/payment-events?is_waiting=true&after={first['next']}"
    rest = (await shop.ask("GET", path, by="ada")).json()
    compared = await shop.ask("POST", BOOKS, WHY, by="ada")
    mended = await shop.ask("POST", BOOKS, {**WHY, "is_mending": True}, by="ada")

    waits = {each["code"] for each in (*first["events"], *rest["events"])}
    assert (first["next"] is not None, "payment_intent.succeeded" in waits) == (True, True)
    assert compared.json()["differences"][0]["reference"] == paid.reference
    assert (mended.json()["handed_over"], mended.json()["is_equal"]) == ([paid.reference], True)
    (line,) = await lines(shop, "reconcile")
    assert (line["name"], line["reason"]) == ("ada", WHY["reason"])


async def test_books_are_compared_from_an_instant_of_a_gateway_that_there_is(shop: Front) -> None:
    since = {**WHY, "since": "2026-01-01T00:00:00Z", "gateway": "stripe"}

    found = await shop.ask("POST", BOOKS, since, by="ada")
    unknown = await shop.ask("POST", BOOKS, {**WHY, "gateway": "x"}, by="ada")
    naive = await shop.ask("POST", BOOKS, {**WHY, "since": "2026-01-01T00:00:00"}, by="ada")

    assert found.json()["since"] == since["since"]
    assert (code(unknown), code(naive)) == ((404, "unknown_gateway"), (400, "naive_instant"))
