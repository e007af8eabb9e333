"""The desk over HTTP: a token opens the desk alone, a view reads one workspace, and no more."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from front_stage import PASSWORD, WHY, Front, code, open_front
from mutoscope.app import passwords, receive
from mutoscope.app.gateway import GatewayPayment, PaymentState
from mutoscope.domain.chat import default_thread_id
from mutoscope.domain.desk import DeskRules
from mutoscope.domain.offers import Money
from mutoscope.domain.staff_token import STAFF_PREFIX, VIEW_PREFIX, token_of

GOODWILL = {**WHY, "data": {"kind": "video", "credits": 40}}
FORGED = token_of(prefix=STAFF_PREFIX, secret=bytes(32))


@pytest.fixture
async def front(database_url: str, tmp_path: Path) -> AsyncIterator[Front]:
    async with open_front(database_url, tmp_path) as front:
        yield front


async def test_signing_in_needs_no_key_and_tells_nothing_of_who_there_is(front: Front) -> None:
    wrong = await front.ask("POST", "/v1/staff/sign-in", {"name": "ada", "password": "x"})
    nobody = await front.ask("POST", "/v1/staff/sign-in", {"name": "eve", "password": "x"})

    assert code(wrong) == (401, "bad_sign_in")
    assert wrong.json() == nobody.json()


async def test_a_name_tried_too_often_waits(front: Front) -> None:
    body = {"name": "eve", "password": "x"}
    for _ in range(passwords.TRIES_MAX):
        await front.ask("POST", "/v1/staff/sign-in", body)

    refused = await front.ask("POST", "/v1/staff/sign-in", body)

    assert code(refused) == (429, "too_many_tries")
    assert 590 < int(refused.headers["Retry-After"]) <= 600
    assert refused.json()["retry_after_s"] == int(refused.headers["Retry-After"])


@pytest.mark.parametrize(
    "path", ["", "/balances", "/history", "/jobs", "/projects"], ids=lambda path: path or "itself"
)
async def test_a_token_of_staff_opens_no_route_of_creators(front: Front, path: str) -> None:
    answer = await front.ask("GET", front.workspace + path, by="grace")

    assert code(answer) == (403, "not_for_staff")


async def test_who_asks_for_more_credits_waits_for_staff(front: Front) -> None:
    workspace_id = front.workspace.rpartition("/")[2]
    thread = f"{front.workspace}/threads/{default_thread_id(workspace_id=UUID(workspace_id))}"
    question = {"question": "more_credits"}

    await front.ask("POST", f"{thread}/questions", question, by="house", key="ask")

    found = await front.waiting("credit_requests")
    assert (found["workspace_id"], found["workspace"]) == (workspace_id, "Aurora")
    assert found["ordinal"] == 2


async def test_staff_make_nothing_in_a_creator_s_name(front: Front) -> None:
    view = await front.view()
    body = {"tool": "image_generation", "prompt": "a lighthouse"}

    by_token = await front.ask("POST", f"{front.workspace}/jobs", body, by="grace", key="job")
    by_view = await front.ask("POST", f"{front.workspace}/jobs", body, by=view, key="job")

    assert code(by_token) == (403, "not_for_staff")
    assert code(by_view) == (403, "view_is_read_only")


async def test_every_writing_route_refuses_a_view_and_a_token_of_staff(front: Front) -> None:
    view = await front.view()
    workspace_id = front.workspace.rpartition("/")[2]
    document = (await front.ask("GET", "/openapi.json", by="house")).json()
    routes = [
        (method.upper(), path.replace("{workspace_id}", workspace_id))
        for path, methods in document["paths"].items()
        for method in methods
        if method != "get" and path.startswith("/v1/workspaces")
    ]

    answers = {
        (route, by): code(await front.ask(*route, {}, by=by, key="press"))[1]
        for route in routes
        for by in (view, "grace")
        if "{" not in route[1]
    }

    assert len(answers) > 6
    assert set(answers.values()) == {"view_is_read_only", "not_for_staff"}


async def test_a_view_reads_its_workspace_and_nothing_else(front: Front) -> None:
    view = await front.view()

    inside = await front.ask("GET", f"{front.workspace}/balances", by=view)
    outside = [await front.ask("GET", path, by=view) for path in ("/v1/workspaces", "/v1/audit")]

    assert inside.status_code == 200
    assert {code(answer) for answer in outside} == {(403, "outside_view")}


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/openapi.json", "/", "/schema/openapi.json"]
)
@pytest.mark.parametrize(
    "token", [FORGED, f"{STAFF_PREFIX}x", token_of(prefix=VIEW_PREFIX, secret=bytes(32))]
)
async def test_a_forged_token_opens_nothing_at_all(front: Front, path: str, token: str) -> None:
    answer = await front.ask("GET", path, by=token)

    assert answer.status_code in {401, 403, 404}
    assert "application/problem+json" in answer.headers["content-type"]


async def test_two_headers_do_not_open_what_neither_does(front: Front) -> None:
    pairs = [("Authorization", "Bearer nothing"), ("Authorization", f"Bearer {FORGED}")]

    answers = [
        await front.api.client.get("/v1/workspaces", headers=headers)
        for headers in (pairs, pairs[::-1])
    ]

    assert {answer.status_code for answer in answers} == {401, 403}


async def test_the_key_of_the_house_is_nobody_s_name_at_the_desk(front: Front) -> None:
    answers = [
        await front.ask("GET", "/v1/desk/actions", by="house"),
        await front.ask("GET", "/v1/audit", by="house"),
        await front.act("goodwill", GOODWILL, by="house"),
    ]

    assert {code(answer) for answer in answers} == {(401, "staff_needed")}


async def test_an_action_is_done_once_and_its_repeat_says_so(front: Front) -> None:
    first = await front.act("goodwill", GOODWILL)
    again = await front.act("goodwill", GOODWILL)
    other = await front.act("goodwill", GOODWILL, by="ada")

    assert (first.status_code, first.json()["state"]) == (201, "done")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert (code(other), other.json()["by"]) == ((409, "already_done"), "grace")


async def test_an_action_without_key_or_with_a_bad_field_is_refused(front: Front) -> None:
    unkeyed = await front.act("goodwill", GOODWILL, key="")
    unknown = await front.act("gift", GOODWILL)
    wrong = await front.act("goodwill", {**WHY, "data": {"kind": "video"}})

    assert code(unkeyed) == (400, "idempotency_key_missing")
    assert code(unknown) == (404, "unknown_desk_action")
    assert (code(wrong), wrong.json()["field"]) == ((422, "bad_desk_data"), "credits")


def rule(front: Front) -> None:
    """Let everything that moves more than 10 credits take two people."""
    house = front.api.house
    (version,) = house.studio.catalog.versions
    desk = replace(version, desk=DeskRules(four_eyes_above=10))
    object.__setattr__(house, "studio", replace(
        house.studio, catalog=replace(house.studio.catalog, versions=(desk,))
    ))  # fmt: skip


async def test_above_the_limit_another_approves(front: Front) -> None:
    rule(front)
    proposed = (await front.act("goodwill", GOODWILL)).json()
    path = f"/v1/proposals/{proposed['proposal']['proposal_id']}"

    own = await front.ask("POST", f"{path}/approve", WHY, by="grace")
    approved = await front.ask("POST", f"{path}/approve", WHY, by="ada")
    listed = await front.ask("GET", "/v1/proposals?only=approved", by="root")
    late = await front.ask("POST", f"{path}/refuse", WHY, by="ada")

    assert proposed["state"] == "proposed"
    assert code(own) == (403, "second_person_needed")
    assert (approved.json()["by"], approved.json()["proposal"]["state"]) == ("ada", "approved")
    assert [each["state"] for each in listed.json()["proposals"]] == ["approved"]
    assert code(late) == (409, "proposal_decided")


async def test_a_promo_code_is_held_against_the_limit_by_all_it_gives(front: Front) -> None:
    rule(front)
    data = {"promo_code": "SPRING", "kind": "video", "credits": 10, "lasts_days": 30}

    alone = await front.decide("offer_promo", data | {"redemptions_max": 1})
    taken = await front.decide("offer_promo", data | {"redemptions_max": 1}, key="again")
    bad = await front.decide("offer_promo", data | {"redemptions_max": 1, "kind": "x"}, key="bad")
    both = (
        await front.decide(
            "offer_promo", data | {"redemptions_max": 2, "promo_code": "MAY"}, key="2"
        )
    ).json()
    path = f"/v1/proposals/{both['proposal']['proposal_id']}/approve"
    approved = await front.ask("POST", path, WHY, by="grace")

    assert (alone.status_code, alone.json()["state"], both["state"]) == (201, "done", "proposed")
    assert (code(taken), code(bad)) == ((409, "promo_taken"), (422, "bad_promo"))
    assert approved.json()["proposal"]["state"] == "approved"


async def test_proposals_are_refused_withdrawn_shown_and_paged(front: Front) -> None:
    rule(front)
    made = [(await front.act("goodwill", GOODWILL, key=f"k{n}")).json() for n in range(2)]
    paths = [f"/v1/proposals/{each['proposal']['proposal_id']}" for each in made]

    refused = await front.ask("POST", f"{paths[0]}/refuse", WHY, by="ada")
    withdrawn = await front.ask("POST", f"{paths[1]}/withdraw", WHY, by="grace")
    shown = await front.ask("GET", paths[1], by="root")
    page = (await front.ask("GET", "/v1/proposals?limit=1", by="root")).json()
    rest = (await front.ask("GET", f"/v1/proposals?after={page['next']}", by="root")).json()

    assert (refused.json()["state"], withdrawn.json()["state"]) == ("refused", "withdrawn")
    assert shown.json() == withdrawn.json() == page["proposals"][0]
    assert (len(rest["proposals"]), rest["next"]) == (1, None)


async def test_the_audit_is_read_by_pages_and_proved(front: Front) -> None:
    await front.act("goodwill", GOODWILL)

    page = (await front.ask("GET", "/v1/audit?limit=3", by="ada")).json()
    rest = (await front.ask("GET", f"/v1/audit?after={page['next']}", by="ada")).json()
    proof = (await front.ask("GET", "/v1/audit/verification", by="ada")).json()

    assert [line["sequence"] for line in page["lines"] + rest["lines"]] == [4, 3, 2, 1]
    assert (page["lines"][0]["name"], page["lines"][0]["reason"]) == ("grace", WHY["reason"])
    assert (rest["lines"][-1]["name"], rest["next"]) == ("operator", None)
    assert (proof["is_clean"], proof["head"]) == (True, page["lines"][0]["hash"])


async def test_a_workspace_is_forgotten_by_an_admin_once_it_is_closed(front: Front) -> None:
    early = await front.act("erase_workspace", WHY, by="root")
    await front.act("close", WHY, by="root", key="close")
    finance = await front.act("erase_workspace", WHY, by="ada")

    done = await front.act("erase_workspace", WHY, by="root")

    assert code(early) == (409, "workspace_open")
    assert code(finance) == (403, "not_allowed")
    assert (done.status_code, done.json()["state"]) == (201, "done")
    shown = (await front.ask("GET", front.workspace, by="house")).json()
    assert (shown["name"], shown["email"]) == ("erased", None)


async def test_the_desk_tells_what_can_be_done_and_by_whom(front: Front) -> None:
    listed = (await front.ask("GET", "/v1/desk/actions", by="root")).json()
    people = (await front.ask("GET", "/v1/staff", by="root")).json()["staff"]

    goodwill = next(each for each in listed["actions"] if each["action"] == "goodwill")
    assert (goodwill["may"], goodwill["is_mine"]) == (["support", "finance"], False)
    assert [field["name"] for field in goodwill["fields"]] == ["kind", "credits", "expires_at"]
    assert [each["name"] for each in people] == ["root", "grace", "ada"]
    assert "password" not in people[0]


async def money_of_nobody(front: Front) -> dict[str, str]:
    """Let a payment come that names a request which is not here."""
    studio = front.api.house.studio
    payment = GatewayPayment(
        reference="pi_9", request_id=uuid4(), state=PaymentState.SUCCEEDED,
        total=Money(amount=900, currency="USD"), created_at=studio.clock.now(),
    )  # fmt: skip
    came = await receive.receive(studio, gateway="stripe", payment=payment)
    return {"payment_id": str(came.payment_id)}


async def test_money_of_nobody_is_noted_sent_back_and_confirmed(front: Front) -> None:
    about = await money_of_nobody(front)

    await front.decide("keep_payment", about)
    parked = await front.waiting("payments")
    await front.decide("return_payment", about)
    late = await front.decide("return_payment", about, by="grace", key="late")
    asked = await front.waiting("refunds")
    data = {"refund_id": asked["refund_id"], "outcome": "sent", "reference": "RF18"}
    sent = await front.decide("confirm_refund", data)

    note = (parked["workspace_id"], parked["note"]["by"], parked["note"]["text"])
    assert note == (None, "ada", WHY["reason"])
    assert (asked["workspace_id"], asked["is_by_hand"]) == (None, True)
    assert (sent.status_code, sent.json()["data"]["reference"]) == (201, "RF18")
    assert code(late) == (409, "not_parked")


async def test_what_is_a_workspace_s_is_not_done_for_nobody(front: Front) -> None:
    path = "/v1/desk/nobody/actions/keep_payment"
    threaded = {**WHY, "data": {}, "thread_id": str(uuid4())}

    answer = await front.decide("goodwill", GOODWILL["data"])
    refused = await front.ask("POST", path, threaded, by="ada", key="2")

    assert code(answer) == (404, "unknown_workspace")
    assert refused.status_code == 400
    assert "thread_id" in refused.text


async def test_a_card_lands_in_the_named_thread_and_in_none_of_another_workspace(
    front: Front,
) -> None:
    opened = await front.ask("POST", f"{front.workspace}/threads", {}, by="house", key="t")
    thread_id = opened.json()["thread_id"]

    unknown = await front.act("goodwill", {**GOODWILL, "thread_id": str(uuid4())})
    done = await front.act("goodwill", {**GOODWILL, "thread_id": thread_id})

    place = f"{front.workspace}/threads/{thread_id}/messages"
    (card,) = (await front.ask("GET", place, by="house")).json()["messages"]
    assert code(unknown) == (404, "unknown_thread")
    assert (done.status_code, "Idempotency-Replayed" in done.headers) == (201, False)
    assert card["card"] == "goodwill"


async def test_the_password_is_given_again_and_the_token_given_back(front: Front) -> None:
    again = await front.ask("POST", "/v1/staff/authenticate", {"password": PASSWORD}, by="ada")
    out = await front.ask("POST", "/v1/staff/sign-out", by="ada")
    after = await front.ask("GET", "/v1/desk/actions", by="ada")

    assert (again.status_code, again.json()["name"]) == (200, "ada")
    assert out.status_code == 200
    assert code(after) == (401, "bad_staff_token")


async def test_the_rules_of_the_desk_are_not_told_to_creators(front: Front) -> None:
    rule(front)

    shown = (await front.ask("GET", "/v1/catalog", by="house")).json()

    assert shown["desk"] == {"four_eyes_above": None, "budgets": []}


async def test_a_password_is_changed_with_the_old_one_and_no_key(front: Front) -> None:
    wish = {"name": "grace", "password": PASSWORD, "new_password": "nobody else knows"}

    wrong = await front.ask("POST", "/v1/staff/password", {**wish, "password": "x"})
    short = await front.ask("POST", "/v1/staff/password", {**wish, "new_password": "short"})
    changed = await front.ask("POST", "/v1/staff/password", wish)
    ended = await front.ask("GET", "/v1/staff", by="grace")
    body = {"name": "grace", "password": "nobody else knows"}
    again = await front.ask("POST", "/v1/staff/sign-in", body)

    assert (code(wrong), code(short)) == ((401, "bad_sign_in"), (422, "bad_staff"))
    assert changed.status_code == 204
    assert code(ended) == (401, "bad_staff_token")
    assert again.status_code == 200
