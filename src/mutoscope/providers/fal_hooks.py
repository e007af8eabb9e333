"""fal's call backs: signed with Ed25519 over who, when and what, by any of its published keys."""

from base64 import urlsafe_b64decode
from binascii import Error as NoBase64
from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A call back of now: the request that it is about, and what its signature has to cover."""

    request_id: str
    message: bytes
    signature: bytes

    def is_by(self, keys: bytes) -> bool:
        """Tell whether one of the keys, spelled as fal publishes them, has signed it."""
        try:
            published = msgspec.json.decode(keys, type=_Keys).keys
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        return any(_is_signed(key, self.signature, self.message) for key in published)


def signed(*, headers: Mapping[str, str], body: bytes, at: datetime) -> Signed:
    """Return a call back as it claims to be signed; who signed it is not known yet.

    :raises ProviderError: when it is not spelled as fal does, or is not of now.
    """
    given = httpx.Headers(dict(headers))
    told = [given.get(f"x-fal-webhook-{name}", "") for name in _NAMES]
    message = "\n".join((*told, sha256(body).hexdigest())).encode()
    try:
        age_s = abs(at.timestamp() - int(told[2]))
        signature = bytes.fromhex(given.get("x-fal-webhook-signature", ""))
        request_id = msgspec.json.decode(body, type=_Hook).request_id
    except (ValueError, msgspec.DecodeError) as error:
        raise _refused("it is not spelled as fal does") from error
    if age_s > AGE_MAX_S:
        raise _refused("it is too old, or a clock is wrong")
    if request_id != told[0]:
        raise _refused("it names two requests")
    return Signed(request_id=request_id, message=message, signature=signature)


def _is_signed(key: _Key, signature: bytes, message: bytes) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(f"{key.x}=="))
        public.verify(signature, message)
    except (InvalidSignature, NoBase64, ValueError):
        return False
    return True


def _refused(reason: str) -> ProviderError:
    return refusal(ErrorCode.AUTH, f"A call back in fal's name is refused: {reason}.")
