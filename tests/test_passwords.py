"""Passwords of staff: reset by an admin or the operator, changed by their owner, and what ends."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conftest import SHIPPED
from desk_stage import Desk, join, open_desk
from mutoscope.app import passwords, staff, view_as
from mutoscope.app.passwords import BadSignIn, TooManyTries, change_password, reset_password
from mutoscope.app.staff import BadStaffToken, NewStaff, SignedIn, TemporaryPassword
from mutoscope.app.view_as import BadViewToken
from mutoscope.domain.audit import OPERATOR, BadReason
from mutoscope.domain.credits import Refusal
from mutoscope.domain.staff import Actor, BadStaff, NotAllowed, NotReauthenticated, Role
from mutoscope.storage.staff import UnknownStaff

PASSWORD = "correct horse battery"
GIVEN = "a password for once"
OWN = "nobody else knows this"
REASON = "they forgot it"


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(database_url, tmp_path) as desk:
        yield desk


@pytest.fixture
async def root(desk: Desk) -> Actor:
    """Return an admin; linus, of the desk, has a password."""
    root = await join(desk.stage, "root", Role.ADMIN)
    new = NewStaff(
        name="linus", email="linus@studio.example", password=PASSWORD, roles=(Role.SUPPORT,)
    )
    await staff.add_staff(desk.studio, root, new=new, reason="joins the desk")
    return root


async def signed_in(desk: Desk, password: str = PASSWORD) -> SignedIn:
    return await staff.sign_in(desk.studio, name="linus", password=password)


async def reset(desk: Desk, actor: Actor | None, **more: str) -> None:
    wanted = {"name": "linus", "password": GIVEN, "reason": REASON, **more}
    await reset_password(desk.studio, actor, **wanted)


async def change(desk: Desk, old: str, new: str = OWN, *, name: str = "linus") -> None:
    await change_password(desk.studio, name=name, password=old, new_password=new)


async def last_line(desk: Desk) -> tuple[object, ...]:
    """Return who did what at last, and why."""
    row = await desk.fetch(
        "SELECT (l.staff_id, l.action, r.reason) FROM audit_lines AS l"
        " LEFT JOIN audit_reasons AS r ON r.sequence = l.sequence ORDER BY l.sequence DESC LIMIT 1"
    )
    return tuple(row)


async def test_a_given_password_opens_nothing_but_its_own_change(desk: Desk, root: Actor) -> None:
    await reset(desk, root)

    with pytest.raises(TemporaryPassword):
        await signed_in(desk, GIVEN)
    with pytest.raises(TemporaryPassword):
        await staff.authorised(desk.studio, name="linus", password=GIVEN)
    await change(desk, GIVEN)

    assert (await signed_in(desk, OWN)).actor.name == "linus"
    with pytest.raises(BadSignIn):
        await signed_in(desk, GIVEN)


async def test_a_reset_ends_what_was_open_and_is_in_the_audit(desk: Desk, root: Actor) -> None:
    before = await signed_in(desk)
    view = await view_as.open_view(
        desk.studio, before.actor, workspace_id=desk.workspace_id, reason="asked to look"
    )

    await reset(desk, root)

    with pytest.raises(BadStaffToken):
        await staff.bearer(desk.studio, token=before.token)
    path = f"/v1/workspaces/{desk.workspace_id}"
    with pytest.raises(BadViewToken):
        await view_as.look(desk.studio, token=view.token, method="GET", path=path)
    with pytest.raises(BadSignIn):
        await signed_in(desk)
    assert await last_line(desk) == (root.staff_id, "reset_password", REASON)


async def test_the_operator_resets_the_last_admin(desk: Desk, root: Actor) -> None:
    await reset(desk, None, name=root.name)
    await change(desk, GIVEN, name=root.name)

    found = await staff.sign_in(desk.studio, name=root.name, password=OWN)

    assert found.actor.roles == {Role.ADMIN}
    line = "SELECT staff_id FROM audit_lines WHERE action = 'reset_password'"
    assert await desk.fetch(line) == OPERATOR


async def test_who_tried_too_often_need_not_wait_after_a_reset(desk: Desk, root: Actor) -> None:
    for _ in range(passwords.TRIES_MAX):
        with pytest.raises(BadSignIn):
            await signed_in(desk, "wrong horse battery")
    with pytest.raises(TooManyTries):
        await change(desk, PASSWORD)

    await reset(desk, root)

    await change(desk, GIVEN)


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"name": "nobody"}, UnknownStaff),
        ({"name": ""}, UnknownStaff),
        ({"password": "elevenchars"}, BadStaff),
        ({"password": "x" * 201}, BadStaff),
        ({"reason": "short"}, BadReason),
    ],
)
async def test_what_cannot_be_is_not_reset(
    desk: Desk, root: Actor, wrong: dict[str, str], refusal: type[Refusal]
) -> None:
    before = await last_line(desk)

    with pytest.raises(refusal):
        await reset(desk, root, **wrong)

    assert await last_line(desk) == before
    await signed_in(desk)


async def test_an_admin_alone_resets_with_a_password_just_given(desk: Desk, root: Actor) -> None:
    with pytest.raises(NotAllowed):
        await reset(desk, desk.ada)
    desk.stage.clock.move(minutes=5)
    with pytest.raises(NotReauthenticated):
        await reset(desk, root)

    await signed_in(desk)


async def test_who_left_is_not_let_in_by_a_reset(desk: Desk, root: Actor) -> None:
    await staff.leave(desk.studio, root, name="linus", reason="moved on to painting")

    for actor in (root, None):
        with pytest.raises(UnknownStaff):
            await reset(desk, actor)


async def test_a_password_is_changed_with_the_old_one(desk: Desk, root: Actor) -> None:
    before = await signed_in(desk)
    assert root.staff_id != before.actor.staff_id

    await change(desk, PASSWORD)

    with pytest.raises(BadStaffToken):
        await staff.bearer(desk.studio, token=before.token)
    with pytest.raises(BadSignIn):
        await signed_in(desk)
    assert await last_line(desk) == (before.actor.staff_id, "change_password", None)
    await signed_in(desk, OWN)


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        ("wrong horse battery", OWN, BadSignIn),
        (PASSWORD, PASSWORD, BadStaff),
        (PASSWORD, "elevenchars", BadStaff),
        (PASSWORD, "x" * 201, BadStaff),
    ],
)
@pytest.mark.usefixtures("root")
async def test_what_cannot_be_is_not_changed(
    desk: Desk, old: str, new: str, refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        await change(desk, old, new)

    await signed_in(desk)


async def test_a_reset_wins_over_a_change_at_the_same_time(desk: Desk, root: Actor) -> None:
    for round_number in range(3):
        given = f"{GIVEN} {round_number}"
        old = PASSWORD if round_number == 0 else f"{OWN} {round_number}"

        await asyncio.gather(
            reset(desk, root, password=given), change(desk, old, f"{OWN}!"), return_exceptions=True
        )

        await change(desk, given, f"{OWN} {round_number + 1}")


async def test_no_sign_in_with_the_old_password_outlives_a_reset(desk: Desk, root: Actor) -> None:
    tries = [signed_in(desk) for _ in range(4)]

    answers = await asyncio.gather(*tries, reset(desk, root), return_exceptions=True)

    for found in answers:
        if isinstance(found, SignedIn):
            with pytest.raises(BadStaffToken):
                await staff.bearer(desk.studio, token=found.token)
    assert await desk.fetch("SELECT count(*) FROM staff_tokens WHERE ended_at IS NULL") == 0


def test_a_password_is_hashed_at_the_cost_of_one_that_nobody_has() -> None:
    kept = SHIPPED.hash(PASSWORD)

    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords._NOBODY.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert SHIPPED.verify(PASSWORD, kept)
    assert not SHIPPED.verify(PASSWORD, passwords._NOBODY)
