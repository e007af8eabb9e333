"""What an operator does over HTTP: renewals at once, routes and orders in doubt, the staff."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from company_stage import UNANSWERED, ScriptedCompany, route
from front_stage import PASSWORD, WHY, Front, code, open_front
from mutoscope.app import renew_now
from mutoscope.app.acts import NOBODYS
from mutoscope.app.advance import advance
from mutoscope.domain.routes import RouteTable
from mutoscope.storage import routes

RENEWALS = "/v1/desk/renewals"
NOOR = {
    **WHY, "name": "noor", "email": "noor@studio.example", "password": PASSWORD,
    "roles": ["support"],
}  # fmt: skip


@pytest.fixture
async def front(database_url: str, tmp_path: Path) -> AsyncIterator[Front]:
    async with open_front(database_url, tmp_path) as front:
        yield front


async def said(front: Front, action: str) -> tuple[str, str]:
    """Return who did something, and why, by the only line of it in the audit."""
    found = (await front.ask("GET", "/v1/audit?limit=200", by="ada")).json()["lines"]
    (line,) = [each for each in found if each["action"] == action]
    return line["name"], line["reason"]


async def execute(front: Front, query: str) -> None:
    async with front.api.house.studio.reading() as connection:
        await connection.execute(query)


async def test_what_is_due_is_told_and_done_at_once(front: Front) -> None:
    await execute(front, "UPDATE wallets SET wake_at = now() - interval '1 minute'")

    before = (await front.ask("GET", RENEWALS, by="grace")).json()
    ran = await front.ask("POST", RENEWALS, WHY, by="ada")
    after = (await front.ask("GET", RENEWALS, by="grace")).json()

    assert (before["due"]["wallets"], before["is_running"]) == (2, False)
    assert (ran.json()["wallets"], ran.json()["is_complete"]) == (2, True)
    assert (after["due"]["wallets"], ran.json()["failures"]) == (0, [])
    assert await said(front, "renew") == ("ada", WHY["reason"])


async def test_what_cannot_be_renewed_is_named_and_stays_due(front: Front) -> None:
    await execute(front, "UPDATE wallets SET wake_at = now() - interval '1 minute'")
    await execute(front, "UPDATE standing_grants SET zone = 'Mars/Olympus' WHERE kind = 'video'")

    ran = (await front.ask("POST", RENEWALS, WHY, by="ada")).json()

    (failure,) = ran["failures"]
    assert failure["workspace_id"] == front.workspace.rpartition("/")[2]
    assert (failure["kind"], failure["subscription_id"]) == ("video", None)
    assert failure["reason"].startswith("unknown_zone: ")
    assert (await front.ask("GET", RENEWALS, by="ada")).json()["due"]["wallets"] == 1


async def test_a_run_without_time_leaves_the_rest_and_a_second_waits(front: Front) -> None:
    house = front.api.house
    ran = await renew_now.renew_now(house.studio, url=house.database_url, act=NOBODYS, timeout_s=0)
    shared = front.api.client._transport.app._app._app.shared

    async with shared["renewing"]:
        busy = await front.ask("POST", RENEWALS, WHY, by="ada")
        told = (await front.ask("GET", RENEWALS, by="ada")).json()

    assert (ran.is_complete, ran.renewal.wallets) == (False, 0)
    assert (code(busy), busy.headers["Retry-After"]) == ((429, "renewal_under_way"), "2")
    assert told["is_running"] is True


def over_acme(front: Front, folder: Path) -> ScriptedCompany:
    """Let a company make the stills of the house."""
    house, acme = front.api.house, ScriptedCompany(folder)
    studio = replace(
        house.studio, generators={**house.studio.generators, "acme": acme},
        providers={"acme": acme}, routes=RouteTable(routes=(route("acme"),)),
    )  # fmt: skip
    object.__setattr__(house, "studio", studio)
    return acme


async def in_doubt(front: Front, folder: Path) -> str:
    """Order a still whose answer is lost, and return the path of its job at the desk."""
    over_acme(front, folder).mishap = UNANSWERED
    wish = {"tool": "image_generation", "prompt": "a lighthouse"}
    job = (await front.ask("POST", f"{front.workspace}/jobs", wish, by="house", key="job")).json()
    place = {"workspace_id": UUID(job["workspace_id"]), "job_id": UUID(job["job_id"])}
    await advance(front.api.house.studio, **place)
    return f"{front.workspace.replace('/v1/', '/v1/desk/')}/jobs/{job['job_id']}"


async def test_an_order_in_doubt_is_listed_and_closed_once(front: Front, tmp_path: Path) -> None:
    path = await in_doubt(front, tmp_path)

    waits = (await front.ask("GET", "/v1/desk/orders-in-doubt", by="grace")).json()["orders"]
    closed = await front.ask("POST", f"{path}/finding", {**WHY, "cost_micros": 5}, by="ada")
    again = await front.ask("POST", f"{path}/finding", WHY, by="ada")
    job = await front.ask("GET", path.replace("/desk/", "/"), by="house")

    assert [each["job_id"] for each in waits] == [path.rpartition("/")[2]]
    assert (closed.json()["is_followed"], job.json()["state"]) == (False, "failed")
    assert code(again) == (409, "not_in_doubt")
    assert await said(front, "resolve_order") == ("ada", WHY["reason"])


async def test_a_parked_route_is_told_and_goes_again(front: Front, tmp_path: Path) -> None:
    over_acme(front, tmp_path)
    studio, key = front.api.house.studio, route("acme").key
    async with studio.reading() as connection:
        await routes.park(connection, route=key, reason="no_funds", at=studio.clock.now())

    before = (await front.ask("GET", "/v1/desk/routes", by="grace")).json()["routes"]
    after = await front.ask("POST", f"/v1/desk/routes/{key}/unpark", WHY, by="ada")
    again = await front.ask("POST", f"/v1/desk/routes/{key}/unpark", WHY, by="ada")
    unknown = await front.ask("POST", "/v1/desk/routes/x/unpark", WHY, by="ada")

    assert [each["state"] for each in before] == ["parked: no_funds"]
    assert [each["state"] for each in after.json()["routes"]] == ["open"]
    assert (code(again), code(unknown)) == ((409, "route_not_parked"), (404, "unknown_route"))
    assert await said(front, "unpark_route") == ("ada", WHY["reason"])


async def kept(front: Front, method: str, path: str, body: object) -> httpx.Response:
    where = f"/v1/staff/{path}" if path else "/v1/staff"
    return await front.ask(method, where, body, by="root")


async def test_an_admin_takes_in_changes_and_lets_go(front: Front) -> None:
    added = await kept(front, "POST", "", NOOR)
    twice = await kept(front, "POST", "", NOOR)
    changed = await kept(front, "PUT", "noor/roles", {**WHY, "roles": ["finance"]})
    left = await kept(front, "POST", "noor/leave", WHY)
    gone = await kept(front, "POST", "noor/leave", WHY)

    assert (added.status_code, added.json()["roles"]) == (201, ["support"])
    assert (code(twice), code(gone)) == ((409, "staff_name_taken"), (404, "unknown_staff"))
    assert (changed.json()["roles"], left.json()["state"]) == (["finance"], "left")
    assert "password" not in added.json()
    for action in ("set_roles", "leave"):
        assert await said(front, action) == ("root", WHY["reason"])


async def test_a_password_that_is_given_ends_what_was_open(front: Front) -> None:
    new = {"name": "grace", "password": "for this once only"}
    given = await kept(front, "POST", "grace/password", {**WHY, "password": new["password"]})

    ended = await front.ask("GET", "/v1/staff", by="grace")
    signed_in = await front.ask("POST", "/v1/staff/sign-in", new)

    assert given.status_code == 204
    assert code(ended) == (401, "bad_staff_token")
    assert code(signed_in) == (403, "temporary_password")


async def test_the_last_admin_stays_and_old_passwords_do_not_do(front: Front) -> None:
    last = await kept(front, "POST", "root/leave", WHY)
    nothing = await kept(front, "PUT", "grace/roles", {**WHY, "roles": []})
    await execute(
        front, "UPDATE staff_tokens SET authenticated_at = authenticated_at - interval '1 hour'"
    )
    stale = await kept(front, "POST", "grace/leave", WHY)

    assert (code(last), code(nothing)) == ((409, "last_admin"), (422, "bad_staff"))
    assert code(stale) == (403, "not_reauthenticated")
