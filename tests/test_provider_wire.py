"""The wire: where the key goes, what is sent once, and what an answer that makes no sense means."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random

import httpx
import pytest

from mutoscope.app.ports import ErrorCode, ProviderError
from mutoscope.providers import wire as wires
from mutoscope.providers.wire import Reply, Site, Wire, refusal, status_code
from provider_stage import http, serving

OWN = Site(
    provider="flux", base_url="https://api.bfl.ai/v1", key_domains=(".bfl.ai", "bfl.example")
)


def explain(reply: Reply) -> ProviderError | None:
    code = status_code(reply)
    return code and refusal(code, f"status {reply.status}", retry_after_s=reply.retry_after_s)


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[tuple[Wire, list[bytes]]]:
    """Give a wire to a server that gives these answers in turn, and what it was sent."""
    async with serving(*answers) as (address, heard):
        site = Site(provider="flux", base_url=address, ask_s=1, create_s=1, pause_s=0.01)
        wire = Wire(
            site=site, headers=lambda: {"x-key": "secret"}, explain=explain, random=Random(1)
        )
        yield wire, heard
        await wire.close()


async def code_of(asking: Awaitable[object]) -> str:
    with pytest.raises(ProviderError) as caught:
        await asking
    return caught.value.code


@pytest.mark.parametrize(
    ("url", "is_own"),
    [
        ("https://api.bfl.ai/v1/x", True),
        ("https://gateway.bfl.ai/x", True),
        ("https://bfl.example/x", True),
        ("http://gateway.bfl.ai/x", False),
        ("https://gateway.bfl.ai:8443/x", False),
        ("https://evilbfl.ai/x", False),
        ("https://bfl.ai.evil.example/x", False),
        ("https://x.bfl.example/x", False),
        ("https://user@evil.example/api.bfl.ai", False),
    ],
)
def test_the_key_is_for_the_provider_s_own_hosts(url: str, *, is_own: bool) -> None:
    assert OWN.is_own(httpx.URL(url)) is is_own


@pytest.mark.parametrize(
    ("base_url", "is_loopback"),
    [
        ("http://127.0.0.1:8421/runway", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("https://api.bfl.ai", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://10.0.0.1", False),
    ],
)
def test_only_this_machine_is_the_loopback(base_url: str, *, is_loopback: bool) -> None:
    assert Site(provider="any", base_url=base_url).is_loopback is is_loopback


async def test_a_foreign_address_is_asked_nothing() -> None:
    async with answering(http(200)) as (wire, heard):
        code = await code_of(wire.ask("http://127.0.0.1:9/elsewhere"))

    assert code == ErrorCode.PROVIDER_FAILED
    assert heard == []


async def test_a_question_is_put_again_after_a_server_s_error() -> None:
    async with answering(http(503), http(500), http(200, b'"yes"')) as (wire, heard):
        reply = await wire.ask("/task")

    assert reply.read(str) == "yes"
    assert len(heard) == 3


async def test_a_question_is_given_up_after_three_tries() -> None:
    async with answering(http(503)) as (wire, heard):
        code = await code_of(wire.ask("/task"))

    assert (code, len(heard)) == (ErrorCode.TRANSIENT, 3)


async def test_a_question_that_is_refused_is_not_put_again() -> None:
    async with answering(http(429, more=b"retry-after: 12\r\n")) as (wire, heard):
        with pytest.raises(ProviderError) as caught:
            await wire.ask("/task")

    assert (caught.value.code, caught.value.retry_after_s) == (ErrorCode.RATE_LIMITED, 12)
    assert len(heard) == 1


SENT = {
    "create": ErrorCode.SUBMIT_UNKNOWN,
    "prepare": ErrorCode.NOT_CREATED,
}


@pytest.mark.parametrize("name", SENT)
@pytest.mark.parametrize("answer", [http(503), http(302), http(408), b"", b"HTTP/1.1 2"])
async def test_what_is_not_answered_clearly_is_in_doubt_and_sent_once(
    name: str, answer: bytes
) -> None:
    async with answering(answer) as (wire, heard):
        send: Callable[..., Awaitable[Reply]] = getattr(wire, name)
        code = await code_of(send("/create", json={}))

    assert (code, len(heard)) == (SENT[name], 1)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"id": 7}', b'{"id": null}', b"\xff"])
async def test_an_answer_of_a_wrong_type_leaves_a_creation_in_doubt(body: bytes) -> None:
    async with answering(http(200, body)) as (wire, _):
        reply = await wire.create("/create", json={})
        with pytest.raises(ProviderError) as caught:
            reply.read(dict[str, str])

    assert caught.value.code == ErrorCode.SUBMIT_UNKNOWN


async def test_an_endless_answer_ends_at_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "REPLY_BYTES_MAX", 100)

    async with answering(http(200, b"x" * 101)) as (wire, _):
        code = await code_of(wire.ask("/task"))

    assert code == ErrorCode.TRANSIENT
