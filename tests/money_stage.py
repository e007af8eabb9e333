"""A house that sells, over its API: transfers that staff confirm, purchases that are enabled."""

from typing import Any
from uuid import UUID

from api_client import Api
from mutoscope.app.confirm import confirm_payment
from mutoscope.app.fulfil import add_credits
from mutoscope.app.pay_links import PATH

NOBODYS_ID = "00000000-0000-0000-0000-000000000001"
PACK = {"pack": "video_1500"}


def id_of(workspace: str) -> UUID:
    return UUID(workspace.rpartition("/")[2])


async def with_plan(api: Api, plan: str = "pro", *, name: str = "Aurora") -> str:
    """Open a workspace with a plan on account that may buy credits; return its address."""
    workspace = await api.workspace(name, is_demo=False)
    begun = await api.post(f"{workspace}/plan", {"plan": plan}, key="plan-1")
    assert begun.status_code == 201, begun.text
    await enable_purchases(api, workspace)
    return workspace


async def enable_purchases(api: Api, workspace: str) -> None:
    """Let a workspace buy credits."""
    async with api.house.studio.reading() as connection:
        await connection.execute(
            "UPDATE workspaces SET purchases_enabled_at = now() WHERE workspace_id = $1",
            id_of(workspace),
        )


async def ordered(api: Api, workspace: str, *, key: str = "buy-1") -> dict[str, Any]:
    """Order a pack, and return the answer's body."""
    answer = await api.post(f"{workspace}/purchases", PACK, key=key)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def confirm(api: Api, request: dict[str, Any]) -> None:
    """Let staff confirm the transfer of a payment request."""
    received = await confirm_payment(
        api.house.studio, workspace_id=UUID(request["workspace_id"]),
        request_id=UUID(request["request_id"]), reference=f"transfer {request['request_id']}",
    )  # fmt: skip
    assert received.outcome == "applied", received


async def add(api: Api, purchase: dict[str, Any]) -> None:
    """Let staff add the credits of a purchase."""
    await add_credits(
        api.house.studio, workspace_id=UUID(purchase["workspace_id"]),
        purchase_id=UUID(purchase["purchase_id"]),
    )  # fmt: skip


def path_of(url: str) -> str:
    """Return the path of a link to pay, which begins with the house's public address."""
    return f"{PATH}{url.partition(PATH)[2]}"
