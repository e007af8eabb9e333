"""A service account of Google's: the file of it, and the claim that it signs."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mutoscope.domain.credits import Refusal

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
AUDIENCE: Final = "https://oauth2.googleapis.com/token"
CLAIM: Final = timedelta(hours=1)
"""How long a claim is good for; Google takes no longer one."""


class BadServiceAccount(Refusal):
    """A service account's file that cannot be used."""

    code = "bad_service_account"

    def __init__(self, *, reason: str) -> None:
        super().__init__(
            f"the service account is not usable ({reason}): create a JSON key of it anew"
        )
        self.reason = reason


class _File(msgspec.Struct):
    client_email: str
    private_key: str
    private_key_id: str
    token_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """Who signs in, with which key, and where."""

    email: str
    key: RSAPrivateKey
    key_id: str
    token_uri: str

    def claim(self, *, at: datetime) -> str:
        """Return the signed claim to be this account, from an instant on."""
        begin = int(at.timestamp())
        header = {"alg": "RS256", "typ": "JWT", "kid": self.key_id}
        body = {
            "iss": self.email, "scope": SCOPE, "aud": AUDIENCE, "iat": begin,
            "exp": begin + int(CLAIM.total_seconds()),
        }  # fmt: skip
        signed = b".".join(_spelled(msgspec.json.encode(part)) for part in (header, body))
        signature = self.key.sign(signed, PKCS1v15(), SHA256())
        return (signed + b"." + _spelled(signature)).decode()


def service_account(text: str) -> ServiceAccount:
    """Read the JSON file that Google gives for a service account.

    :raises BadServiceAccount: when it is something else.
    """
    try:
        file = msgspec.json.decode(text, type=_File)
        key = load_pem_private_key(file.private_key.encode(), password=None)
    except (msgspec.DecodeError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadServiceAccount(reason=str(error)) from error
    if not isinstance(key, RSAPrivateKey):
        raise BadServiceAccount(reason="its key is not RSA")
    return ServiceAccount(
        email=file.client_email, key=key, key_id=file.private_key_id, token_uri=file.token_uri
    )


def _spelled(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")
