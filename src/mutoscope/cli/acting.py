"""Who changes money and plans at the command line: who signed in, else the operator by name.

Invariant: whatever a command changes there commits with a line of the audit. The surprising choice:
the operator needs no sign-in, since whoever may run commands on the machine may do all of it; the
name is that of the user whose process it is, not of an environment that anybody can set.
"""

import os
import platform
import pwd
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from uuid import UUID

from mutoscope.app.acts import Act, act_of, operators_act
from mutoscope.bootstrap import House
from mutoscope.cli.as_staff import Who, as_staff, is_signed_in
from mutoscope.cli.opening import in_house
from mutoscope.domain.staff import StaffAction

T = TypeVar("T")
NAME_MAX: Final = 100
"""Characters of a user's or a machine's name that are kept."""


def in_house_acting(
    action: StaffAction, use: Callable[[House, Act], Awaitable[T]], *, workspace_id: UUID | None,
    what: str,
) -> T:  # fmt: skip
    """Open the house and change something with its line in the audit; return what came of it.

    :raises NotAllowed: when somebody is signed in, none of whose roles may.
    :raises BadStaffToken: when the sign-in is over.
    :raises Refusal: when the house cannot be opened, or it is refused.
    """
    reason = f"mutoscope {what}"

    async def acted(house: House) -> T:
        studio = house.studio
        if not is_signed_in():
            act = operators_act(
                studio, operator_here(), action=action, workspace_id=workspace_id, reason=reason
            )
            return await use(house, act)
        return await as_staff(
            house, Who(name=None, password_file=None),
            lambda actor: use(
                house,
                act_of(studio, actor, action=action, workspace_id=workspace_id, reason=reason),
            ),
        )  # fmt: skip

    return in_house(acted)


def operator_here() -> str:
    """Return who runs this process, as the audit names them: `operator:USER@MACHINE`."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under an id that has no name
        user = str(os.getuid())
    return f"operator:{_word(user)}@{_word(platform.node()) or 'localhost'}"


def _word(text: str) -> str:
    return "_".join(text.split())[:NAME_MAX]
