"""The signature of PixVerse's call backs: over their instant, a nonce, and the body spelled anew.

PixVerse documents the spelling as the body's fields in a query, and elsewhere as the whole body
percent-encoded. Both cover every byte that counts under the same secret, so either one is proof.
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

AGE_S_MAX: Final = 300
STAMP_DIGITS_MAX: Final = 12
_UNRESERVED: Final = "!'()*-._~"
"""What JavaScript's encodeURIComponent leaves as it is, beside letters and digits."""


def is_signed(*, headers: Mapping[str, str], body: bytes, secret: str, at: datetime) -> bool:
    """Tell whether PixVerse sent a call back within the last minutes; never without a secret."""
    stamp, nonce, signature = (
        headers.get(f"webhook-{name}", "") for name in ("timestamp", "nonce", "signature")
    )
    if not secret or not stamp.isdecimal() or len(stamp) > STAMP_DIGITS_MAX:
        return False
    if abs(at.timestamp() - int(stamp)) > AGE_S_MAX:
        return False
    return any(
        hmac.compare_digest(_signature(secret, f"{stamp}\n{nonce}\n{spelled}"), signature.encode())
        for spelled in (_query(body), quote(body, safe=_UNRESERVED))
    )


def _signature(secret: str, text: str) -> bytes:
    return b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


def _query(body: bytes) -> str:
    """Return a JSON object's fields as a query, by name, numbers as they were written."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        plain = {name: _plain(bytes(value)) for name, value in fields.items()}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return urlencode(sorted(plain.items()))


def _plain(value: bytes) -> str:
    if value.startswith(b'"'):
        return msgspec.json.decode(value, type=str)
    return value.decode()
