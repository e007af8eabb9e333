"""The demo rule: in a workspace marked demo nothing is charged, so nothing is ordered or invoiced.

Invariant: the plans of a workspace marked demo are paid over the gateway `DEMO`, which no house has
and over which every price is nothing; a price passes through `charged` before it is billed or told.
The surprising choice: plans start, renew and change there all the same, so that a demo shows their
credits. What somebody would have to pay first is refused.
"""

from dataclasses import replace
from typing import Final

from mutoscope.domain.credits import Refusal
from mutoscope.domain.offers import Money
from mutoscope.storage.workspaces import Workspace

DEMO: Final = "demo"
"""The gateway of a demo workspace's plan."""

NOT_CHARGED: Final = "demo: nothing is charged"
"""What stands beside a price of a demo workspace."""


class DemoWorkspace(Refusal):
    """Something that costs money, asked for in a workspace marked demo."""

    code = "demo_workspace"

    def __init__(self) -> None:
        super().__init__(
            "this workspace is marked demo, nothing is charged in it and nothing can be ordered: "
            "make a workspace that is not marked demo"
        )


def require_charged(workspace: Workspace) -> None:
    """Pass when a workspace is asked for money.

    :raises DemoWorkspace: when it is marked demo.
    """
    if workspace.is_demo:
        raise DemoWorkspace


def gateway_in(workspace: Workspace, *, gateway: str) -> str:
    """Return the gateway of a plan that begins in a workspace, where another one was asked for."""
    return DEMO if workspace.is_demo else gateway


def charged(price: Money, *, gateway: str) -> Money:
    """Return what of a price is charged over a gateway."""
    return replace(price, amount=0) if gateway == DEMO else price
