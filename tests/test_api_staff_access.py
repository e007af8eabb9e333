"""Who reaches the routes of staff: nobody but staff, and of them those whose role may."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from front_stage import PASSWORD, WHY, Front, code, open_front, take_in
from mutoscope.domain.staff import Role
from mutoscope.web.api.callers import DESK, OPEN

NOBODYS = str(UUID(int=1))
NEW = {
    **WHY, "name": "noor", "email": "noor@studio.example", "password": PASSWORD,
    "roles": ["support"],
}  # fmt: skip
BODIES: dict[str, Any] = {
    "actions/{action}": {**WHY, "data": {}}, "nobody/actions/{action}": {**WHY, "data": {}},
    "messages": {"body": "x"}, "read": {"ordinal": 1}, "assignee": {"assignee_id": None},
    "authenticate": {"password": "x"}, "bounced": {**WHY, "said": "x"}, "v1/staff": NEW,
    "roles": {**WHY, "roles": ["admin"]}, "{name}/password": {**WHY, "password": PASSWORD},
}  # fmt: skip
"""What a route is given, by the end of its address; the others get a reason or nothing."""

READERS = ("/v1/finance/",)
"""What the key of the house reads as well: the operator's own books."""

FINANCE, ADMIN = {Role.FINANCE}, {Role.ADMIN}
BOTH = FINANCE | ADMIN
ALONE = [
    (("POST", "/v1/desk/reconciliations", WHY), FINANCE),
    (("POST", "/v1/desk/renewals", WHY), BOTH),
    (("POST", "/v1/desk/routes/{route}/unpark", WHY), BOTH),
    (("POST", "/v1/desk/workspaces/{workspace_id}/jobs/{job_id}/finding", WHY), BOTH),
    (("POST", "/v1/staff", NEW), ADMIN),
    (("PUT", "/v1/staff/{name}/roles", {**WHY, "roles": ["admin"]}), ADMIN),
    (("POST", "/v1/staff/{name}/leave", WHY), ADMIN),
    (("POST", "/v1/staff/{name}/password", {**WHY, "password": PASSWORD}), ADMIN),
]  # fmt: skip
"""Routes that not every role may use, and whose may."""

EVERYBODYS = [
    "/v1/desk/outbox", "/v1/desk/promo-codes", "/v1/desk/payment-events", "/v1/desk/renewals",
    "/v1/desk/routes", "/v1/desk/orders-in-doubt",
]  # fmt: skip


@pytest.fixture
async def front(database_url: str, tmp_path: Path) -> AsyncIterator[Front]:
    async with open_front(database_url, tmp_path) as front:
        await take_in(front, "linus", Role.SUPPORT)
        yield front


def body_of(path: str, operation: dict[str, Any]) -> object:
    """Return what a route is given, in its shape."""
    if "requestBody" not in operation:
        return None
    return next((body for end, body in BODIES.items() if path.endswith(f"/{end}")), WHY)


def written(path: str, workspace_id: str) -> str:
    """Return an address with the id of the workspace, and ids of nothing."""
    path = path.replace("{workspace_id}", workspace_id).replace("{ordinal}", "1")
    for name in ("action", "name", "route"):
        path = path.replace(f"{{{name}}}", "goodwill")
    while "{" in path:
        begin, _, rest = path.partition("{")
        path = begin + NOBODYS + rest.partition("}")[2]
    return path


async def desk_routes(front: Front) -> list[tuple[str, str, object]]:
    """Return every route of staff: method, address and body."""
    document = (await front.ask("GET", "/openapi.json", by="house")).json()
    workspace_id = front.workspace.rpartition("/")[2]
    return [
        (method.upper(), written(path, workspace_id), body_of(path, operation))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path.startswith(DESK) and not path.startswith((*OPEN, *READERS))
    ]


@pytest.mark.parametrize("by", ["house", ""])
async def test_no_route_of_staff_opens_to_the_people_of_a_workspace(front: Front, by: str) -> None:
    answers = {
        (method, path): code(await front.ask(method, path, body, by=by, key="press"))
        for method, path, body in await desk_routes(front)
    }

    assert len(answers) > 30
    assert set(answers.values()) == {(401, "staff_needed" if by else "not_authorised")}, answers


async def test_no_route_of_staff_opens_to_who_only_looks(front: Front) -> None:
    view = await front.view()

    answers = {
        (method, path): code(await front.ask(method, path, body, by=view, key="press"))
        for method, path, body in await desk_routes(front)
    }

    assert set(answers.values()) == {(403, "outside_view"), (403, "view_is_read_only")}, answers


@pytest.mark.parametrize(("route", "roles"), ALONE)
async def test_a_role_opens_what_is_its_own(
    front: Front, route: tuple[str, str, object], roles: set[Role]
) -> None:
    method, path, body = route
    path = written(path, front.workspace.rpartition("/")[2])
    people = {Role.SUPPORT: "linus", Role.FINANCE: "ada", Role.ADMIN: "root"}

    answers = {
        role: code(await front.ask(method, path, body, by=who, key="press"))
        for role, who in people.items()
    }

    refused = {role for role, answer in answers.items() if answer == (403, "not_allowed")}
    assert refused == set(Role) - roles, answers


@pytest.mark.parametrize("path", EVERYBODYS)
async def test_whoever_is_of_the_staff_may_look(front: Front, path: str) -> None:
    answers = [await front.ask("GET", path, by=who) for who in ("linus", "ada", "root")]

    assert {answer.status_code for answer in answers} == {200}
