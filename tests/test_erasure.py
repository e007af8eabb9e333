"""A customer is forgotten: no table knows who it was, and ledger and audit stay proved."""

from dataclasses import replace

import pytest

from desk_stage import Desk, join
from money_desk_stage import at_work
from mutoscope.app import chat, members, storyboard
from mutoscope.app.audit import verify_audit
from mutoscope.app.billing_details import set_details
from mutoscope.app.chat import post_card
from mutoscope.app.desk import Done
from mutoscope.app.desk_erasure import WorkspaceOpen
from mutoscope.app.generate import Wish
from mutoscope.app.members import InvitationWish
from mutoscope.app.storyboard import FrameText
from mutoscope.app.verify import Scope, verify
from mutoscope.domain.chat import Words, creator
from mutoscope.domain.invoices import Party
from mutoscope.domain.staff import Actor, NotAllowed, NotReauthenticated, Role
from mutoscope.storage.database import connect
from studio_fixture import place

MARK = "zanzibar"
KEPT = {"invoices", "invoice_lines"}
TEXTS = """
SELECT c.table_name, c.column_name FROM information_schema.columns AS c
INNER JOIN information_schema.tables AS t USING (table_schema, table_name)
WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
"""


async def found(desk: Desk) -> set[str]:
    """Return the columns, whatever their type, in which the mark stands, but for invoices."""
    async with desk.studio.reading() as connection:
        columns = await connection.fetch(TEXTS)
        return {
            f"{table}.{column}"
            for table, column in columns
            if table not in KEPT
            and await connection.fetchval(
                f'SELECT EXISTS (SELECT 1 FROM "{table}" AS x'
                f' WHERE strpos(lower(x."{column}"::text), $1) > 0)', MARK,
            )
        }  # fmt: skip


BESIDE = (
    "INSERT INTO bounced_addresses VALUES ($1, 'ada@zanzibar.example', 'no zanzibar', now())",
    (
        "INSERT INTO webhook_endpoints (workspace_id, endpoint_id, creation_key, url, event_types,"
        " secret, state, created_at) VALUES"
        " ($1, gen_random_uuid(), 'zanzibar', 'https://zanzibar.example', '{}', 'x', 'on', now())"
    ),
)


async def busy(desk: Desk) -> None:
    """Let a customer be known everywhere: chat, letters, team, bills, notes, reasons, work."""
    studio, about = desk.studio, {"workspace_id": desk.workspace_id}
    desk.stage.studio = replace(studio, post_card=post_card)
    await desk.fetch(
        "UPDATE workspaces SET name = 'Zanzibar', email = 'ada@zanzibar.example', is_demo = TRUE"
        " WHERE workspace_id = $1", desk.workspace_id,
    )  # fmt: skip
    await chat.say(
        studio, **about, thread_id=None, author=creator(**about),
        words=Words(body="I am of Zanzibar"), key="hello",
    )  # fmt: skip
    wish = InvitationWish(email="bob@zanzibar.example", name="Bob Zanzibar")
    await members.invite(studio, **about, wish=wish, key="bob-zanzibar")
    party = Party(legal_name="Zanzibar Ltd", address=("1 Zanzibar Road",), country="GB")
    await set_details(studio, **about, party=party)
    told = "the customer of Zanzibar asked for it"
    await desk.act(desk.grace, "goodwill", key="gift", reason=told, kind="video", credits=4)
    desk.rule(above=1)
    await desk.act(
        at_work(desk, desk.grace), "goodwill", key="more", reason=told, kind="video", credits=9
    )
    project = await storyboard.create_project(studio, **about, name="Zanzibar", ratio="16:9")
    scene_id = await storyboard.add_scene(studio, project=project, heading="EXT. ZANZIBAR")
    text = FrameText(description="the harbour of Zanzibar", dialogue="Zanzibar!")
    await storyboard.add_frame(studio, project=project, scene_id=scene_id, text=text)
    wanted = Wish(tool="image_generation", prompt="zanzibar")
    await place(desk.stage, wanted, **about, key="zanzibar")
    await chat.open_thread(
        studio, **about, subject="Zanzibar", author=creator(**about), key="more"
    )  # fmt: skip
    for kept in BESIDE:
        await desk.fetch(kept, desk.workspace_id)


async def forget(desk: Desk, actor: Actor, key: str = "forget") -> Done:
    done = await desk.act(actor, "erase_workspace", key=key, reason="asked for it in letter 12")
    assert isinstance(done, Done)
    return done


MARKED = {
    "workspaces.name", "workspaces.email", "member_names.email", "billing_details.legal_name",
    "chat_messages.body", "threads.subject", "outbox.recipient", "outbox.body", "entry_notes.note",
    "audit_reasons.reason", "proposals.reason", "jobs.spec", "projects.name", "scenes.heading",
    "frames.description", "frames.dialogue", "invitations.request_key", "jobs.request_key",
    "bounced_addresses.email", "webhook_endpoints.url",
}  # fmt: skip


async def proved(desk: Desk, url: str) -> tuple[bool, bool, int]:
    """Return whether the ledger and the audit are clean, and how many reasons are erased."""
    connection = await connect(url)
    now = desk.stage.clock.now
    ledger = await verify(connection, scope=Scope(), private_key=bytes(32), now=now)
    audited = await verify_audit(connection)
    await connection.close()
    return ledger.is_clean, audited.is_clean, audited.erased_reasons


async def test_no_table_knows_who_was_forgotten_and_all_is_proved(
    desk: Desk, database_url: str
) -> None:
    await busy(desk)
    known = await found(desk)
    desk.rule()
    await desk.act(desk.ada, "close", key="close", reason="zanzibar wants to be forgotten")

    await forget(desk, at_work(desk, desk.ada))

    assert known >= MARKED, MARKED - known
    assert await found(desk) == set()
    assert await proved(desk, database_url) == (True, True, 3)


async def test_invoices_stay_as_they_were_issued(desk: Desk) -> None:
    buyers = "SELECT array_agg(buyer::text ORDER BY number) FROM invoices"
    before = await desk.fetch(buyers)
    await desk.act(desk.ada, "close", key="close")

    await forget(desk, desk.ada)

    assert before == await desk.fetch(buyers)
    assert "@example.com" in str(before)


async def test_only_an_admin_with_a_fresh_password_forgets_and_only_what_is_closed(
    desk: Desk,
) -> None:
    sue = await join(desk.stage, "sue", Role.FINANCE)

    with pytest.raises(NotAllowed):
        await forget(desk, sue)
    with pytest.raises(WorkspaceOpen):
        await forget(desk, desk.ada)
    await desk.act(desk.ada, "close", key="close")
    desk.stage.clock.move(minutes=5)
    with pytest.raises(NotReauthenticated):
        await forget(desk, desk.ada)


async def test_an_erasure_is_done_once_under_its_key(desk: Desk) -> None:
    await desk.act(desk.ada, "close", key="close")

    first, again = await forget(desk, desk.ada), await forget(desk, desk.ada)

    assert (first.line, again.is_replay) == (again.line, again.line.at != desk.stage.clock.now())
    card = "SELECT count(*) FROM outbox WHERE subject = 'erase_workspace'"
    assert await desk.fetch(card) == 1
