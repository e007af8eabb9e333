"""A desk on the stage: a workspace with a plan, staff of each role, and cards that are kept.

Passwords are left out where nobody signs in: their digests cost a sixth of a second each.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from mutoscope.app import proposals
from mutoscope.app.desk import DeskOrder, Done, Proposed
from mutoscope.app.desk_cards import Card
from mutoscope.app.staff import TOKEN_LASTS, new_secret
from mutoscope.app.studio import Studio
from mutoscope.bootstrap import House
from mutoscope.domain.desk import Budget, DeskRules
from mutoscope.domain.staff import Actor, Role
from mutoscope.domain.staff_token import STAFF_PREFIX, token_digest, token_of
from mutoscope.storage import history, staff
from mutoscope.storage.session import SideRow
from mutoscope.storage.staff import StaffMember
from studio_fixture import Lines, lines, open_workspace
from studio_stage import Stage, open_stage

REASON = "the clip came out black"
GOODWILL = {"kind": "video", "credits": 40}


@dataclass
class Desk:
    """The desk of a studio, with a customer on the plan Pro."""

    stage: Stage
    workspace_id: UUID
    grace: Actor
    ada: Actor

    @property
    def studio(self) -> Studio:
        return self.stage.studio

    def rule(self, *, above: int | None = None, video: int | None = None) -> None:
        """Set the operator's rules."""
        budgets = () if video is None else (Budget(kind="video", credits=video),)
        rules = DeskRules(four_eyes_above=above, budgets=budgets)
        (version,) = self.studio.catalog.versions
        catalog = replace(self.studio.catalog, versions=(replace(version, desk=rules),))
        self.stage.studio = replace(self.studio, catalog=catalog)

    async def act(
        self,
        actor: Actor,
        action: str,
        *,
        key: str = "press-1",
        reason: str = REASON,
        **data: object,
    ) -> Done | Proposed:
        """Press a button of the desk."""
        order = DeskOrder(
            action=action, workspace_id=self.workspace_id, data=data, reason=reason, key=key
        )
        return await proposals.act(self.studio, actor, order=order)

    async def propose(self, credits_wanted: int = 40, **more: object) -> Proposed:
        """Let Grace propose goodwill above the limit."""
        self.rule(above=10)
        data = {**GOODWILL, "credits": credits_wanted, **more}
        found = await self.act(self.grace, "goodwill", **data)
        assert isinstance(found, Proposed)
        return found

    async def lines(self) -> Lines:
        """Return the video wallet's lines, but for the plan's own grant."""
        return (await lines(self.stage, kind="video", workspace_id=self.workspace_id))[1:]

    async def counts(self) -> tuple[int, int, int]:
        """Return how many cards, audit lines and entries there are."""
        async with self.studio.reading() as connection:
            row = await connection.fetchrow(
                "SELECT (SELECT count(*) FROM outbox WHERE recipient = 'thread'),"
                " (SELECT count(*) FROM audit_lines),"
                " (SELECT count(*) FROM entries WHERE namespace IN ('desk', 'proposal'))"
            )
        return tuple(row)

    async def last_line(self) -> history.Line:
        """Return the video wallet's newest line."""
        async with self.studio.reading() as connection:
            found = await history.page(connection, workspace_id=self.workspace_id, kind="video")
        return found.lines[0]

    async def fetch(self, query: str, *arguments: object) -> Any:  # noqa: ANN401 -- a value
        async with self.studio.reading() as connection:
            return await connection.fetchval(query, *arguments)


@asynccontextmanager
async def open_desk(url: str, folder: Path) -> AsyncIterator[Desk]:
    """Set the desk up on a fresh database."""
    async with open_stage(url, folder) as stage:
        stage.studio = replace(stage.studio, post_card=keep_card)
        workspace_id = await open_workspace(stage, plan="pro")
        grace = await join(stage, "grace", Role.SUPPORT, Role.FINANCE)
        ada = await join(stage, "ada", Role.FINANCE)
        yield Desk(stage, workspace_id, grace, ada)


async def join(stage: Stage | House, name: str, *roles: Role, email: str | None = None) -> Actor:
    """Let somebody be of the staff, who has just given a password."""
    at = stage.studio.clock.now()
    member = StaffMember(
        staff_id=stage.studio.ids.new(), name=name, email=email or f"{name}@studio.example",
        password="none", roles=roles, state="active", added_at=at,
    )  # fmt: skip
    async with stage.studio.reading() as connection:
        await staff.write_staff(connection, [member.row()])
    return member.actor(authenticated_at=at)


async def token_of_new(stage: Stage | House, name: str, *roles: Role) -> tuple[Actor, str]:
    """Let somebody be of the staff, and return them with a token of theirs."""
    actor, studio = await join(stage, name, *roles), stage.studio
    token = token_of(prefix=STAFF_PREFIX, secret=new_secret(studio))
    async with studio.reading() as connection:
        member = await staff.active(connection, name=name)
        await staff.add_token(
            connection, token_digest=token_digest(token=token), member=member,
            at=actor.authenticated_at, expires_at=actor.authenticated_at + TOKEN_LASTS,
        )  # fmt: skip
    return actor, token


def keep_card(card: Card) -> tuple[SideRow, ...]:
    """Return what keeps a card: a message, which stands in for those of a chat."""
    row = (card.workspace_id, card.message_id, card.card, card.at)
    return (SideRow(write_cards, row),)


async def write_cards(connection: Any, rows: Sequence[tuple[Any, ...]]) -> int:  # noqa: ANN401 -- the writer's
    for row in rows:
        await connection.execute(
            "INSERT INTO outbox (workspace_id, message_id, recipient, subject, body, created_at)"
            " VALUES ($1, $2, 'thread', $3, '', $4)",
            *row,
        )
    return len(rows)


def lose_card(card: Card) -> tuple[SideRow, ...]:
    """Return a card that its table does not take."""
    return (SideRow(write_nothing, (card.message_id,)),)


async def write_nothing(_connection: object, _rows: Sequence[tuple[Any, ...]]) -> int:
    return 0
