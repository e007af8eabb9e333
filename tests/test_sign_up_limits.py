"""So many sign-ups pass, and no more, however many come at once and over how many processes."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import asyncpg
import httpx
import pytest

from mutoscope.app.forgetting import FORGOTTEN_MAX
from mutoscope.app.newcomers import forget_over
from mutoscope.app.sign_up_limits import ADDRESS_SPAN, EMAIL_SPAN, HOUSE_SPAN, OF_ADDRESS, OF_EMAIL
from mutoscope.web.client_address import UNKNOWN, network_of
from mutoscope.worker.steps import work
from newcomer_stage import HOME, PROXY, Door, open_door, told

MOMENT = timedelta(microseconds=1)
CROWD = 64
REFUSED = (429, "too_many_sign_ups")
OVER = (
    "INSERT INTO sign_up_counts SELECT sha256(n::text::bytea), 1, $1 FROM generate_series(1, $2) n"
)


@pytest.fixture
async def door(database_url: str, tmp_path: Path) -> AsyncIterator[Door]:
    async with open_door(database_url, tmp_path) as door:
        yield door


async def crowd(*doors: Door) -> list[httpx.Response]:
    """Let many people of one home sign up at once, each with an address of their own."""
    people = ((doors[n % len(doors)], f"ada{n}@example.com") for n in range(CROWD))
    return await asyncio.gather(*(door.sign_up(email) for door, email in people))


async def fill(door: Door, *, of_home: int = 0, of_email: int = 0) -> None:
    """Let sign-ups pass from one home, and with one e-mail address from others."""
    for number in range(of_home):
        assert (await door.sign_up(f"eve{number}@example.com")).status_code == 201
    for number in range(of_email):
        answer = await door.sign_up(f"ada+{number}@example.com", home=f"198.51.100.{number}")
        assert answer.status_code == 201


async def test_of_64_at_once_from_one_address_exactly_as_many_pass_as_may(door: Door) -> None:
    answers = await crowd(door)

    assert Counter(map(told, answers)) == {(201, None): OF_ADDRESS, REFUSED: CROWD - OF_ADDRESS}
    assert await door.fetch("SELECT count(*) FROM workspaces") == OF_ADDRESS
    assert len(await door.mails()) == OF_ADDRESS
    refused = next(each for each in answers if each.status_code == 429)
    assert refused.headers["Retry-After"] == "3600"
    assert refused.json()["retry_at"] == "2025-01-20T13:00:00Z"
    assert refused.json()["subject"] == "client address"
    assert "wait until 20 Jan 2025 13:00 UTC" in refused.json()["detail"]


async def test_of_64_at_once_with_one_e_mail_address_exactly_as_many_pass_as_may(
    door: Door,
) -> None:
    people = [f"{'ada'[: n % 4]}.{'ada'[n % 4 :]}+{n}@gmail.com" for n in range(CROWD)]

    answers = await asyncio.gather(
        *(door.sign_up(email, home=f"198.51.100.{n}") for n, email in enumerate(people))
    )

    assert Counter(map(told, answers)) == {(201, None): OF_EMAIL, REFUSED: CROWD - OF_EMAIL}
    assert len(await door.mails()) == OF_EMAIL
    refused = next(each for each in answers if each.status_code == 429)
    assert refused.headers["Retry-After"] == "86400"
    assert refused.json()["subject"] == "e-mail address"


async def test_two_processes_count_together_and_a_restart_forgets_nothing(
    database_url: str, tmp_path: Path, door: Door
) -> None:
    async with open_door(database_url, tmp_path, clock=door.clock) as other:
        answers = await crowd(door, other)
    async with open_door(database_url, tmp_path, clock=door.clock) as restarted:
        late = await restarted.sign_up("late@example.com")

    assert Counter(map(told, answers))[201, None] == OF_ADDRESS
    assert told(late) == REFUSED


async def test_a_limit_is_over_at_its_instant_and_then_begins_anew(door: Door) -> None:
    await fill(door, of_home=1)
    door.clock.move(minutes=59)
    for number in range(OF_ADDRESS - 1):
        assert (await door.sign_up(f"ada{number}@example.com")).status_code == 201

    door.clock.move(minutes=1, microseconds=-1)
    early = await door.sign_up("late@example.com")
    door.clock.move(microseconds=1)
    answers = await crowd(door)

    assert (told(early), early.headers["Retry-After"]) == (REFUSED, "1")
    assert Counter(map(told, answers))[201, None] == OF_ADDRESS
    refused = next(each for each in answers if each.status_code == 429)
    assert refused.headers["Retry-After"] == str(ADDRESS_SPAN // timedelta(seconds=1))


async def test_seconds_to_wait_are_rounded_up(door: Door) -> None:
    await fill(door, of_home=OF_ADDRESS)

    door.clock.move(milliseconds=1_500)
    refused = await door.sign_up()
    door.clock.move(seconds=int(refused.headers["Retry-After"]))

    assert refused.headers["Retry-After"] == "3599"
    assert refused.json()["retry_after_s"] == 3_599
    assert (await door.sign_up()).status_code == 201


async def test_what_is_refused_counts_for_nothing(door: Door) -> None:
    await fill(door, of_email=OF_EMAIL)

    for _ in range(OF_ADDRESS):
        assert told(await door.sign_up("ada@example.com")) == REFUSED
    await fill(door, of_home=OF_ADDRESS)
    for _ in range(OF_EMAIL):
        assert told(await door.sign_up("bob@example.com")) == REFUSED

    assert (await door.sign_up("bob@example.com", home="198.51.100.9")).status_code == 201


async def test_an_e_mail_address_waits_a_day(door: Door) -> None:
    await fill(door, of_email=OF_EMAIL)

    door.clock.at += EMAIL_SPAN - MOMENT
    early = await door.sign_up("ada@example.com")
    door.clock.at += MOMENT

    assert told(early) == REFUSED
    assert (await door.sign_up("ada@example.com")).status_code == 201


async def test_a_repeat_passes_when_nothing_else_does(door: Door) -> None:
    first = await door.sign_up(key="sign-up-1")
    await fill(door, of_home=OF_ADDRESS - 1)
    assert told(await door.sign_up("late@example.com")) == REFUSED

    repeat = await door.sign_up(key="sign-up-1")

    assert repeat.text == first.text


async def test_an_operator_sets_how_many_pass(database_url: str, tmp_path: Path) -> None:
    limits = {"MUTOSCOPE_SIGN_UPS_ADDRESS": "3", "MUTOSCOPE_SIGN_UPS_EMAIL": "2"}
    async with open_door(database_url, tmp_path, more=limits) as door:
        same = [told(await door.sign_up())[0] for _ in range(3)]
        others = [told(await door.sign_up(f"eve{n}@example.com"))[0] for n in range(2)]

    assert (same, others) == ([201, 201, 429], [201, 429])


async def test_so_many_pass_in_an_hour_in_all_and_a_repeat_always(
    database_url: str, tmp_path: Path
) -> None:
    async with open_door(database_url, tmp_path, more={"MUTOSCOPE_SIGN_UPS_HOUR": "9"}) as door:
        first = await door.sign_up("first@example.com", key="sign-up-1")
        people = [(f"ada{n}@example.com", f"198.51.100.{n}") for n in range(CROWD)]
        answers = await asyncio.gather(*(door.sign_up(one, home=home) for one, home in people))
        repeat = await door.sign_up("first@example.com", key="sign-up-1")
        door.clock.at += HOUSE_SPAN - MOMENT
        early = await door.sign_up("late@example.com")
        door.clock.at += MOMENT
        late = await door.sign_up("late@example.com")

    assert Counter(map(told, answers)) == {(201, None): 8, REFUSED: CROWD - 8}
    refused = next(each for each in answers if each.status_code == 429)
    assert (refused.headers["Retry-After"], refused.json()["subject"]) == ("3600", "studio")
    assert "as many have signed up at this studio as may in an hour" in refused.json()["detail"]
    assert (repeat.text, told(early), late.status_code) == (first.text, REFUSED, 201)


async def test_what_all_together_are_refused_counts_for_nobody(
    database_url: str, tmp_path: Path
) -> None:
    limits = {"MUTOSCOPE_SIGN_UPS_HOUR": "1", "MUTOSCOPE_SIGN_UPS_EMAIL": "1"}
    async with open_door(database_url, tmp_path, more=limits) as door:
        await door.sign_up("first@example.com")
        assert told(await door.sign_up()) == REFUSED
        door.clock.at += HOUSE_SPAN

        assert (await door.sign_up()).status_code == 201


async def test_no_address_is_kept_with_the_counts(
    door: Door, connection: asyncpg.Connection
) -> None:
    await door.sign_up()

    rows = await connection.fetch("SELECT subject_digest, passed FROM sign_up_counts")

    known = {hashlib.sha256(each.encode()).digest() for each in (HOME, "ada@example.com")}
    assert [(len(each[0]), each[1]) for each in rows] == [(32, 1)] * 3
    assert known & {each[0] for each in rows} == set()


async def test_a_count_is_forgotten_once_its_span_is_over(door: Door) -> None:
    await door.sign_up()
    counted = "SELECT count(*) FROM sign_up_counts"

    kept = []
    for span in (ADDRESS_SPAN - MOMENT, MOMENT, EMAIL_SPAN - ADDRESS_SPAN - MOMENT, MOMENT):
        door.clock.at += span
        kept.append((await forget_over(door.api.house.studio), await door.fetch(counted)))

    assert kept == [(0, 3), (2, 1), (0, 1), (1, 0)]


async def test_many_are_forgotten_part_by_part_by_two_workers_while_people_sign_up(
    door: Door, connection: asyncpg.Connection
) -> None:
    count = 2 * FORGOTTEN_MAX + 1
    await connection.execute(OVER, door.clock.now(), count)
    studio = door.api.house.studio

    *forgotten, _ = await asyncio.gather(forget_over(studio), forget_over(studio), crowd(door))

    assert sum(forgotten) + await forget_over(studio) == count
    assert await door.fetch("SELECT count(*) FROM sign_up_counts") == 2 + OF_ADDRESS


async def test_the_worker_forgets_them(door: Door) -> None:
    await door.sign_up()
    door.clock.at += EMAIL_SPAN
    working = asyncio.create_task(work(door.api.house))

    async with asyncio.timeout(20):
        left = 2
        while left:
            await asyncio.sleep(0.05)
            left = await door.fetch("SELECT count(*) FROM sign_up_counts")
    working.cancel()
    await asyncio.wait([working])

    assert working.cancelled()


@pytest.mark.parametrize(
    ("peer", "forwarded", "network"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("::ffff:203.0.113.7", [], "203.0.113.7"),
        ("2001:db8:1:2:3::4", [], "2001:db8:1:2::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        (PROXY, [], PROXY),
        (PROXY, ["203.0.113.7"], "203.0.113.7"),
        (f"::ffff:{PROXY}", ["203.0.113.7"], "203.0.113.7"),
        (PROXY, ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        (PROXY, ["198.51.100.1", "203.0.113.7 , 10.0.0.9"], "203.0.113.7"),
        (PROXY, ["10.0.0.8,10.0.0.9"], "10.0.0.8"),
        (PROXY, ["203.0.113.7, nonsense"], PROXY),
        (PROXY, ["203.0.113.7, "], PROXY),
        (PROXY, ["2001:db8:1:2::9"], "2001:db8:1:2::/64"),
        ("a-socket", ["203.0.113.7"], UNKNOWN),
    ],
)  # fmt: skip
def test_a_client_is_known_by_what_named_proxies_add_and_by_nothing_it_writes(
    peer: str, forwarded: list[str], network: str
) -> None:
    proxies = (ip_network("10.0.0.0/24"), ip_network("2001:db8:ffff::/48"))

    assert network_of(client=(peer, 1), forwarded=forwarded, proxies=proxies) == network


def test_clients_without_an_address_count_as_one() -> None:
    assert network_of(client=None, forwarded=["203.0.113.7"], proxies=()) == UNKNOWN


async def test_nobody_gets_past_a_limit_by_a_header_of_their_own(
    database_url: str, tmp_path: Path
) -> None:
    async with open_door(database_url, tmp_path, more={"MUTOSCOPE_PROXIES": ""}) as door:
        people = [(f"ada{n}@example.com", f"198.51.100.{n}") for n in range(CROWD)]
        answers = await asyncio.gather(*(door.sign_up(one, home=home) for one, home in people))

    assert Counter(map(told, answers))[201, None] == OF_ADDRESS
