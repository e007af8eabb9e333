"""A letter on the wire: over TLS, to one recipient, with no header but our own."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from invoice_stage import BUYER, bill, issued
from mail_server import MailServer, open_mail_server
from mutoscope.app.letter import Letter, MailError
from mutoscope.app.post import send_due
from mutoscope.storage.outbox import MessageState
from post_stage import messages, only, open_post
from studio_stage import Stage


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[MailServer]:
    async with open_mail_server(tmp_path) as server:
        yield server


@pytest.fixture
async def stage(database_url: str, tmp_path: Path, server: MailServer) -> AsyncIterator[Stage]:
    async with open_post(database_url, tmp_path, server) as stage:
        yield stage


@pytest.mark.parametrize(
    "recipient",
    ["a@b.example\r\nBcc: c@d.example", "a@b.example,c@d.example", "a>@b.example", "a@b", ""],
)
async def test_no_address_becomes_a_header_or_a_command(
    stage: Stage, server: MailServer, recipient: str
) -> None:
    await issued(stage)
    (message,) = await messages(stage)
    async with stage.studio.reading() as connection:
        await connection.execute("UPDATE outbox SET recipient = $1", recipient)

    await send_due(stage.studio)

    assert server.taken == []
    assert (await only(stage)).state is MessageState.BOUNCED
    assert (await only(stage)).message_id == message.message_id


async def test_a_subject_with_lines_stays_a_subject(stage: Stage, server: MailServer) -> None:
    await issued(stage)
    async with stage.studio.reading() as connection:
        await connection.execute("UPDATE outbox SET subject = E'Hi\\r\\nBcc: c@d.example\\r\\n'")

    await send_due(stage.studio)

    (taken,) = server.taken
    assert (taken["Subject"], taken["Bcc"]) == ("Hi Bcc: c@d.example", None)
    assert server.envelopes[0].rcpt_tos == ["books@aurora.example"]


async def test_a_server_that_is_away_or_not_trusted_is_told(
    stage: Stage, server: MailServer
) -> None:
    letter = Letter(
        message_id=uuid4(), recipient="a@b.example", subject="x", body="y",
        created_at=stage.clock.now(),
    )  # fmt: skip
    server.port, port = 1, server.port
    with pytest.raises(MailError, match="no connection"):
        await server.mailer().send(letter=letter)
    server.port = port
    server.tls.check_hostname = True
    server.host = "localhost"

    with pytest.raises(MailError, match=r"no connection.*certificate") as refused:
        await server.mailer().send(letter=letter)

    assert not refused.value.permanent


async def test_letters_go_over_tls_from_the_first_byte_too(stage: Stage, tmp_path: Path) -> None:
    await bill(stage, replace(BUYER, email="books@bücher.example"))
    await issued(stage)
    async with open_mail_server(tmp_path, is_tls=True) as server:
        stage.studio = replace(stage.studio, mailer=server.mailer(scheme="smtps"))

        await send_due(stage.studio)

    assert server.envelopes[0].rcpt_tos == ["books@bücher.example"]
    assert (await only(stage)).state is MessageState.SENT


async def test_a_server_without_tls_is_told_no_password(stage: Stage) -> None:
    heard: list[bytes] = []

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 plain\r\n")
        while line := await reader.readline():
            heard.append(line)
            writer.write(b"250 AUTH PLAIN LOGIN\r\n")
        writer.close()

    listener = await asyncio.start_server(plain, "127.0.0.1", 0)
    server = MailServer(port=listener.sockets[0].getsockname()[1])
    await issued(stage)
    stage.studio = replace(stage.studio, mailer=server.mailer())

    await send_due(stage.studio)

    listener.close()
    assert not [line for line in heard if line.startswith((b"AUTH", b"MAIL"))]
    assert (await only(stage)).state is MessageState.QUEUED
