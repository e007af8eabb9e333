"""The ledger by batch: up to 1,000 operations a call, each with a key and an outcome of its own.

Owns the shapes of the operations. Invariant: each operation is granted or refused alone, and
repeating a batch moves nothing twice. The surprising choice: a grant without `effective_at` takes
effect when its workspace was opened, so that a repeat says the same as the first.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, NamedTuple
from uuid import UUID

import msgspec
from litestar import post
from litestar.params import FromPath, JSONBody
from litestar.types import Scope
from msgspec import Meta

from mutoscope.app import raw_ledger
from mutoscope.app.studio import Studio
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import AMOUNT_MAX, Refusal, checked_instant
from mutoscope.domain.journal import NOBODY, Attribution
from mutoscope.domain.lots import Source, Terms
from mutoscope.domain.planner import Answer, Outcome
from mutoscope.domain.requests import Request, checked
from mutoscope.ledger import HOLD_S, HOLD_S_MAX, NAMESPACE
from mutoscope.storage import workspaces
from mutoscope.storage.workspaces import UnknownWorkspace
from mutoscope.web.api.history import EntryShape, entry_shape
from mutoscope.web.api.shape import Text
from mutoscope.web.errors import documented, problem_of

OPERATIONS_MAX: Final = 1_000
KNOWN_MAX: Final = 100_000
"""Workspaces that are remembered: some 20 MB."""

Amount = Annotated[int, Meta(ge=1, le=AMOUNT_MAX)]
AmountOrNone = Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
HoldSpan = Annotated[int, Meta(ge=1, le=HOLD_S_MAX)]


class Moment(NamedTuple):
    """When a batch is asked for, and since when its workspace is open."""

    now: datetime
    opened_at: datetime


class Operation(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="operation"
):
    """What every operation has: the wallet's kind, a key, and who and why where there is one."""

    kind: Text
    key: Text
    reason: Text | None = None
    member_id: UUID | None = None
    project_id: UUID | None = None
    api_key_id: UUID | None = None


class Grant(Operation, frozen=True, kw_only=True, tag="grant"):
    """Give credits as one lot: where it comes from, and when it may be spent."""

    amount: Amount
    source: Text = Source.PACK
    effective_at: datetime | None = None
    expires_at: datetime | None = None
    reference: Text | None = None
    is_frozen: bool = False


class Hold(Operation, frozen=True, kw_only=True, tag="hold"):
    """Set credits aside for `hold_s` seconds; a metered hold draws no lot."""

    amount: Amount
    hold_s: HoldSpan = HOLD_S
    is_metered: bool = False


class Settle(Operation, frozen=True, kw_only=True, tag="settle"):
    """Capture an amount of a hold, 0 for nothing, and release the rest."""

    hold: Text
    amount: AmountOrNone


class Release(Operation, frozen=True, kw_only=True, tag="release"):
    """Give a hold back whole."""

    hold: Text


class Charge(Operation, frozen=True, kw_only=True, tag="charge"):
    """Hold and capture at once."""

    amount: Amount


class Meter(Operation, frozen=True, kw_only=True, tag="meter"):
    """Record unlimited use; no lot is drawn."""

    amount: Amount


class Refund(Operation, frozen=True, kw_only=True, tag="refund"):
    """Return what the entry `of` captured, or an amount of it, once."""

    of: Text
    amount: Amount | None = None


class Void(Operation, frozen=True, kw_only=True, tag="void"):
    """Undo a grant: what is left of its lot."""

    grant: Text


AnyOperation = Grant | Hold | Settle | Release | Charge | Meter | Refund | Void


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Operations in the order in which they are to happen."""

    operations: Annotated[list[AnyOperation], Meta(min_length=1, max_length=OPERATIONS_MAX)]


class OutcomeShape(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an operation: its entry, or the problem for which it was refused.

    `lapsed` counts the credits that it gave back to lots which were over by then.
    """

    key: str
    entry: EntryShape | None = None
    is_replay: bool = False
    lapsed: int = 0
    problem: dict[str, Any] | None = None


class Outcomes(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes, in the order of the operations."""

    outcomes: list[OutcomeShape]
    granted: int
    refused: int


class Openings:
    """Since when workspaces are open, remembered: a workspace is never opened twice."""

    def __init__(self) -> None:
        self._known: OrderedDict[UUID, datetime] = OrderedDict()

    async def opened_at(self, studio: Studio, workspace_id: UUID) -> datetime:
        """Return since when a workspace is open.

        :raises UnknownWorkspace: when there is no such workspace.
        """
        opened_at = self._known.get(workspace_id)
        if opened_at is None:
            async with studio.reading() as connection:
                found = await workspaces.get(connection, workspace_id=workspace_id)
            opened_at = self._known[workspace_id] = found.created_at
            if len(self._known) > KNOWN_MAX:
                self._known.popitem(last=False)
        return opened_at


@post(
    "/workspaces/{workspace_id:uuid}/ledger/batch", operation_id="performBatch", tags=["credits"],
    summary="Up to 1,000 ledger operations, each with its own key and outcome", status_code=200,
    responses=documented(
        UnknownWorkspace, "not_json", "body_too_large", "ledger_busy", "clock_went_back"
    ),
)  # fmt: skip
async def perform_batch(
    *, scope: Scope, workspace_id: FromPath[UUID], data: JSONBody[Batch]
) -> Outcomes:
    """Do many operations in few transactions; each is granted or refused alone."""
    state = scope["state"]  # no dependencies: awaiting two costs as much as an operation
    studio: Studio = state["house"].studio
    opened_at = await state["openings"].opened_at(studio, workspace_id)
    moment = Moment(studio.clock.now(), opened_at)
    asked = [_asked(workspace_id, operation, moment) for operation in data.operations]
    requests = [each for each in asked if isinstance(each, Request)]
    answered = iter(await raw_ledger.perform(studio, workspace_id=workspace_id, requests=requests))
    outcomes = [
        _outcome(operation.key, next(answered) if isinstance(each, Request) else each)
        for operation, each in zip(data.operations, asked, strict=True)
    ]
    refused = sum(outcome.problem is not None for outcome in outcomes)
    return Outcomes(outcomes=outcomes, granted=len(outcomes) - refused, refused=refused)


def _grant(operation: Grant, moment: Moment) -> ask.Action:
    ends = operation.expires_at
    terms = Terms(
        source=operation.source,
        effective_at=checked_instant(
            operation.effective_at or moment.opened_at, name="effective_at"
        ),
        expires_at=None if ends is None else checked_instant(ends, name="expires_at"),
        reference=operation.reference,
    )
    return ask.Grant(operation.amount, terms, operation.is_frozen)


def _hold(operation: Hold, moment: Moment) -> ask.Action:
    deadline_at = moment.now + timedelta(seconds=operation.hold_s)
    return ask.Hold(operation.amount, deadline_at, operation.is_metered)


_ACTIONS: Final[dict[type[Operation], Callable[[Any, Moment], ask.Action]]] = {
    Grant: _grant,
    Hold: _hold,
    Settle: lambda asked, _: ask.Settle(_reference(asked.hold), asked.amount),
    Release: lambda asked, _: ask.Release(_reference(asked.hold)),
    Charge: lambda asked, _: ask.Charge(asked.amount),
    Meter: lambda asked, _: ask.Meter(asked.amount),
    Refund: lambda asked, _: ask.Refund(_reference(asked.of), asked.amount),
    Void: lambda asked, _: ask.Void(_reference(asked.grant)),
}


def _asked(workspace_id: UUID, operation: Operation, moment: Moment) -> Request | Refusal:
    """Return the request of an operation, or why it can be none."""
    try:
        return checked(Request(
            workspace_id, operation.kind, NAMESPACE, operation.key,
            _ACTIONS[type(operation)](operation, moment), _attribution(operation), operation.reason,
        ))  # fmt: skip
    except Refusal as refusal:
        return refusal


def _attribution(operation: Operation) -> Attribution:
    who = Attribution(operation.member_id, operation.project_id, operation.api_key_id)
    return NOBODY if who == NOBODY else who


def _outcome(key: str, outcome: Outcome) -> OutcomeShape:
    if isinstance(outcome, Refusal):
        return OutcomeShape(key=key, problem=problem_of(outcome))
    (answer,) = outcome
    return _granted(key, answer)


def _granted(key: str, answer: Answer) -> OutcomeShape:
    entry = answer.entry and entry_shape(kind=answer.kind, entry=answer.entry)
    return OutcomeShape(key=key, entry=entry, is_replay=answer.is_replay, lapsed=answer.lapsed)


def _reference(key: str) -> ask.Reference:
    return ask.Reference(NAMESPACE, key)
