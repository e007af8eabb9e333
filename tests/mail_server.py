"""A real mail server on the loopback, with STARTTLS, a login and a temper that a test sets."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mutoscope.mail.smtp import SmtpAccount, SmtpMailer

USER, PASSWORD = "studio", "p@ss word"
CUT = "cut"
"""An answer that is none: the connection is closed after the letter was received."""


@dataclass
class MailServer:
    """What a server answers, in order, and what it took."""

    host: str = "127.0.0.1"
    port: int = 0
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    to_recipients: list[str] = field(default_factory=list)
    to_letters: list[str] = field(default_factory=list)
    taken: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    has_taken: asyncio.Event = field(default_factory=asyncio.Event)

    def mailer(self, *, password: str = PASSWORD, scheme: str = "smtp+starttls") -> SmtpMailer:
        """Return a mailer that trusts this server."""
        account = SmtpAccount(
            host=self.host, port=self.port, scheme=scheme, user=USER, password=password,
            sender_name="Example, Pictures", sender="billing@example.com",
        )  # fmt: skip
        return SmtpMailer(account=account, tls=self.tls)

    async def handle_RCPT(self, *told: Any) -> str:  # noqa: ANN401, N802 -- aiosmtpd's own
        envelope, address = told[2:4]
        answer = self.to_recipients.pop(0) if self.to_recipients else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802 -- the same
        self, server: SMTP, _: Session, envelope: Envelope
    ) -> str:
        answer = self.to_letters.pop(0) if self.to_letters else "250 taken"
        if answer == CUT or answer.startswith("250"):
            self.has_taken.set()
            self.envelopes.append(envelope)
            self.taken.append(message_from_bytes(envelope.content, policy=policy.default))
        if answer == CUT:
            server.transport.abort()
        return answer


@asynccontextmanager
async def open_mail_server(folder: Path, *, is_tls: bool = False) -> AsyncIterator[MailServer]:
    """Run a server that wants TLS, from the first byte or by STARTTLS, and a login."""
    certificate, key = _certificate(folder)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate, key)
    server = MailServer()
    server.tls.load_verify_locations(certificate)
    listener = await asyncio.get_running_loop().create_server(
        lambda: SMTP(
            server, tls_context=None if is_tls else served, require_starttls=not is_tls,
            auth_require_tls=not is_tls, auth_required=not is_tls,
            authenticator=_judge, hostname="loopback", enable_SMTPUTF8=True,
        ),
        host=server.host, port=0, ssl=served if is_tls else None,
    )  # fmt: skip
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await listener.wait_closed()


def _judge(*told: Any) -> AuthResult:  # noqa: ANN401 -- aiosmtpd's own
    login = told[4]
    assert isinstance(login, LoginPassword)
    is_known = (login.login, login.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_known, handled=False)


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of the loopback, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    places = folder / "certificate.pem", folder / "key.pem"
    places[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    places[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )  # fmt: skip
    return places
