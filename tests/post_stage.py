"""A stage whose messages go to a mail server, and what became of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from invoice_stage import bill
from mail_server import MailServer
from mutoscope.documents.invoice_pdf import InvoicePdf
from mutoscope.storage import outbox
from mutoscope.storage.outbox import MessageState, StoredMessage
from soundness import assert_sound
from studio_stage import Stage, open_stage


@asynccontextmanager
async def open_post(url: str, folder: Path, server: MailServer) -> AsyncIterator[Stage]:
    """Set the stage with somebody who is billed; the books are sound in the end."""
    async with open_stage(url, folder) as stage:
        stage.studio = replace(
            stage.studio, mailer=server.mailer(), printer=InvoicePdf(fonts=folder / "none")
        )
        await bill(stage)
        yield stage
        await assert_sound(url)


async def messages(stage: Stage) -> list[StoredMessage]:
    async with stage.studio.reading() as connection:
        return list(await outbox.latest(connection, states=list(MessageState), limit=100))


async def only(stage: Stage) -> StoredMessage:
    (message,) = await messages(stage)
    return message
