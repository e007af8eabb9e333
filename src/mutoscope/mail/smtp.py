"""Mail by SMTP: over TLS, with a login, one connection a letter.

Owns the shape of a letter on the wire and the judgement of a server's answers. Invariant: no text
of a letter becomes a header or a command of its own. The surprising choice: a refused login or
sender is a passing trouble, since it is the operator's to mend and no fault of the letter; only
what a server says about the recipient or the content is final.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import aiosmtplib

from mutoscope.app.letter import MailError
from mutoscope.domain.credits import Refusal

if TYPE_CHECKING:
    from mutoscope.app.letter import Letter

ANSWER_TIMEOUT_S: Final = 60
"""Seconds for one answer of a server: some look a letter over before they take it."""

LETTER_TIMEOUT_S: Final = 240
"""Seconds for a letter as a whole, from the connection to the last answer."""

WORDS_MAX: Final = 500
PERMANENT: Final = 500
PORTS: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_ADDRESS: Final = re.compile(r"[^@\s<>,;:\"()\[\]\\\x00-\x1f\x7f]+@(?:[\w-]+\.)+[\w-]+")
_SENDER: Final = re.compile(
    rf"\"?(?P<name>[^\"<>\x00-\x1f\x7f]*)\"? *<(?P<address>{_ADDRESS.pattern})>"
    rf"|(?P<alone>{_ADDRESS.pattern})"
)
_OF_ADDRESS: Final = re.compile(r"5\.(1\.\d+|2\.1)\b")
"""Enhanced codes of RFC 3463 by which a server names the address as the trouble."""

_CUT: Final = (OSError, aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError)


class BadMailServer(Refusal):
    """A mail server or a sender's address that cannot be used as it is written."""

    code = "bad_mail_server"

    def __init__(self, *, name: str, remedy: str) -> None:
        super().__init__(f"{name} cannot be used: {remedy}")
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpAccount:
    """Where letters are handed over, and from whom they are."""

    host: str
    port: int
    scheme: str
    user: str | None
    password: str | None = field(repr=False)
    sender_name: str
    sender: str


class SmtpMailer:
    """Hands letters to one mail server."""

    def __init__(self, *, account: SmtpAccount, tls: ssl.SSLContext | None = None) -> None:
        """Prepare a mailer; without `tls` it trusts whom this machine trusts."""
        self._account = account
        self._tls = tls or ssl.create_default_context()

    async def send(self, *, letter: Letter) -> None:
        """Hand a letter over; once the server has taken it nothing can fail any more.

        :raises MailError: when the server did not take it, or nobody knows whether it did.
        """
        message = self._message(letter)
        client = self._client()
        try:
            async with asyncio.timeout(LETTER_TIMEOUT_S):
                await self._connect(client)
                await self._hand_over(client, message, letter.recipient)
        except TimeoutError as error:
            sentence = f"the server took more than {LETTER_TIMEOUT_S} seconds"
            raise MailError(sentence, is_doubtful=True) from error
        finally:
            await _leave(client)

    def _client(self) -> aiosmtplib.SMTP:
        account = self._account
        return aiosmtplib.SMTP(
            hostname=account.host, port=account.port, timeout=ANSWER_TIMEOUT_S,
            use_tls=account.scheme == "smtps", start_tls=account.scheme == "smtp+starttls",
            tls_context=self._tls, local_hostname=account.sender.rpartition("@")[2],
            username=account.user, password=account.password,
        )  # fmt: skip

    async def _connect(self, client: aiosmtplib.SMTP) -> None:
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailError(f"no connection: {_words(error)}") from error

    async def _hand_over(
        self, client: aiosmtplib.SMTP, message: EmailMessage, recipient: str
    ) -> None:
        try:
            await client.send_message(message, sender=self._account.sender, recipients=[recipient])
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _refused(error.recipients[0], is_of_address=True) from error
        except aiosmtplib.SMTPDataError as error:
            is_of_address = _OF_ADDRESS.search(error.message) is not None
            raise _refused(error, is_of_address=is_of_address) from error
        except _CUT as error:
            raise MailError(f"the connection was cut: {_words(error)}", is_doubtful=True) from error
        except aiosmtplib.SMTPException as error:
            raise MailError(_words(error)) from error

    def _message(self, letter: Letter) -> EmailMessage:
        account = self._account
        if not _ADDRESS.fullmatch(letter.recipient):
            sentence = f"{letter.recipient[:80]!r} is no address"
            raise MailError(sentence, permanent=True, is_of_address=True)
        message = EmailMessage(policy=POLICY)
        message["From"] = Address(account.sender_name, addr_spec=account.sender)
        message["To"] = Address(addr_spec=letter.recipient)
        message["Subject"] = " ".join(letter.subject.split())
        message["Date"] = letter.created_at
        message["Message-ID"] = f"<{letter.message_id}@{account.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.body, cte="quoted-printable")
        if letter.page is not None:
            message.add_attachment(
                letter.page, maintype="application", subtype="pdf",
                filename=f"{letter.page_name}.pdf",
            )  # fmt: skip
        return message


def smtp_account(*, url: str, sender: str) -> SmtpAccount:
    """Return the account that settings name; `sender` is an address, with a name or without.

    :raises BadMailServer: when one of them cannot be used; a password is never told.
    """
    written = _SENDER.fullmatch(sender.strip())
    if written is None:
        remedy = "write an address, such as Studio <billing@example.com>"
        raise BadMailServer(name="MUTOSCOPE_MAIL_FROM", remedy=remedy)
    parts = urlsplit(url)
    port = _port(url)
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or port == 0:
        remedy = "write it as smtp+starttls://USER:PASSWORD@HOST:587, or with smtps"
        raise BadMailServer(name="MUTOSCOPE_SMTP_URL", remedy=remedy)
    if parts.scheme == "smtp" and parts.password and parts.hostname not in LOOPBACK:
        remedy = "a password would travel in the clear: use smtp+starttls or smtps"
        raise BadMailServer(name="MUTOSCOPE_SMTP_URL", remedy=remedy)
    return SmtpAccount(
        host=parts.hostname, port=port or PORTS[parts.scheme], scheme=parts.scheme,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        sender_name=(written["name"] or "").strip(), sender=written["address"] or written["alone"],
    )  # fmt: skip


def _port(url: str) -> int | None:
    """Return the port of an address, None without one, and 0 when it is none."""
    try:
        return urlsplit(url).port
    except ValueError:
        return 0


async def _leave(client: aiosmtplib.SMTP) -> None:
    """Say goodbye; whatever a server answers to that is nobody's trouble."""
    if client.is_connected:
        with suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=1)
    client.close()


def _refused(error: aiosmtplib.SMTPResponseException, *, is_of_address: bool) -> MailError:
    permanent = error.code >= PERMANENT
    return MailError(_words(error), permanent=permanent, is_of_address=permanent and is_of_address)


def _words(error: Exception) -> str:
    """Return what the server said, on one line; where it said nothing, what went wrong here."""
    code = f"{error.code} " if isinstance(error, aiosmtplib.SMTPResponseException) else ""
    message = getattr(error, "message", None) or str(error) or type(error).__name__
    cause = f" {type(error.__cause__).__name__}" if error.__cause__ else ""
    return " ".join(f"{code}{message}{cause}".split())[:WORDS_MAX]
