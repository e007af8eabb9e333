"""Staff: taken in, signed in, watched at the door, and gone when they leave."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from uuid import UUID

import pytest

from desk_stage import Desk, join, open_desk
from mutoscope.app import passwords, staff, view_as
from mutoscope.app.passwords import BadSignIn, TooManyTries
from mutoscope.app.sign_up import BadEmail
from mutoscope.app.staff import (
    AdminExists,
    BadStaffToken,
    LastAdmin,
    NewStaff,
    StaffNameTaken,
)
from mutoscope.app.view_as import BadViewToken, OutsideView, ViewIsReadOnly
from mutoscope.domain.audit import OPERATOR, BadReason
from mutoscope.domain.credits import Refusal
from mutoscope.domain.staff import MAY, BadStaff, NotAllowed, NotReauthenticated, Role, StaffAction
from mutoscope.domain.staff_token import STAFF_PREFIX, VIEW_PREFIX, is_whole, token_of
from mutoscope.storage.staff import UnknownStaff
from mutoscope.storage.workspaces import UnknownWorkspace

PASSWORD = "correct horse battery"
REASON = "they join the desk"


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(database_url, tmp_path) as desk:
        yield desk


def somebody(
    name: str = "linus", *roles: Role, password: str = PASSWORD, email: str = "linus@studio.example"
) -> NewStaff:
    return NewStaff(name=name, email=email, password=password, roles=roles or (Role.ADMIN,))


async def first(desk: Desk) -> None:
    await staff.add_staff(desk.studio, None, new=somebody(), reason=REASON)


async def test_the_first_admin_is_made_by_the_operator_and_signs_in(desk: Desk) -> None:
    await first(desk)

    signed_in = await staff.sign_in(desk.studio, name="linus", password=PASSWORD)
    actor = await staff.bearer(desk.studio, token=signed_in.token)

    assert (actor.name, actor.roles) == ("linus", {Role.ADMIN})
    assert await desk.fetch("SELECT staff_id FROM audit_lines") == OPERATOR
    assert signed_in.token not in repr(signed_in)


async def test_the_operator_makes_one_first_admin_however_often_at_once(desk: Desk) -> None:
    wishes = [
        staff.add_staff(desk.studio, None, new=somebody(f"root{n}"), reason=REASON)
        for n in range(4)
    ]
    answers = await asyncio.gather(*wishes, return_exceptions=True)

    assert sum(isinstance(answer, AdminExists) for answer in answers) == 3, answers
    assert await desk.fetch("SELECT count(*) FROM staff WHERE 'admin' = any(roles)") == 1
    assert await desk.fetch("SELECT count(*) FROM audit_lines") == 1


async def test_the_operator_s_first_one_has_to_be_an_admin(desk: Desk) -> None:
    with pytest.raises(AdminExists):
        await staff.add_staff(desk.studio, None, new=somebody("linus", Role.SUPPORT), reason=REASON)


async def test_neither_a_password_nor_a_token_stands_in_the_database(desk: Desk) -> None:
    await first(desk)
    signed_in = await staff.sign_in(desk.studio, name="linus", password=PASSWORD)

    kept = await desk.fetch("SELECT password FROM staff WHERE name = 'linus'")
    token = await desk.fetch("SELECT encode(token_digest, 'hex') FROM staff_tokens")

    assert kept.startswith("$argon2id$")
    assert PASSWORD not in kept
    assert token not in signed_in.token


@pytest.mark.parametrize(
    ("new", "refusal"),
    [
        (somebody("Li"), BadStaff),
        (somebody("x"), BadStaff),
        (somebody("two words"), BadStaff),
        (somebody(password="elevenchars"), BadStaff),
        (somebody(password="x" * 201), BadStaff),
        (somebody(email="nowhere"), BadEmail),
        (somebody("ada"), StaffNameTaken),
        (NewStaff(name="linus", email="l@studio.example", password=PASSWORD, roles=()), BadStaff),
    ],
)
async def test_who_cannot_be_is_not_taken_in(
    desk: Desk, new: NewStaff, refusal: type[Refusal]
) -> None:
    root = await join(desk.stage, "root", Role.ADMIN)

    with pytest.raises(refusal):
        await staff.add_staff(desk.studio, root, new=new, reason=REASON)

    assert await desk.fetch("SELECT count(*) FROM audit_lines") == 0


async def test_an_admin_alone_takes_somebody_in_with_a_password_just_given(desk: Desk) -> None:
    root = await join(desk.stage, "root", Role.ADMIN)

    with pytest.raises(NotAllowed):
        await staff.add_staff(desk.studio, desk.ada, new=somebody(), reason=REASON)
    with pytest.raises(BadReason):
        await staff.add_staff(desk.studio, root, new=somebody(), reason="")
    await staff.add_staff(desk.studio, root, new=somebody(), reason=REASON)
    desk.stage.clock.move(minutes=5)
    with pytest.raises(NotReauthenticated):
        await staff.add_staff(desk.studio, root, new=somebody("late"), reason=REASON)


async def test_a_wrong_name_and_a_wrong_password_are_one_refusal_that_costs_alike(
    desk: Desk,
) -> None:
    await first(desk)
    spent_s = {}

    for name in ("linus", "nobody"):
        began_s = perf_counter()
        with pytest.raises(BadSignIn):
            await staff.authorised(desk.studio, name=name, password="wrong horse battery")
        spent_s[name] = perf_counter() - began_s

    assert spent_s["nobody"] > spent_s["linus"] / 5


@pytest.mark.parametrize("name", ["linus", "nobody"])
async def test_a_name_that_is_tried_too_often_is_locked_for_minutes(desk: Desk, name: str) -> None:
    await first(desk)
    for _ in range(passwords.TRIES_MAX):
        with pytest.raises(BadSignIn):
            await staff.authorised(desk.studio, name=name, password="wrong horse battery")

    with pytest.raises(TooManyTries) as refused:
        await staff.authorised(desk.studio, name=name, password=PASSWORD)
    desk.stage.clock.at += passwords.TRIES_LAST - timedelta(microseconds=1)
    with pytest.raises(TooManyTries):
        await staff.authorised(desk.studio, name=name, password=PASSWORD)
    desk.stage.clock.at += timedelta(microseconds=1)

    assert refused.value.retry_at == desk.stage.clock.now()
    password = PASSWORD if name == "linus" else "wrong horse battery"
    outcome = await asyncio.gather(
        staff.authorised(desk.studio, name=name, password=password), return_exceptions=True
    )
    assert not isinstance(outcome[0], TooManyTries)


async def test_tries_at_once_are_counted_before_they_are_looked_at(desk: Desk) -> None:
    await first(desk)

    guesses = [
        staff.authorised(desk.studio, name="linus", password=f"guess number {n:03}")
        for n in range(12)
    ]
    answers = await asyncio.gather(*guesses, return_exceptions=True)

    assert sum(isinstance(answer, BadSignIn) for answer in answers) == passwords.TRIES_MAX
    assert sum(isinstance(answer, TooManyTries) for answer in answers) == 7


async def test_a_right_password_begins_the_count_anew(desk: Desk) -> None:
    await first(desk)

    for _ in range(2):
        for _ in range(passwords.TRIES_MAX - 1):
            with pytest.raises(BadSignIn):
                await staff.authorised(desk.studio, name="linus", password="wrong horse")
        await staff.authorised(desk.studio, name="linus", password=PASSWORD)


async def test_a_token_is_good_until_its_time_is_over_or_it_is_signed_out(desk: Desk) -> None:
    await first(desk)
    signed_in = await staff.sign_in(desk.studio, name="linus", password=PASSWORD)
    other = await staff.sign_in(desk.studio, name="linus", password=PASSWORD)

    await staff.sign_out(desk.studio, token=other.token)
    with pytest.raises(BadStaffToken):
        await staff.bearer(desk.studio, token=other.token)
    desk.stage.clock.at = signed_in.expires_at - timedelta(microseconds=1)
    await staff.bearer(desk.studio, token=signed_in.token)
    desk.stage.clock.at = signed_in.expires_at
    with pytest.raises(BadStaffToken):
        await staff.bearer(desk.studio, token=signed_in.token)


async def test_a_token_becomes_recent_by_the_password_alone(desk: Desk) -> None:
    await first(desk)
    token = (await staff.sign_in(desk.studio, name="linus", password=PASSWORD)).token
    desk.stage.clock.move(hours=1)

    with pytest.raises(BadSignIn):
        await staff.reauthenticate(desk.studio, token=token, password="wrong horse battery")
    before = await staff.bearer(desk.studio, token=token)
    await staff.reauthenticate(desk.studio, token=token, password=PASSWORD)
    after = await staff.bearer(desk.studio, token=token)

    assert before.authenticated_at == desk.stage.clock.now() - timedelta(hours=1)
    assert after.authenticated_at == desk.stage.clock.now()


async def test_roles_change_what_a_token_opens_at_once(desk: Desk) -> None:
    root = await join(desk.stage, "root", Role.ADMIN)
    await staff.add_staff(desk.studio, root, new=somebody("linus", Role.SUPPORT), reason=REASON)
    token = (await staff.sign_in(desk.studio, name="linus", password=PASSWORD)).token

    await staff.set_roles(
        desk.studio, root, name="linus", roles=(Role.FINANCE,), reason="does the books now"
    )

    assert (await staff.bearer(desk.studio, token=token)).roles == {Role.FINANCE}


async def test_who_leaves_opens_nothing_any_more_and_stays_named(desk: Desk) -> None:
    root = await join(desk.stage, "root", Role.ADMIN)
    await staff.add_staff(desk.studio, root, new=somebody("linus", Role.SUPPORT), reason=REASON)
    signed_in = await staff.sign_in(desk.studio, name="linus", password=PASSWORD)
    view = await view_as.open_view(
        desk.studio, signed_in.actor, workspace_id=desk.workspace_id, reason="asked to look"
    )

    await staff.leave(desk.studio, root, name="linus", reason="moved on to painting")

    with pytest.raises(BadStaffToken):
        await staff.bearer(desk.studio, token=signed_in.token)
    with pytest.raises(BadViewToken):
        await look(desk, view.token)
    with pytest.raises(BadSignIn):
        await staff.sign_in(desk.studio, name="linus", password=PASSWORD)
    with pytest.raises(StaffNameTaken):
        await staff.add_staff(desk.studio, root, new=somebody(), reason=REASON)


async def test_the_last_admin_stays_one(desk: Desk) -> None:
    root = await join(desk.stage, "root", Role.ADMIN)
    wanted = {"name": "root", "reason": "wants to do support"}

    with pytest.raises(LastAdmin):
        await staff.leave(desk.studio, root, **wanted)
    with pytest.raises(LastAdmin):
        await staff.set_roles(desk.studio, root, roles=(Role.SUPPORT,), **wanted)
    with pytest.raises(UnknownStaff):
        await staff.leave(desk.studio, root, name="nobody", reason=REASON)
    with pytest.raises(BadStaff):
        await staff.set_roles(desk.studio, root, roles=(), **wanted)

    assert await desk.fetch("SELECT state FROM staff WHERE name = 'root'") == "active"
    assert await desk.fetch("SELECT count(*) FROM audit_lines") == 0


async def test_of_two_last_admins_who_leave_at_once_one_stays(desk: Desk) -> None:
    root = await join(desk.stage, "root", Role.ADMIN)
    await join(desk.stage, "other", Role.ADMIN)

    leaving = [
        staff.leave(desk.studio, root, name=name, reason="moved on to painting")
        for name in ("root", "other")
    ]
    answers = await asyncio.gather(*leaving, return_exceptions=True)

    assert sum(isinstance(answer, LastAdmin) for answer in answers) == 1


def test_every_action_is_somebody_s() -> None:
    assert frozenset().union(*MAY.values()) == frozenset(StaffAction)


def test_who_hands_out_roles_hands_out_no_credits() -> None:
    gives = {StaffAction.GOODWILL, StaffAction.ADJUST, StaffAction.ADD_CREDITS, StaffAction.REFUND}

    assert gives.isdisjoint(MAY[Role.ADMIN])
    assert StaffAction.ADD_STAFF not in MAY[Role.SUPPORT] | MAY[Role.FINANCE]


@pytest.mark.parametrize("spoil", [str.upper, lambda t: t[:-1], lambda t: t[:30] + "0" + t[31:]])
def test_a_mistyped_token_is_known_without_the_database(spoil: object) -> None:
    token = token_of(prefix=STAFF_PREFIX, secret=bytes(range(100, 132)))

    assert is_whole(token=token, prefix=STAFF_PREFIX)
    assert not is_whole(token=spoil(token), prefix=STAFF_PREFIX)
    assert not is_whole(token=token, prefix=VIEW_PREFIX)


async def look(desk: Desk, token: str, path: str = "", *, method: str = "GET") -> UUID:
    place = f"/v1/workspaces/{desk.workspace_id}{path}"
    return (await view_as.look(desk.studio, token=token, method=method, path=place)).view_id


async def test_a_view_reads_its_workspace_for_half_an_hour_and_counts(desk: Desk) -> None:
    view = await view_as.open_view(
        desk.studio, desk.ada, workspace_id=desk.workspace_id, reason="asked to look"
    )

    for path in ("", "/balances", "/history"):
        assert await look(desk, view.token, path) == view.view_id
    desk.stage.clock.at = view.expires_at
    with pytest.raises(BadViewToken):
        await look(desk, view.token)

    assert await desk.fetch("SELECT uses FROM views") == 3
    told = await desk.fetch("SELECT action || ' ' || workspace_id FROM audit_lines")
    assert told == f"view_as {desk.workspace_id}"


async def test_a_view_changes_nothing_and_sees_nothing_else(desk: Desk) -> None:
    view = await view_as.open_view(
        desk.studio, desk.ada, workspace_id=desk.workspace_id, reason="asked to look"
    )

    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", ""):
        with pytest.raises(ViewIsReadOnly):
            await look(desk, view.token, method=method)
    for path in (f"/v1/workspaces/{desk.stage.workspace_id}", "/v1/workspaces", "/v1/audit"):
        with pytest.raises(OutsideView):
            await view_as.look(desk.studio, token=view.token, method="GET", path=path)
    with pytest.raises(OutsideView):
        await look(desk, view.token, "0")
    with pytest.raises(BadViewToken):
        await look(desk, token_of(prefix=VIEW_PREFIX, secret=bytes(32)))

    assert await desk.fetch("SELECT uses FROM views") == 0


async def test_a_view_needs_a_workspace_and_a_reason(desk: Desk) -> None:
    with pytest.raises(BadReason):
        await view_as.open_view(
            desk.studio, desk.ada, workspace_id=desk.workspace_id, reason="curious"
        )
    with pytest.raises(UnknownWorkspace):
        await view_as.open_view(
            desk.studio, desk.ada, workspace_id=UUID(int=7), reason="asked to look"
        )
