"""Strangers sign up over the API: the code goes to the address, the answer tells nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from newcomer_stage import SIGN_UPS, Door, open_door, told
from soundness import assert_sound

TRIAL = [("grant", 50)]
OTHER_HOME = "198.51.100.4"


@pytest.fixture
async def door(database_url: str, tmp_path: Path) -> AsyncIterator[Door]:
    async with open_door(database_url, tmp_path) as door:
        yield door
    await assert_sound(database_url)


async def test_a_stranger_signs_up_without_a_key_and_has_the_trial(door: Door) -> None:
    signed_up = await door.sign_up(more={"zone": "Europe/Paris"})
    code = await door.code(signed_up)
    verified = await door.verify(signed_up, code)

    assert signed_up.status_code == 201
    assert signed_up.json() | {"workspace_id": ""} == {
        "workspace_id": "", "email": "ada@example.com", "code_expires_at": "2025-01-20T12:30:00Z",
    }  # fmt: skip
    assert code not in signed_up.text
    assert verified.status_code == 200
    assert verified.json()["verified_at"] == "2025-01-20T12:00:00Z"
    assert verified.json()["trial_ends_at"] == "2025-02-03T12:00:00Z"
    assert (verified.json()["name"], verified.json()["zone"]) == ("Aurora", "Europe/Paris")
    assert await door.grants(signed_up.json()["workspace_id"]) == TRIAL


async def test_nothing_else_is_open_to_who_signed_up(door: Door) -> None:
    signed_up = await door.sign_up()

    place = f"/v1/workspaces/{signed_up.json()['workspace_id']}"

    assert told(await door.api.get(place)) == (401, "not_authorised")
    assert told(await door.api.post(f"{place}/plan", {"plan": "pro"}, key="k"))[0] == 401


async def test_the_answer_is_the_same_whoever_has_the_address(door: Door) -> None:
    assert (await door.enter("ada@example.com")).status_code == 200

    known = await door.sign_up("ada@example.com")
    stranger = await door.sign_up("eve@example.com")

    own = {"workspace_id": "", "email": ""}
    assert known.json() | own == stranger.json() | own
    assert known.status_code == stranger.status_code == 201
    assert known.headers == stranger.headers
    assert told(await door.verify(known, "x")) == told(await door.verify(stranger, "x"))


async def test_who_signs_up_again_is_told_by_mail_alone(door: Door) -> None:
    assert (await door.enter("ada@example.com")).status_code == 200

    again = await door.mail(await door.sign_up("ada@example.com", more={"zone": "Asia/Tokyo"}))
    stranger = await door.mail(await door.sign_up("eve@example.com"))

    assert again.startswith("You have had the trial since 20 Jan 2025 21:00 JST: go on in the ")
    assert "without a trial. Your code is " in again
    assert stranger.startswith("Your code is ")
    assert "Aurora" not in again + stranger


@pytest.mark.parametrize(
    "email", ["ada@gmail.com", "Ada@Gmail.com", "a.d.a+x@gmail.com", "ada+1@googlemail.com"]
)
async def test_a_person_has_one_trial_however_the_address_is_spelled(
    door: Door, email: str
) -> None:
    assert (await door.enter("a.da@gmail.com")).status_code == 200

    signed_up = await door.sign_up(email)
    verified = await door.verify(signed_up, await door.code(signed_up))

    assert told(verified) == (403, "trial_taken")
    assert await door.grants(signed_up.json()["workspace_id"]) == []
    assert await door.fetch("SELECT count(*) FROM workspaces WHERE verified_at IS NOT NULL") == 2


async def test_the_code_entered_again_grants_no_more(door: Door) -> None:
    signed_up = await door.sign_up()
    code = await door.code(signed_up)

    entered = await asyncio.gather(*(door.verify(signed_up, code) for _ in range(4)))

    assert [each.status_code for each in entered] == [200] * 4
    assert len({each.text for each in entered}) == 1
    assert await door.grants(signed_up.json()["workspace_id"]) == TRIAL


@pytest.mark.parametrize(("guesses", "status"), [(4, 200), (5, 422), (64, 422)])
async def test_the_right_code_is_refused_after_five_guesses_however_many_come_at_once(
    door: Door, guesses: int, status: int
) -> None:
    signed_up = await door.sign_up()
    code = await door.code(signed_up)
    wrong = [f"{(int(code) + n) % 1_000_000:06}" for n in range(1, guesses + 1)]

    answers = await asyncio.gather(*(door.verify(signed_up, each) for each in wrong))
    late = await door.verify(signed_up, code)

    assert set(map(told, answers)) == {(422, "bad_code")}
    assert late.status_code == status
    granted = TRIAL if status == 200 else []
    assert await door.grants(signed_up.json()["workspace_id"]) == granted


async def test_a_code_ends_after_half_an_hour(door: Door) -> None:
    in_time, late = await door.sign_up("ada@example.com"), await door.sign_up("eve@example.com")

    door.clock.move(minutes=30, microseconds=-1)
    first = await door.verify(in_time, await door.code(in_time))
    door.clock.move(microseconds=1)
    second = await door.verify(late, await door.code(late))

    assert (first.status_code, told(second)) == (200, (422, "bad_code"))


async def test_a_code_of_one_sign_up_opens_no_other(door: Door) -> None:
    one, other = await door.sign_up("ada@example.com"), await door.sign_up("eve@example.com")
    codes = await door.code(one), await door.code(other)

    if codes[0] != codes[1]:
        assert told(await door.verify(other, codes[0])) == (422, "bad_code")
    nobodys = f"{SIGN_UPS}/{one.json()['workspace_id'][:-4]}0000/verify"
    assert told(await door.api.post(nobodys, {"code": codes[0]})) == (404, "unknown_workspace")


async def test_a_repeat_is_the_same_sign_up_and_sends_nothing(door: Door) -> None:
    first = await door.sign_up(key="sign-up-1")
    door.clock.move(minutes=10)
    repeats = await asyncio.gather(*(door.sign_up(key="sign-up-1") for _ in range(20)))

    assert {each.text for each in repeats} == {first.text}
    assert {each.headers["Idempotency-Replayed"] for each in repeats} == {"true"}
    assert "Idempotency-Replayed" not in first.headers
    assert len(await door.mails()) == 1


async def test_eight_calls_under_one_key_at_once_are_one_sign_up(door: Door) -> None:
    answers = await asyncio.gather(*(door.sign_up(key="sign-up-1") for _ in range(8)))

    assert {each.status_code for each in answers} == {201}
    assert len({each.text for each in answers}) == 1
    assert sum("Idempotency-Replayed" in each.headers for each in answers) == 7
    assert len(await door.mails()) == 1
    assert await door.fetch("SELECT max(passed) FROM sign_up_counts") == 1


@pytest.mark.parametrize(
    "more", [{"name": "Borealis"}, {"zone": "Asia/Tokyo"}, {"email": "b@c.de"}]
)
async def test_a_key_is_used_for_one_sign_up(door: Door, more: Mapping[str, object]) -> None:
    await door.sign_up(key="sign-up-1")

    assert told(await door.sign_up(key="sign-up-1", more=more)) == (422, "key_reused")


async def test_a_key_that_somebody_else_used_tells_nothing(door: Door) -> None:
    own = await door.sign_up(key="1")
    elsewhere = await door.sign_up(key="1", home=OTHER_HOME)

    assert elsewhere.status_code == 201
    assert "Idempotency-Replayed" not in elsewhere.headers
    assert own.json()["workspace_id"] != elsewhere.json()["workspace_id"]


@pytest.mark.parametrize(
    ("body", "refused", "place"),
    [
        ({"name": "A"}, (400, "malformed"), "/email: Object missing required field"),
        ({"email": "a@b.de"}, (400, "malformed"), "/name: Object missing required field"),
        ({"email": "a@b.de", "name": ""}, (400, "malformed"), "/name: Expected `string` of length"),
        ({"email": "a@b.de", "name": "A", "is_demo": True}, (400, "malformed"), "/is_demo:"),
        ({"email": "ada", "name": "A"}, (422, "bad_email"), "write it as name@example.com"),
        (
            {"email": "a@b.de", "name": "A", "zone": "Mars/Olympus"}, (422, "unknown_zone"),
            "use a name of the IANA database",
        ),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named_with_its_remedy_and_counts_for_nothing(
    door: Door, body: object, refused: tuple[int, str], place: str
) -> None:
    answer = await door.api.post(SIGN_UPS, body, key="sign-up-1")

    assert told(answer) == refused
    assert place in answer.json()["detail"]
    assert await door.fetch("SELECT count(*) FROM sign_up_counts") == 0


async def test_a_sign_up_needs_a_key_of_its_own(door: Door) -> None:
    answer = await door.api.post(SIGN_UPS, {"email": "a@b.de", "name": "A"})

    assert told(answer) == (400, "idempotency_key_missing")
    assert told(await door.sign_up(key="two words")) == (422, "bad_key")


@pytest.mark.parametrize("name", ["ADDRESS", "EMAIL", "HOUR"])
async def test_an_operator_may_close_sign_ups(database_url: str, tmp_path: Path, name: str) -> None:
    more = {f"MUTOSCOPE_SIGN_UPS_{name}": "0"}
    async with open_door(database_url, tmp_path, more=more) as door:
        answer = await door.sign_up()

        assert told(answer) == (403, "sign_ups_closed")
        assert await door.mails() == []


async def test_the_description_tells_of_both_routes(door: Door) -> None:
    secret = {"Authorization": "Bearer a-long-secret"}

    paths = (await door.api.get("/openapi.json", headers=secret)).json()["paths"]

    asked = paths[SIGN_UPS]["post"]
    assert asked["responses"]["429"]["description"] == "too_many_sign_ups"
    assert [each["name"] for each in asked["parameters"]] == ["Idempotency-Key"]
    proved = paths[SIGN_UPS + "/{workspace_id}/verify"]["post"]["responses"]
    assert {"200", "403", "404", "422"} < proved.keys()


async def test_a_trial_that_was_cut_short_is_granted_by_the_code_again(door: Door) -> None:
    signed_up = await door.sign_up()
    code = await door.code(signed_up)
    await door.api.house.studio.journal.close()
    assert told(await door.verify(signed_up, code)) == (503, "journal_closed")

    await door.api.house.studio.journal.open()
    door.clock.at += timedelta(minutes=5)
    begun = await door.verify(signed_up, code)

    assert begun.json()["trial_ends_at"] == "2025-02-03T12:00:00Z"
    assert await door.grants(signed_up.json()["workspace_id"]) == TRIAL
