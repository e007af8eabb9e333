"""What lies in the outbox is sent once a try, through a real server, whatever that answers."""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from pypdf import PdfReader

from invoice_stage import BUYER, PACK, bill, draft, issue, issued
from mail_server import CUT, MailServer, open_mail_server
from mutoscope.app import sign_up
from mutoscope.app.acts import operators_act
from mutoscope.app.post import (
    AT_ONCE_MAX,
    CUT_OFF_AFTER,
    WAITS,
    MessageUnderWay,
    NoAddress,
    NoMailServer,
    bounced,
    send_again,
    send_due,
)
from mutoscope.domain.audit import operator_name
from mutoscope.domain.staff import StaffAction
from mutoscope.storage import audit, billing_details, outbox
from mutoscope.storage.audit import AuditFilters
from mutoscope.storage.outbox import Ending, MessageState, UnknownMessage
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


async def bounce_of(stage: Stage) -> str | None:
    async with stage.studio.reading() as connection:
        found = await billing_details.get(connection, workspace_id=stage.workspace_id)
    assert (found.bounced_at is None) == (found.bounce is None)
    return found.bounce


async def test_an_invoice_arrives_with_its_pdf(stage: Stage, server: MailServer) -> None:
    await issued(stage)

    assert await send_due(stage.studio) == 1

    (taken,) = server.taken
    message = await only(stage)
    assert (message.state, message.sent_at) == (MessageState.SENT, stage.clock.now())
    assert taken["To"] == "books@aurora.example"
    assert taken["From"] == '"Example, Pictures" <billing@example.com>'
    assert taken["Message-ID"] == f"<{message.message_id}@example.com>"
    (page,) = taken.iter_attachments()
    assert page.get_filename() == "INV-2025-000001.pdf"
    text = PdfReader(io.BytesIO(page.get_content())).pages[0].extract_text()
    assert "INV-2025-000001" in text


async def test_a_code_arrives_as_before(stage: Stage, server: MailServer) -> None:
    await sign_up.sign_up(stage.studio, name="Ada", email="ada@example.org", zone="UTC")

    await send_due(stage.studio)

    (taken,) = server.taken
    body = taken.get_body()
    assert body is not None
    assert "Your code is " in body.get_content()
    assert server.envelopes[0].rcpt_tos == ["ada@example.org"]
    assert await send_due(stage.studio) == 0


async def test_a_grey_list_is_waited_for(stage: Stage, server: MailServer) -> None:
    await issued(stage)
    server.to_recipients = ["450 4.2.0 greylisted, come back"]
    await send_due(stage.studio)
    waiting = await only(stage)
    early = await send_due(stage.studio)

    stage.clock.move(seconds=WAITS[0].total_seconds())
    await send_due(stage.studio)

    assert (waiting.state, waiting.failure) == ("queued", "450 4.2.0 greylisted, come back")
    assert (early, waiting.is_repeat) == (0, False)
    assert (await only(stage)).state is MessageState.SENT
    assert len(server.taken) == 1


async def test_a_refused_address_bounces_and_the_next_invoice_stays_here(
    stage: Stage, server: MailServer
) -> None:
    await issued(stage)
    server.to_recipients = ["550 5.1.1 no such user"]
    await send_due(stage.studio)
    stage.clock.move(hours=1)

    await issued(stage)

    last, first = await messages(stage)
    assert (first.state, first.failure) == ("bounced", "550 5.1.1 no such user")
    assert (last.state, last.failure) == (
        "undeliverable", "the address bounced: 550 5.1.1 no such user",
    )  # fmt: skip
    assert await bounce_of(stage) == "550 5.1.1 no such user"
    assert await send_due(stage.studio) == 0


async def test_another_address_ends_the_bounce(stage: Stage, server: MailServer) -> None:
    await issued(stage)
    server.to_recipients = ["550 no"]
    await send_due(stage.studio)
    await bill(stage)
    still = await bounce_of(stage)

    await bill(stage, replace(BUYER, email="new@aurora.example"))
    again = await send_again(stage.studio, message_id=(await only(stage)).message_id)
    await send_due(stage.studio)

    assert (still, await bounce_of(stage)) == ("550 no", None)
    assert (again.recipient, len(server.taken)) == ("new@aurora.example", 1)


async def test_a_refused_letter_does_not_spoil_its_address(
    stage: Stage, server: MailServer
) -> None:
    await issued(stage)
    server.to_letters = ["554 5.7.1 looks like spam"]

    await send_due(stage.studio)

    message = await only(stage)
    assert (message.state, message.failure) == ("bounced", "554 5.7.1 looks like spam")
    assert await bounce_of(stage) is None


async def test_a_connection_that_is_cut_late_is_tried_again_under_the_same_name(
    stage: Stage, server: MailServer
) -> None:
    await issued(stage)
    server.to_letters = [CUT]
    await send_due(stage.studio)
    waiting = await only(stage)

    stage.clock.move(minutes=1)
    await send_due(stage.studio)

    first, second = server.taken
    message = await only(stage)
    assert waiting.state is MessageState.QUEUED
    assert (message.state, message.is_repeat) == (MessageState.SENT, True)
    assert first["Message-ID"] == second["Message-ID"]


async def test_a_wrong_login_is_the_operators_trouble(stage: Stage, server: MailServer) -> None:
    await issued(stage)
    stage.studio = replace(stage.studio, mailer=server.mailer(password="wrong"))

    await send_due(stage.studio)

    message = await only(stage)
    assert (message.state, message.tries) == (MessageState.QUEUED, 1)
    assert (message.failure or "").startswith("no connection: 535")


async def test_a_message_is_given_up_after_a_day(stage: Stage, server: MailServer) -> None:
    await issued(stage)
    began_at = stage.clock.now()
    server.to_recipients = ["451 later"] * (len(WAITS) + 1)

    for wait in (*WAITS, WAITS[0]):
        assert await send_due(stage.studio) == 1
        stage.clock.move(seconds=wait.total_seconds())

    message = await only(stage)
    assert (message.state, message.failure) == (MessageState.GIVEN_UP, "451 later")
    assert message.ended_at is not None
    assert 23 < (message.ended_at - began_at).total_seconds() / 3_600 < 26
    assert await send_due(stage.studio) == 0


async def test_two_workers_send_each_message_once(stage: Stage, server: MailServer) -> None:
    made = [await draft(stage) for _ in range(3 * AT_ONCE_MAX)]
    await issue(stage, *made)

    tried = await asyncio.gather(*(send_due(stage.studio) for _ in range(4)))

    assert sum(tried) == len(made)
    assert len({taken["Message-ID"] for taken in server.taken}) == len(server.taken) == len(made)


async def test_a_worker_that_died_leaves_a_message_that_is_sent_again(
    stage: Stage, server: MailServer
) -> None:
    await issued(stage)
    now = stage.clock.now()
    async with stage.studio.reading() as connection:
        await outbox.claim(connection, at=now, oldest=now - CUT_OFF_AFTER, limit=1)
    early = await send_due(stage.studio)

    stage.clock.move(seconds=CUT_OFF_AFTER.total_seconds() + 1)
    await send_due(stage.studio)

    message = await only(stage)
    assert (early, len(server.taken)) == (0, 1)
    assert (message.state, message.is_repeat, message.tries) == (MessageState.SENT, True, 2)


async def test_what_is_stale_is_left_to_staff(stage: Stage, server: MailServer) -> None:
    await issued(stage)
    stage.clock.move(days=3)

    by_itself = await send_due(stage.studio)
    await send_again(stage.studio, message_id=(await only(stage)).message_id)
    by_hand = await send_due(stage.studio)

    assert (by_itself, by_hand, len(server.taken)) == (0, 1, 1)


async def test_a_bounce_that_comes_later_is_recorded_once(stage: Stage, server: MailServer) -> None:
    await issued(stage)
    message_id = (await only(stage)).message_id
    with pytest.raises(MessageUnderWay):
        await bounced(stage.studio, message_id=message_id, reason="x")
    await send_due(stage.studio)

    act = operators_act(
        stage.studio, "operator:ada@here", action=StaffAction.NOTE_BOUNCE, workspace_id=None,
        reason="mutoscope outbox bounced",
    )  # fmt: skip
    for reason in ("mailbox\r\nfull", "again"):
        found = await bounced(stage.studio, message_id=message_id, reason=reason, act=act)

    assert (found.state, found.failure) == (MessageState.BOUNCED, "mailbox full")
    assert await bounce_of(stage) == "mailbox full"
    assert len(server.taken) == 1
    async with stage.studio.reading() as connection:
        (told,) = await audit.page(connection, filters=AuditFilters(), before=9, limit=9)
    assert (told.line.action, operator_name(told.reason)) == ("note_bounce", "operator:ada@here")


async def test_what_is_not_there_or_has_nobody_is_refused_by_name(stage: Stage) -> None:
    stage.studio = replace(stage.studio, mailer=None)
    await bill(stage, replace(BUYER, email=None))
    await issued(stage)

    with pytest.raises(NoMailServer):
        await send_due(stage.studio)
    with pytest.raises(UnknownMessage):
        await bounced(stage.studio, message_id=UUID(int=1), reason="x")
    with pytest.raises(NoAddress):
        await send_again(stage.studio, message_id=(await only(stage)).message_id)

    assert (await only(stage)).state is MessageState.UNDELIVERABLE


async def test_a_page_that_cannot_be_printed_is_tried_again(
    stage: Stage, server: MailServer
) -> None:
    await issued(stage, replace(PACK, text="\U00020000"))

    await send_due(stage.studio)

    message = await only(stage)
    assert (message.state, server.taken) == (MessageState.QUEUED, [])
    assert "no font here has the letters" in (message.failure or "")


async def test_a_try_that_came_too_late_decides_nothing(stage: Stage) -> None:
    await issued(stage)
    now = stage.clock.now()
    async with stage.studio.reading() as connection:
        (late,) = await outbox.claim(connection, at=now, oldest=now - CUT_OFF_AFTER, limit=1)
        later = now + 2 * CUT_OFF_AFTER
        await outbox.take_back(connection, before=later, at=later, tries_max=8)

        is_ours = await outbox.finish(
            connection, message=late, ending=Ending(state=MessageState.SENT), at=later
        )

    assert (is_ours, (await only(stage)).state) == (False, MessageState.QUEUED)


async def test_a_message_whose_tries_are_always_cut_off_is_given_up(stage: Stage) -> None:
    await issued(stage)
    now = stage.clock.now()
    async with stage.studio.reading() as connection:
        await outbox.claim(connection, at=now, oldest=now - CUT_OFF_AFTER, limit=1)

        await outbox.take_back(connection, before=now + CUT_OFF_AFTER, at=now, tries_max=1)

    message = await only(stage)
    assert (message.state, message.ended_at) == (MessageState.GIVEN_UP, now)


async def test_a_message_under_way_is_not_queued_again(stage: Stage) -> None:
    await issued(stage)
    now = stage.clock.now()
    async with stage.studio.reading() as connection:
        await outbox.claim(connection, at=now, oldest=now - CUT_OFF_AFTER, limit=1)

    with pytest.raises(MessageUnderWay):
        await send_again(stage.studio, message_id=(await only(stage)).message_id)

    assert (await only(stage)).state is MessageState.SENDING
