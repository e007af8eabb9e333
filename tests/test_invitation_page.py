"""The page behind an invitation: looking changes nothing, a press of the button lets in, once."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from api_client import Api, open_api
from mutoscope.storage import workspaces

KEY = "a-long-secret"
ELSEWHERE = ("203.0.113.7", 4_000)
PUBLIC = "https://studio.example"
NASTY = '<script>alert("x")</script>'


@dataclass(frozen=True, kw_only=True)
class Invited:
    """A workspace, an invitation to it, and the path of the link in its mail."""

    place: str
    invitation: str
    path: str


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    more = {"MUTOSCOPE_PUBLIC_URL": PUBLIC}
    async with open_api(
        database_url, tmp_path, api_key=KEY, client=ELSEWHERE, more=more
    ) as api:  # fmt: skip
        api.client.headers["Authorization"] = f"Bearer {KEY}"
        yield api


@pytest.fixture
async def made(api: Api) -> Invited:
    return await invited(api)


async def invited(
    api: Api, *, workspace: str = "Corona", owner: str = "grace", **more: object
) -> Invited:
    """Open a workspace whose owner invites somebody by mail."""
    content = {"name": workspace, "email": f"{owner}@example.com", "zone": "Europe/Berlin"}
    opened = await api.post("/v1/workspaces", content | {"is_demo": True}, key=workspace)
    place = opened.headers["Location"]
    (first,) = (await api.get(f"{place}/members")).json()["members"]
    wish = {"email": "ada@example.com", "name": "Ada", "by": first["member_id"]} | more
    answer = await api.post(f"{place}/invitations", wish, key="ada")
    assert answer.status_code == 201, answer.text
    return Invited(
        place=place, invitation=answer.json()["invitation_id"], path=await mailed(api, place)
    )


async def mailed(api: Api, place: str) -> str:
    """Return the path of the link in the last mail."""
    workspace_id = UUID(place.rpartition("/")[2])
    async with api.house.studio.reading() as connection:
        (letter, *_) = await workspaces.outbox(connection, workspace_id=workspace_id, limit=1)
    found = re.search(rf"{PUBLIC}(/invitations/\S+)$", letter.body)
    assert found is not None, letter.body
    return found[1]


async def opened(api: Api, path: str) -> httpx.Response:
    """Open a path without the key, as a browser does."""
    return await api.client.get(path, headers={"Authorization": ""})


async def pressed(api: Api, path: str, **fields: str) -> httpx.Response:
    """Send the form of a page without the key."""
    return await api.client.post(path, data=fields, headers={"Authorization": ""})


async def state_of(api: Api, made: Invited) -> str:
    """Return how the membership of who was invited stands."""
    (_, member) = (await api.get(f"{made.place}/members")).json()["members"]
    return str(member["state"])


async def change(api: Api, statement: str) -> None:
    async with api.house.studio.reading() as connection:
        await connection.execute(statement)


def told(page: httpx.Response) -> str:
    """Return what a page says, without its markup."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text.partition("<main>")[2])).split())


async def test_the_page_tells_what_is_accepted_and_changes_nothing(api: Api, made: Invited) -> None:
    pages = [await opened(api, made.path) for _ in range(2)]

    page = pages[0]
    assert (page.status_code, page.headers["Content-Type"][:9]) == (200, "text/html")
    assert "<h2>You are invited to Corona</h2>" in page.text
    assert "Invited by grace@example.com" in told(page)
    assert "Member sees everything and spends credits" in told(page)
    assert "(Europe/Berlin)" in told(page)
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    assert (page.headers["Referrer-Policy"], page.headers["Cache-Control"]) == (
        "same-origin", "no-store"
    )  # fmt: skip
    assert pages[1].text == page.text
    assert await state_of(api, made) == "invited"


async def test_who_presses_the_button_is_in_under_the_name_that_was_given(
    api: Api, made: Invited
) -> None:
    answer = await pressed(api, made.path, name=" Ada L. ")

    page = await opened(api, str(httpx.URL(made.path).join(answer.headers["Location"])))
    assert (answer.status_code, page.status_code) == (303, 200)
    assert "<h2>You are in Corona</h2>" in page.text
    assert "You are called Ada L." in told(page)
    assert await state_of(api, made) == "active"


async def test_without_a_name_the_one_of_the_invitation_stays(api: Api, made: Invited) -> None:
    await pressed(api, made.path, name="  ")

    assert "You are called Ada" in told(await opened(api, made.path))


async def test_a_form_that_is_sent_twice_lets_in_once(api: Api, made: Invited) -> None:
    answers = await asyncio.gather(*(pressed(api, made.path, name="Ada") for _ in range(4)))

    assert [answer.status_code for answer in answers] == [303] * 4
    assert "You are in Corona" in told(await opened(api, made.path))


async def test_a_name_that_cannot_be_is_told_and_stays_in_its_field(
    api: Api, made: Invited
) -> None:
    answer = await pressed(api, made.path, name=f"{NASTY}\x07")

    assert (answer.status_code, await state_of(api, made)) == (422, "invited")
    assert "A name has 1 to 200 characters in one line." in told(answer)
    assert "&lt;script&gt;alert(&quot;x&quot;)" in answer.text
    assert "<script>" not in answer.text


OVER = {
    "withdrawn": "UPDATE invitations SET state = 'withdrawn', withdrawn_at = now()",
    "ended": "UPDATE invitations SET expires_at = now()",
    "closed": "UPDATE workspaces SET closed_at = now()",
}
TITLES = {
    "withdrawn": "This invitation was withdrawn", "ended": "This invitation has ended",
    "closed": "This workspace is closed",
}  # fmt: skip
REMEDIES = {
    "withdrawn": "ask grace@example.com to invite you again",
    "ended": "Ask grace@example.com to send the invitation again",
    "closed": "Ask grace@example.com for an invitation to another workspace",
}


@pytest.mark.parametrize("is_pressed", [False, True])
@pytest.mark.parametrize("how", OVER)
async def test_an_invitation_that_is_over_tells_why_and_whom_to_ask(
    api: Api, made: Invited, how: str, *, is_pressed: bool
) -> None:
    await change(api, OVER[how])

    sent = await pressed(api, made.path, name="Ada") if is_pressed else None

    page = await opened(api, made.path)
    assert (page.status_code, f"<h2>{TITLES[how]}</h2>" in page.text) == (200, True)
    assert REMEDIES[how] in told(page)
    assert "<form" not in page.text
    assert sent is None or sent.status_code == 303
    assert await state_of(api, made) == "invited"


async def test_a_closed_workspace_lets_nobody_in_over_the_api_either(
    api: Api, made: Invited
) -> None:
    await change(api, OVER["closed"])

    token = {"token": made.path.rpartition("/")[2]}
    answer = await api.post(f"{made.place}/invitations/accept", token)

    assert (answer.status_code, answer.json()["code"]) == (409, "workspace_closed")


async def test_who_was_removed_again_is_told_so(api: Api, made: Invited) -> None:
    await pressed(api, made.path)
    (_, ada) = (await api.get(f"{made.place}/members")).json()["members"]
    await api.post(f"{made.place}/members/{ada['member_id']}/remove", {"is_erased": True})

    page = await opened(api, made.path)

    assert (page.status_code, "You are not in Corona any more" in told(page)) == (200, True)
    assert "ask an owner of the workspace to invite you again" in told(page)
    assert "Ada" not in page.text


async def test_an_elder_link_leads_nowhere_and_says_which_one_to_open(
    api: Api, made: Invited
) -> None:
    await api.post(f"{made.place}/invitations/{made.invitation}/resend", {})

    elder = await opened(api, made.path)
    newer = await opened(api, await mailed(api, made.place))

    assert (elder.status_code, newer.status_code) == (404, 200)
    assert "Open it from the latest mail once more" in told(elder)


async def test_a_link_that_is_not_whole_or_of_another_workspace_is_a_page_not_found(
    api: Api, made: Invited
) -> None:
    other = await invited(api, workspace="Borealis", owner="ben")
    mine, theirs = made.path.split("/"), other.path.split("/")
    paths = (
        "/invitations/x", "/invitations/x/y", f"/invitations/{mine[2]}",
        made.path[:-1], f"{made.path}%3Cscript%3E", f"/invitations/{theirs[2]}/{mine[3]}",
        f"/invitations/{UUID(int=1)}/{mine[3]}", f"/invitations/{mine[2]}/%00",
    )  # fmt: skip

    pages = [await opened(api, path) for path in paths]
    pages += [await pressed(api, path, name="Eve") for path in paths if path.count("/") > 2]

    assert {page.status_code for page in pages} == {404}
    assert all("<h2>This link leads to no invitation</h2>" in page.text for page in pages)
    assert not any("Corona" in page.text or "<script>" in page.text for page in pages)
    assert await state_of(api, made) == await state_of(api, other) == "invited"


async def test_names_are_text_whatever_is_in_them(api: Api) -> None:
    made = await invited(api, workspace=NASTY, name=NASTY, role="owner")
    await change(api, "UPDATE member_names SET name = '<img src=x>' WHERE name IS NULL")

    page = await opened(api, made.path)
    await pressed(api, made.path)
    joined = await opened(api, made.path)

    assert "Invited by <img src=x>" in told(page)
    for each in (page, joined):
        assert NASTY not in each.text
        assert "<img" not in each.text
    assert f"You are called {NASTY}" in told(joined)


@pytest.mark.parametrize(
    ("statement", "inviter"),
    [
        ("UPDATE invitations SET invited_by = NULL", "Example Pictures Ltd"),
        ("DELETE FROM member_names WHERE email LIKE 'grace%'", "an owner of the workspace"),
    ],
)
async def test_the_operator_and_who_was_forgotten_are_told_as_such(
    api: Api, made: Invited, statement: str, inviter: str
) -> None:
    await change(api, statement)

    assert f"Invited by {inviter}" in told(await opened(api, made.path))


async def test_a_file_in_the_place_of_a_name_is_no_name(api: Api, made: Invited) -> None:
    answer = await api.client.post(made.path, files={"name": b"a file"})

    assert answer.status_code == 303
    assert "You are called Ada" in told(await opened(api, made.path))


async def test_a_failure_of_ours_is_a_page_with_an_id_and_no_data(api: Api, made: Invited) -> None:
    await change(api, "ALTER TABLE invitations RENAME TO away")

    page = await opened(api, made.path)

    assert (page.status_code, page.headers["Content-Type"][:9]) == (500, "text/html")
    assert "<h2>This invitation cannot be opened now</h2>" in page.text
    assert "tell its operator the id" in told(page)
    assert "invitations" not in told(page)


async def test_a_page_of_another_site_cannot_send_the_form_of_a_house_without_a_key(
    database_url: str, tmp_path: Path
) -> None:
    async with open_api(database_url, tmp_path, more={"MUTOSCOPE_PUBLIC_URL": PUBLIC}) as api:
        made = await invited(api)
        form = {"name": "Ada"}
        strange, own = [
            await api.client.post(made.path, data=form, headers={"Origin": origin})
            for origin in ("https://elsewhere.example", "http://localhost:8000")
        ]

    assert (strange.status_code, own.status_code) == (403, 303)
