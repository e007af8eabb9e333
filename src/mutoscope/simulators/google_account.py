"""Google's sign-in of programs, simulated: a service account's signed claim becomes a token.

The account's private key is no secret: it opens nothing but the simulator beside it.
"""

import json
from base64 import urlsafe_b64decode
from datetime import datetime, timedelta
from functools import cache
from math import lcm
from typing import Any, Final
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from mutoscope.simulators.exchange import Answer, Call

EMAIL: Final = "studio@simulator.iam.gserviceaccount.com"
KEY_ID: Final = "simulator-1"
SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
AUDIENCE: Final = "https://oauth2.googleapis.com/token"
"""Whom a claim names, wherever it is sent: Google's own clients name no other."""

GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_S: Final = 3_599
CLAIM_S: Final = 3_600
SKEW_S: Final = 60

_EXPONENT: Final = 65_537
_P: Final = int(
    "d795f18ffed96828ff02d2bad4f8714203841786df54d3bbed332447d705b5eb"
    "6541e08d0a22a015c4bc907295b6d4ff1bb0b0fc3acd48f00ba1a263325db5d3"
    "cbfbe75603e1ea33728ab3785b396068a5c9f1dc2c5359537233f98fe86ba0eb"
    "6b0349ee0705b905925f53b417c3090854d9133e3509a459e62a69a817060ffb",
    16,
)
_Q: Final = int(
    "d75e9534cebc5c151ffcab27271185ca806e48876c234d15c456a950b314e4e8"
    "f33c777d6bde681da81f9d4f149da730f017cdff87ae24994ea61d069699ac78"
    "9f8992c6e58c9724b904bec9c5c9bfbe27c56079e2c4d8a119a60e03ad5833e7"
    "de7133d43d25c69394d53f9e17e4fdba8f9188b6ec7514c6ae06e1cfb1f4c549",
    16,
)


def account(*, token_uri: str) -> str:
    """Return the account as the file that Google hands out."""
    pem = _key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return json.dumps({
        "type": "service_account", "project_id": "simulator", "private_key_id": KEY_ID,
        "private_key": pem.decode(), "client_email": EMAIL, "token_uri": token_uri,
    })  # fmt: skip


class Tokens:
    """The tokens that were given out, with their ends."""

    def __init__(self) -> None:
        self._ends: dict[str, datetime] = {}

    def exchanged(self, call: Call, *, at: datetime) -> Answer:
        """Return a token for a claim that is signed and in its time."""
        form = parse_qs(call.body.decode("latin-1"))
        if form.get("grant_type") != [GRANT]:
            return _refused("unsupported_grant_type", "Invalid grant_type.")
        claim = _claimed(form.get("assertion", [""])[0])
        if claim is None:
            return _refused("invalid_grant", "Invalid JWT Signature.")
        if claim.get("iss") != EMAIL or claim.get("aud") != AUDIENCE:
            return _refused("invalid_grant", "Invalid JWT: issuer or audience.")
        begin, end, now = claim.get("iat", 0), claim.get("exp", 0), at.timestamp()
        if not (begin - SKEW_S <= now < end <= begin + CLAIM_S):
            return _refused("invalid_grant", "Invalid JWT: Token must be a short-lived token.")
        if claim.get("scope") != SCOPE:
            return _refused("invalid_scope", "Invalid OAuth scope.")
        token = f"ya29.simulator-{len(self._ends) + 1}"
        self._ends[token] = at + timedelta(seconds=TOKEN_S)
        told = {"access_token": token, "expires_in": TOKEN_S, "token_type": "Bearer"}
        return Answer(content=told)

    def is_good(self, header: str, *, at: datetime) -> bool:
        """Tell whether a header bears a token that is alive."""
        end = self._ends.get(header.removeprefix("Bearer "))
        return header.startswith("Bearer ") and end is not None and at < end


@cache
def _key() -> RSAPrivateKey:
    exponent = pow(_EXPONENT, -1, lcm(_P - 1, _Q - 1))
    numbers = RSAPrivateNumbers(
        p=_P, q=_Q, d=exponent, dmp1=rsa_crt_dmp1(exponent, _P), dmq1=rsa_crt_dmq1(exponent, _Q),
        iqmp=rsa_crt_iqmp(_P, _Q), public_numbers=RSAPublicNumbers(_EXPONENT, _P * _Q),
    )  # fmt: skip
    return numbers.private_key()


def _claimed(assertion: str) -> dict[str, Any] | None:
    """Return what a signed claim says; None where it is not signed by the account."""
    try:
        head, body, signature = assertion.split(".")
        header, claim = (json.loads(_decoded(text)) for text in (head, body))
        signed = f"{head}.{body}".encode()
        _key().public_key().verify(_decoded(signature), signed, PKCS1v15(), SHA256())
    except (ValueError, InvalidSignature):
        return None
    is_ours = header.get("alg") == "RS256" and header.get("kid") == KEY_ID
    return claim if is_ours and isinstance(claim, dict) else None


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _refused(code: str, message: str) -> Answer:
    return Answer(status=400, content={"error": code, "error_description": message})
