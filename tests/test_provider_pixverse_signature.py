"""What proves that PixVerse called back: a secret, an instant, a nonce, and the whole body."""

import hmac
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from random import Random
from urllib.parse import quote
from uuid import uuid4

import pytest

from mutoscope.app.ports import ErrorCode, ProviderError
from mutoscope.providers.pixverse import PixVerse
from mutoscope.providers.pixverse_signature import is_signed
from mutoscope.providers.wire import Site

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECRET = "whsec"
SITE = Site(provider="pixverse", base_url="http://127.0.0.1:9")


def signed(spelled: str, *, secret: str = SECRET, at: datetime = AT) -> dict[str, str]:
    """Return the headers of a call back whose body was spelled so."""
    stamp = str(int(at.timestamp()))
    made = hmac.digest(secret.encode(), f"{stamp}\n32characters\n{spelled}".encode(), "sha256")
    return {
        "webhook-timestamp": stamp, "webhook-nonce": "32characters",
        "webhook-signature": b64encode(made).decode(),
    }  # fmt: skip


BODY = b'{"url": "https://m.example/a b.mp4", "id": "1", "size": 10.50, "has_audio": true}'
QUERY = "has_audio=true&id=1&size=10.50&url=https%3A%2F%2Fm.example%2Fa+b.mp4"


def is_good(headers: dict[str, str], body: bytes = BODY, secret: str = SECRET) -> bool:
    return is_signed(headers=headers, body=body, secret=secret, at=AT)


def test_both_documented_spellings_of_a_body_are_proof() -> None:
    whole = quote(BODY, safe="!'()*-._~")

    assert is_good(signed(QUERY))
    assert is_good(signed(whole))


@pytest.mark.parametrize(
    ("off_s", "is_fresh"), [(-301, False), (-300, True), (300, True), (301, False)]
)
def test_a_call_back_is_believed_for_five_minutes(off_s: int, *, is_fresh: bool) -> None:
    assert is_good(signed(QUERY, at=AT + timedelta(seconds=off_s))) is is_fresh


@pytest.mark.parametrize(
    ("changes", "body", "secret"),
    [
        ({"webhook-nonce": "another"}, BODY, SECRET),
        ({"webhook-timestamp": str(int(AT.timestamp()) + 1)}, BODY, SECRET),
        ({"webhook-timestamp": "soon"}, BODY, SECRET),
        ({"webhook-timestamp": "9" * 400}, BODY, SECRET),
        ({"webhook-signature": ""}, BODY, SECRET),
        ({"webhook-signature": "ä"}, BODY, SECRET),
        ({}, BODY.replace(b"1", b"2", 1), SECRET),
        ({}, b"[]", SECRET),
        ({}, b"\xff", SECRET),
        ({}, BODY, "another"),
        ({}, BODY, ""),
    ],
    ids=repr,
)
def test_a_call_back_that_was_changed_is_no_proof(
    changes: dict[str, str], body: bytes, secret: str
) -> None:
    assert not is_good({**signed(QUERY), **changes}, body, secret)


def test_nothing_is_proof_where_no_secret_was_agreed() -> None:
    assert not is_good(signed(QUERY, secret=""), secret="")


async def test_a_signed_call_back_that_names_no_clip_is_refused() -> None:
    pixverse = PixVerse(site=SITE, key="key", new_id=uuid4, random=Random(1))

    with pytest.raises(ProviderError, match="names no clip") as caught:
        await pixverse.parse_webhook(headers=signed("a=1"), body=b'{"a": 1}', secret=SECRET, at=AT)

    await pixverse.wire.close()
    assert caught.value.code == ErrorCode.BAD_INPUT
