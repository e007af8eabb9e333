"""fal's call backs: signed with Ed25519 over who, when and what, by any of its published keys."""

from base64 import urlsafe_b64decode
from binascii import Error as NoBase64
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Final

import httpx
import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mutoscope.app.ports import ErrorCode, ProviderError
from mutoscope.providers.wire import refusal

AGE_MAX_S: Final = 300
_NAMES: Final = ("request-id", "user-id", "timestamp")


class _Key(msgspec.Struct):
    x: str


class _Keys(msgspec.Struct):
    keys: tuple[_Key, ...]


class _Hook(msgspec.Struct):
    request_id: str


def verified(*, headers: Mapping[str, str], body: bytes, keys: str, at: datetime) -> str:
    """Return the request that a call back is about; `keys` are fal's, as it publishes them.

    :raises ProviderError: when it is not signed by one of them, or not now.
    """
    given = httpx.Headers(dict(headers))
    told = [given.get(f"x-fal-webhook-{name}", "") for name in _NAMES]
    message = "\n".join((*told, sha256(body).hexdigest())).encode()
    try:
        age_s = abs(at.timestamp() - int(told[2]))
        signature = bytes.fromhex(given.get("x-fal-webhook-signature", ""))
        published = msgspec.json.decode(keys, type=_Keys).keys
        request_id = msgspec.json.decode(body, type=_Hook).request_id
    except (ValueError, msgspec.DecodeError) as error:
        raise _refused("it is not spelled as fal does") from error
    if age_s > AGE_MAX_S:
        raise _refused("it is too old, or a clock is wrong")
    if request_id != told[0] or not any(_is_signed(key, signature, message) for key in published):
        raise _refused("its signature is not fal's")
    return request_id


def _is_signed(key: _Key, signature: bytes, message: bytes) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(f"{key.x}=="))
        public.verify(signature, message)
    except (InvalidSignature, NoBase64, ValueError):
        return False
    return True


def _refused(reason: str) -> ProviderError:
    return refusal(ErrorCode.AUTH, f"A call back in fal's name is refused: {reason}.")
