"""Proposals: what waits for a second person, and how they decide it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from mutoscope.app import proposals
from mutoscope.app.desk import AlreadyDone, Done
from mutoscope.app.proposals import NotYourProposal, ProposalDecided
from mutoscope.domain.audit import BadReason
from mutoscope.domain.desk import SecondPersonNeeded
from mutoscope.domain.proposals import ProposalState
from mutoscope.domain.staff import NotAllowed, NotReauthenticated, StaffAction, require
from mutoscope.storage import proposals as rows
from mutoscope.storage.cursor import BadCursor
from mutoscope.storage.place import LAST, cursor_of, place_of
from mutoscope.storage.proposals import Proposal, UnknownProposal
from mutoscope.storage.session import SideRowRefused
from mutoscope.web.api.callers import ActorHere
from mutoscope.web.api.cursors import After, Limit
from mutoscope.web.api.desk_refusals import ACTING
from mutoscope.web.api.shape import HouseHere, Why
from mutoscope.web.api.workspaces import replay_headers
from mutoscope.web.errors import StaffNeeded, documented

BODY = ("not_json", "body_too_large")
DECIDING = (
    StaffNeeded, NotAllowed, UnknownProposal, ProposalDecided, BadReason, SideRowRefused, *BODY,
)  # fmt: skip
InState = Annotated[ProposalState | None, QueryParameter(description="one state alone")]


class ProposalShape(msgspec.Struct, frozen=True, kw_only=True):
    """An action that waits for a second person, or was decided; an erased reason is None."""

    proposal_id: UUID
    action: str
    workspace_id: UUID
    thread_id: UUID | None
    data: Mapping[str, Any]
    reason: str | None
    proposed_by: UUID
    proposed_at: datetime
    lapses_at: datetime
    state: ProposalState
    decided_by: UUID | None
    decided_at: datetime | None


class ProposalPage(msgspec.Struct, frozen=True, kw_only=True):
    """Proposals, the newest first; `next` is the cursor of the page after, None on the last."""

    proposals: tuple[ProposalShape, ...]
    next: str | None


class ApprovedShape(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal that was approved, and the line of what was done by that."""

    proposal: ProposalShape
    sequence: int
    by: str


@get(
    "/proposals", operation_id="listProposals", tags=["desk"],
    summary="What was proposed at the desk, the newest first",
    responses=documented(StaffNeeded, NotAllowed, BadCursor),
)  # fmt: skip
async def list_proposals(
    *, house: HouseHere, actor: ActorHere, limit: Limit = 50, after: After = None,
    only: InState = None,
) -> ProposalPage:  # fmt: skip
    """Return a page of proposals."""
    require(actor, StaffAction.VIEW)
    begin = place_of(after, begin=LAST)
    async with house.studio.reading() as connection:
        await rows.lapse_proposals(connection, at=house.studio.clock.now())
        found = await rows.page(
            connection, before_at=begin.at, before_id=begin.item_id, state=only, limit=limit + 1
        )
    last = found[limit - 1] if len(found) > limit else None
    following = cursor_of(at=last.proposed_at, item_id=last.proposal_id) if last else None
    return ProposalPage(proposals=tuple(map(proposal_shape, found[:limit])), next=following)


@get(
    "/proposals/{proposal_id:uuid}", operation_id="showProposal", tags=["desk"],
    summary="A proposal, and what became of it",
    responses=documented(StaffNeeded, NotAllowed, UnknownProposal),
)  # fmt: skip
async def show_proposal(
    *, house: HouseHere, actor: ActorHere, proposal_id: FromPath[UUID]
) -> ProposalShape:
    """Return a proposal."""
    require(actor, StaffAction.VIEW)
    async with house.studio.reading() as connection:
        await rows.lapse_proposals(connection, at=house.studio.clock.now())
        return proposal_shape(await rows.get(connection, proposal_id=proposal_id))


@post(
    "/proposals/{proposal_id:uuid}/approve", operation_id="approveProposal", tags=["desk"],
    status_code=200, summary="Approve a proposal as its second person: it is carried out at once",
    responses=documented(
        NotReauthenticated, SecondPersonNeeded, AlreadyDone, *DECIDING, *ACTING, "key_reused",
    ),
)  # fmt: skip
async def approve_proposal(
    *, house: HouseHere, actor: ActorHere, proposal_id: FromPath[UUID], data: JSONBody[Why]
) -> Response[ApprovedShape]:
    """Approve it; a repeat answers what the first did."""
    done: Done = await proposals.approve(
        house.studio, actor, proposal_id=proposal_id, reason=data.reason
    )
    async with house.studio.reading() as connection:
        proposal = await rows.get(connection, proposal_id=proposal_id)
    shape = ApprovedShape(
        proposal=proposal_shape(proposal), sequence=done.line.sequence, by=done.by
    )
    return Response(shape, headers=replay_headers(is_replay=done.is_replay))


@post(
    "/proposals/{proposal_id:uuid}/refuse", operation_id="refuseProposal", tags=["desk"],
    status_code=200, summary="Refuse what somebody else proposed",
    responses=documented(SecondPersonNeeded, *DECIDING),
)  # fmt: skip
async def refuse_proposal(
    *, house: HouseHere, actor: ActorHere, proposal_id: FromPath[UUID], data: JSONBody[Why]
) -> ProposalShape:
    """Refuse it."""
    return proposal_shape(
        await proposals.refuse(house.studio, actor, proposal_id=proposal_id, reason=data.reason)
    )


@post(
    "/proposals/{proposal_id:uuid}/withdraw", operation_id="withdrawProposal", tags=["desk"],
    status_code=200, summary="Take one's own proposal back",
    responses=documented(NotYourProposal, *DECIDING),
)  # fmt: skip
async def withdraw_proposal(
    *, house: HouseHere, actor: ActorHere, proposal_id: FromPath[UUID], data: JSONBody[Why]
) -> ProposalShape:
    """Withdraw it."""
    return proposal_shape(
        await proposals.withdraw(house.studio, actor, proposal_id=proposal_id, reason=data.reason)
    )


def proposal_shape(proposal: Proposal) -> ProposalShape:
    """Return a proposal as it is shown."""
    return ProposalShape(
        proposal_id=proposal.proposal_id, action=proposal.action,
        workspace_id=proposal.workspace_id, thread_id=proposal.thread_id, data=proposal.data,
        reason=proposal.reason, proposed_by=proposal.proposed_by,
        proposed_at=proposal.proposed_at, lapses_at=proposal.lapses_at, state=proposal.state,
        decided_by=proposal.decided_by, decided_at=proposal.decided_at,
    )  # fmt: skip
