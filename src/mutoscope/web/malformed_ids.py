"""Addresses of which one part should be an id and is none: they name nothing that there is.

The framework knows no route for such an address, so its parts are held against every route; the
first id that cannot be one is told like an id that names nothing, by the same code.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple
from uuid import UUID

from litestar.routes import BaseRoute
from litestar.types.internal_types import PathParameterDefinition

CODES: Final = {
    "alert_id": "unknown_alert", "endpoint_id": "unknown_endpoint",
    "event_id": "unknown_delivery", "export_id": "unknown_export", "frame_id": "unknown_frame",
    "invitation_id": "unknown_invitation", "invoice_id": "unknown_invoice",
    "job_id": "unknown_job", "member_id": "unknown_member",
    "message_id": "unknown_message", "part_id": "unknown_part",
    "project_id": "unknown_project", "proposal_id": "unknown_proposal",
    "purchase_id": "unknown_purchase", "request_id": "unknown_request",
    "scene_id": "unknown_scene", "subject_id": "unknown_cap", "thread_id": "unknown_thread",
    "workspace_id": "unknown_workspace",
}  # fmt: skip
"""What is told when an id names nothing, by the part of an address that it is."""

SHOWN_MAX: Final = 80


class MalformedId(NamedTuple):
    """A part of an address that should be an id and is none, by the name of the part."""

    name: str
    text: str

    def code(self) -> str:
        """Return the code of an id that names nothing."""
        return CODES[self.name]

    def sentence(self) -> str:
        """Return what is wrong, with the remedy."""
        noun = self.name.replace("_", " ")
        return f"{self.text[:SHOWN_MAX]!r} is no {noun}: an id is a UUID, such as the lists tell"


def malformed_id(*, path: str, routes: Iterable[BaseRoute]) -> MalformedId | None:
    """Return the first id that is none in an address that would otherwise be a route's."""
    parts = path.strip("/").split("/")
    for route in routes:
        if len(route.path_components) == len(parts):
            found = _malformed(parts, route.path_components)
            if found is not None:
                return found
    return None


def _malformed(
    parts: list[str], components: list[str | PathParameterDefinition]
) -> MalformedId | None:
    found = None
    for part, component in zip(parts, components, strict=True):
        if isinstance(component, str):
            if part != component:
                return None
        elif component.type is UUID and not _is_id(part):
            found = found or MalformedId(name=component.name, text=part)
    return found


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
