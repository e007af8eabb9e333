"""Alerts, forecasts, advice and webhooks over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api_client import Api, open_api, operation
from hook_receiver import receiving
from mutoscope.app.alerts import alert
from mutoscope.bootstrap import House, open_house
from mutoscope.settings import read_settings
from mutoscope.web.application import build_app
from mutoscope.worker import alerts as loops

HOOK = {"url": "https://hooks.example.com/mutoscope", "event_types": ["alert.raised"]}


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(database_url, tmp_path) as api:
        yield api


async def emptied(api: Api, name: str = "Aurora") -> str:
    """Open a workspace, spend its trial bit by bit, and let the alerts see each step."""
    workspace = await api.workspace(name)
    await alert(api.house.studio)
    for key, amount in (("first", 40), ("second", 7), ("third", 3)):
        await api.batch(workspace, operation("charge", key, amount))
        await alert(api.house.studio)
    return workspace


async def add(api: Api, workspace: str, *, url: str = "") -> dict[str, Any]:
    wanted = {"url": url} if url else HOOK
    added = await api.post(f"{workspace}/webhooks", wanted, key="hook-1")
    assert added.status_code == 201, added.text
    return added.json()


async def test_alerts_are_listed_newest_first_page_by_page(api: Api) -> None:
    workspace = await emptied(api)

    first = (await api.get(f"{workspace}/alerts", params={"limit": 2})).json()
    after = {"limit": 2, "after": first["next"]}
    second = (await api.get(f"{workspace}/alerts", params=after)).json()

    found = [(each["code"], each["credits"]) for each in first["alerts"] + second["alerts"]]
    assert found == [("trial_exhausted", 0), ("balance_low", 3), ("balance_low", 10)]
    assert second["next"] is None
    assert first["alerts"][0]["data"]["plans"][0]["plan"] == "essential"


async def test_an_alert_that_was_read_is_not_unread(api: Api) -> None:
    workspace = await emptied(api)
    found = (await api.get(f"{workspace}/alerts")).json()["alerts"]
    await api.post(f"{workspace}/alerts/{found[0]['alert_id']}/read")

    unread = (await api.get(f"{workspace}/alerts", params={"unread": "true"})).json()["alerts"]
    rest = await api.post(f"{workspace}/alerts/read")

    assert unread == found[1:]
    assert rest.json() == {"read": 2}


async def test_another_workspace_s_alert_is_not_found(api: Api) -> None:
    workspace = await emptied(api)
    other = await api.workspace("Borealis")
    (found, *_) = (await api.get(f"{workspace}/alerts")).json()["alerts"]

    refused = await api.post(f"{other}/alerts/{found['alert_id']}/read")

    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_alert")
    assert (await api.get(f"{other}/alerts")).json() == {"alerts": [], "next": None}


async def test_preferences_are_on_until_they_are_set(api: Api) -> None:
    workspace = await api.workspace()
    place = f"{workspace}/alert-preferences"
    wish = {"by_email": False, "by_webhook": True}

    before = (await api.get(place)).json()["preferences"]
    after = (await api.client.put(f"{place}/balance_low", json=wish)).json()["preferences"]
    unknown = await api.client.put(f"{place}/weather", json=wish)

    assert all(each["by_email"] and each["by_webhook"] for each in before)
    assert [each["code"] for each in after if not each["by_email"]] == ["balance_low"]
    assert unknown.status_code == 400


async def test_a_forecast_is_told(api: Api) -> None:
    workspace = await api.workspace()

    told = (await api.get(f"{workspace}/forecast")).json()
    unknown = await api.get("/v1/workspaces/00000000-0000-0000-0000-000000000001/forecast")

    (image,) = told["forecasts"]
    assert (image["kind"], image["spendable"], image["confidence"]) == ("image", 50, "accumulating")
    assert image["lapses"][0]["best"]["pieces"] == 50
    assert unknown.json()["code"] == "unknown_workspace"


async def test_advice_is_told_of_a_board(api: Api) -> None:
    workspace = await api.workspace()
    made = (await api.post(f"{workspace}/projects", {"name": "Rain"})).json()
    place = f"{workspace}/projects/{made['project_id']}/advice"

    told = (await api.get(place)).json()

    assert (told["action"], told["kinds"], told["plan"]) == ("nothing", [], None)


async def test_a_secret_is_shown_when_it_is_made_and_never_listed(api: Api) -> None:
    workspace = await api.workspace()
    made = await add(api, workspace)

    listed = await api.get(f"{workspace}/webhooks")
    again = await api.post(f"{workspace}/webhooks", HOOK, key="hook-1")
    other = await api.post(f"{workspace}/webhooks", {**HOOK, "event_types": []}, key="hook-1")

    assert made["secret"].startswith("whsec_")
    assert "secret" not in listed.text.replace("previous_secret", "")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (made, "true")
    assert other.json()["code"] == "key_reused"


async def test_a_webhook_is_changed_rotated_and_removed(api: Api) -> None:
    workspace = await api.workspace()
    made = await add(api, workspace)
    place = f"{workspace}/webhooks/{made['endpoint_id']}"

    off = await api.client.put(place, json={"url": HOOK["url"], "is_on": False})
    rotated = await api.post(f"{place}/rotate", key="turn-1")
    removed = await api.client.delete(place)

    assert (off.json()["is_on"], off.json()["off_reason"]) == (False, "asked")
    assert rotated.json()["secret"] != made["secret"]
    assert removed.status_code == 204
    assert (await api.get(f"{place}/deliveries")).json()["code"] == "unknown_endpoint"


async def test_a_webhook_leads_to_no_address_inside(api: Api) -> None:
    workspace = await api.workspace()

    refused = await api.post(f"{workspace}/webhooks", {"url": "http://127.0.0.1/"}, key="hook")

    assert (refused.status_code, refused.json()["code"]) == (422, "bad_webhook_address")


async def test_another_workspace_s_webhook_is_not_found(api: Api) -> None:
    made = await add(api, await api.workspace())
    other = await api.workspace("Borealis")
    place = f"{other}/webhooks/{made['endpoint_id']}"

    answers = [
        await api.client.put(place, json={"url": HOOK["url"]}),
        await api.client.delete(place),
        await api.post(f"{place}/rotate", key="turn"),
        await api.get(f"{place}/deliveries"),
        await api.post(f"{place}/deliveries/{made['endpoint_id']}/replay"),
    ]

    assert {answer.json()["code"] for answer in answers} == {"unknown_endpoint"}


async def test_a_worker_tells_a_local_receiver_where_that_is_allowed(
    database_url: str, tmp_path: Path
) -> None:
    local = {"DATABASE_URL": database_url, "MUTOSCOPE_DATA": str(tmp_path)}
    settings = read_settings({**local, "MUTOSCOPE_WEBHOOKS_LOCAL": "yes"})
    async with open_house(settings) as house, receiving() as receiver, calling(house) as caller:
        api = Api(caller, house)
        workspace = await api.workspace()
        made = await add(api, workspace, url=receiver.url)
        await api.batch(workspace, operation("charge", "all", 50))
        await loops.look(house)
        await loops.send(house)

        place = f"{workspace}/webhooks/{made['endpoint_id']}/deliveries"
        (delivery,) = (await api.get(place)).json()["deliveries"]
        assert receiver.verified(made["secret"])["data"]["code"] == "trial_exhausted"
        assert (delivery["state"], delivery["event_id"]) == ("delivered", receiver.ids()[0])


def calling(house: House) -> httpx.AsyncClient:
    app = build_app(house=house, api_key="")
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")
