"""Who may call: the bearer of the key, or, without one, this machine under its own name."""

import asyncio
import threading
from pathlib import Path

import pytest

from api_client import LOCAL, open_api
from mutoscope.web.api.callers import local_refusal

KEY = "a-long-secret"


async def test_a_house_with_a_key_serves_its_bearer_alone(
    database_url: str, tmp_path: Path
) -> None:
    elsewhere = ("203.0.113.7", 4_000)

    async with open_api(database_url, tmp_path, api_key=KEY, client=elsewhere) as api:
        bare = await api.get("/v1/workspaces")
        wrong = await api.get("/v1/workspaces", headers={"Authorization": "Bearer a-long"})
        right = await api.get("/v1/workspaces", headers={"Authorization": f"Bearer {KEY}"})

    assert (bare.status_code, bare.json()["code"]) == (401, "not_authorised")
    assert bare.headers["WWW-Authenticate"] == "Bearer"
    assert bare.headers["Content-Type"] == "application/problem+json"
    assert wrong.status_code == 401
    assert right.status_code == 200


async def test_a_house_without_a_key_is_closed_to_other_machines(
    database_url: str, tmp_path: Path
) -> None:
    async with open_api(database_url, tmp_path, client=("203.0.113.7", 4_000)) as api:
        answer = await api.get("/healthz")

    assert (answer.status_code, answer.json()["code"]) == (403, "not_local")


async def test_who_may_ask_is_judged_though_every_thread_is_busy(
    database_url: str, tmp_path: Path
) -> None:
    is_over = threading.Event()
    async with open_api(database_url, tmp_path) as api:
        waiting = [asyncio.create_task(asyncio.to_thread(is_over.wait)) for _ in range(40)]
        await asyncio.sleep(0.1)
        try:
            async with asyncio.timeout(10):
                answer = await api.get("/v1/finance/outstanding")
        finally:
            is_over.set()
            await asyncio.gather(*waiting)

    assert answer.status_code == 200


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8420", "127.0.0.1:8420", "[::1]:8420"])
@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_known_by_its_address_and_name(address: str, host: str) -> None:
    headers = {b"host": host.encode()}

    assert local_refusal(client=(address, 1), headers=headers) is None


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("10.0.0.1", {b"host": b"localhost"}),
        ("::ffff:10.0.0.1", {b"host": b"localhost"}),
        ("nowhere", {b"host": b"localhost"}),
        ("127.0.0.1", {}),
        ("127.0.0.1", {b"host": b"evil.example:8420"}),
        ("127.0.0.1", {b"host": b"localhost.evil.example"}),
        ("127.0.0.1", {b"host": b"localhost", b"origin": b"https://evil.example"}),
        ("127.0.0.1", {b"host": b"localhost", b"origin": b"null"}),
        ("127.0.0.1", {b"host": b"localhost", b"origin": b"http://[::1"}),
    ],
)
def test_a_stranger_s_address_name_or_page_is_refused(
    address: str, headers: dict[bytes, bytes]
) -> None:
    assert local_refusal(client=(address, 1), headers=headers) is not None


def test_a_caller_without_an_address_is_refused() -> None:
    assert local_refusal(client=None, headers={b"host": b"localhost"}) is not None


def test_a_page_of_this_machine_may_ask() -> None:
    headers = {b"host": b"localhost:8420", b"origin": b"http://localhost:3000"}

    assert local_refusal(client=LOCAL, headers=headers) is None
