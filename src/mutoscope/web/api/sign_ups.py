"""Sign-ups: a stranger asks for a workspace, proves the address, and has the trial.

Neither route needs a key of the house. Invariant: the code goes to the address alone, and the
answer to a sign-up tells nothing of who is known here.
"""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, post
from litestar.params import FromPath, JSONBody

from mutoscope.app.newcomers import Newcomer, SignUpsClosed, TooManySignUps, sign_up_newcomer
from mutoscope.app.sign_up import CODE_LASTS, BadCode, BadEmail, TrialTaken, verify_email
from mutoscope.domain.credits import BadKey
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.team import BadName
from mutoscope.domain.wall_clock import UnknownZone
from mutoscope.storage.workspaces import UnknownWorkspace, Workspace
from mutoscope.web.api.shape import HouseHere, IdempotencyKey, Text
from mutoscope.web.api.workspaces import Name, replay_headers
from mutoscope.web.client_address import network_of
from mutoscope.web.errors import IdempotencyKeyMissing, documented

SIGN_UPS: Final = "/sign-ups"
BODY: Final = ("not_json", "body_too_large")
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=20)]


class NewSignUp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who signs up: the address that is sent the code, and what the workspace is to be called."""

    email: Text
    name: Name
    zone: Text = "UTC"


class SignUpShape(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace that waits for the code; it is the same whoever has the address."""

    workspace_id: UUID
    email: str
    code_expires_at: datetime


class Proof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The six digits that were sent."""

    code: Code


@post(
    SIGN_UPS, operation_id="signUp", tags=["sign-ups"],
    summary="Sign up without a key: a code goes to the address, so often in a time",
    responses=documented(
        SignUpsClosed, TooManySignUps, BadEmail, BadName, UnknownZone, BadKey, KeyReused,
        IdempotencyKeyMissing, *BODY,
    ),
)  # fmt: skip
async def sign_up(
    *, request: Request[Any, Any, Any], house: HouseHere, data: JSONBody[NewSignUp],
    idempotency_key: IdempotencyKey,
) -> Response[SignUpShape]:  # fmt: skip
    """Sign up; a repeat with the same key from the same client address sends no second code."""
    network = network_of(
        client=request.scope["client"], forwarded=request.headers.getall("x-forwarded-for", []),
        proxies=house.proxies,
    )  # fmt: skip
    newcomer = Newcomer(name=data.name, email=data.email, zone=data.zone, network=network)
    workspace, is_replay = await sign_up_newcomer(
        house.studio, newcomer=newcomer, key=idempotency_key
    )
    shape = SignUpShape(
        workspace_id=workspace.workspace_id, email=str(workspace.email),
        code_expires_at=workspace.created_at + CODE_LASTS,
    )  # fmt: skip
    return Response(shape, headers=dict(replay_headers(is_replay=is_replay)))


@post(
    SIGN_UPS + "/{workspace_id:uuid}/verify", operation_id="verifySignUp", tags=["sign-ups"],
    status_code=200, summary="Prove the address by the code: the trial begins, once a person",
    responses=documented(UnknownWorkspace, BadCode, TrialTaken, *BODY),
)  # fmt: skip
async def verify_sign_up(
    *, house: HouseHere, workspace_id: FromPath[UUID], data: JSONBody[Proof]
) -> Workspace:
    """Take the code; a repeat while it is valid mends what was cut short, and grants no more."""
    return await verify_email(house.studio, workspace_id=workspace_id, code=data.code)
