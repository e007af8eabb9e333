"""What the command line changes of money and plans is in the audit: by the operator, or by whom."""

import os
import platform
import pwd
from pathlib import Path
from typing import Any

import pytest

from command_line import Done, run_here

PASSWORD = "correct horse battery"
OPERATOR = f"operator:{pwd.getpwuid(os.getuid()).pw_name}@{platform.node()}"


class Machine:
    """A studio on whose machine commands run."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.place: dict[str, Any] = {"database_url": database_url, "data": folder / "data"}
        self.password = str(folder / "password")
        Path(self.password).write_text(f"{PASSWORD}\n", encoding="utf-8")
        made = self.run("workspace", "create", "Ada", "--email", "ada@example.com", "--json")
        self.workspace: str = made.json()["workspace"]["workspace_id"]

    def run(self, *arguments: str) -> Done:
        return run_here(*arguments, **self.place)

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines after that of the workspace's opening; every hash of them is right."""
        assert self.run("audit", "verify").code == 0
        found: list[dict[str, Any]] = self.run("audit", "list", "--json").json()
        opened, *rest = reversed(found)
        assert (opened["action"], opened["workspace_id"]) == ("open_workspace", self.workspace)
        return rest

    def sign_in(self, name: str, *roles: str) -> None:
        """Take somebody in, as the first admin if there is none yet, and sign them in."""
        chosen = [part for role in roles for part in ("--role", role)]
        words = ("--password-file", self.password)
        new = ("--new-password-file", self.password, "--reason", "they join the desk")
        acting = ("--as", "root", *words) if name != "root" else ()
        mail = ("--email", f"{name}@studio.example")
        assert self.run("staff", "add", name, *mail, *chosen, *acting, *new).code == 0
        assert self.run("staff", "sign-in", name, *words).code == 0


@pytest.fixture
def machine(database_url: str, tmp_path: Path) -> Machine:
    return Machine(database_url, tmp_path)


PLAN_COMMANDS = (
    (("subscription", "start", "essential", "--pay-first"), "start_plan", "start essential"),
    (("workspace", "plan", "essential"), "start_plan", "plan essential"),
    (("subscription", "upgrade", "pro"), "change_plan", "upgrade pro"),
    (("subscription", "schedule", "--plan", "essential"), "change_plan", "schedule"),
    (("subscription", "undo"), "change_plan", "undo"),
    (("subscription", "cancel"), "change_plan", "cancel"),
    (("subscription", "close", "--yes"), "close", "close"),
)


def test_each_change_of_a_plan_has_one_line_that_names_the_operator(machine: Machine) -> None:
    for (group, command, *more), _, _ in PLAN_COMMANDS:
        done = machine.run(group, command, machine.workspace, *more)
        assert done.code == 0, done.errors

    lines = machine.lines()

    assert [line["action"] for line in lines] == [action for _, action, _ in PLAN_COMMANDS]
    assert {line["name"] for line in lines} == {OPERATOR}
    assert {line["workspace_id"] for line in lines} == {machine.workspace}
    for line, ((group, *_), _, what) in zip(lines, PLAN_COMMANDS, strict=True):
        assert line["reason"] == f"{OPERATOR}: mutoscope {group} {what}"
    upgraded, cancelled = lines[2]["data"], lines[5]["data"]
    assert (upgraded["event"], upgraded["plan"], upgraded["amount"]) == ("upgrade", "pro", 2_000)
    assert cancelled == {"event": "cancel", "subscription_id": upgraded["subscription_id"]}


def able_to_buy(machine: Machine) -> None:
    """Let the customer buy, offer a promo code, and sign somebody of finance in."""
    machine.sign_in("root", "admin")
    why = ("--reason", "they asked in the chat")
    machine.run("workspace", "plan", machine.workspace, "pro")
    machine.run("desk", "enable", machine.workspace, *why)
    machine.sign_in("finn", "finance")
    offer = ("--kind", "video", "--credits", "5", *why)
    assert machine.run("purchase", "promo", "SPRING", *offer).code == 0


def test_what_is_bought_for_a_customer_has_its_lines(machine: Machine) -> None:
    able_to_buy(machine)
    workspace, buy = machine.workspace, ("--pack", "video_1500", "--key", "a", "--json")

    bought, again = (machine.run("purchase", "buy", workspace, *buy) for _ in range(2))
    order = bought.json()["order"]["purchase"]["purchase_id"]
    redeemed = machine.run("purchase", "redeem", workspace, "SPRING")
    ended = machine.run("purchase", "cancel", workspace, order, "--yes")
    opened = machine.run("workspace", "create", "Bob", "--json")

    assert {each.code for each in (bought, again, redeemed, ended, opened)} == {0}
    _, *lines = [line for line in machine.lines() if line["name"] == "finn"]
    assert [line["action"] for line in lines] == [
        "order_credits", "redeem_code", "cancel_order", "open_workspace",
    ]  # fmt: skip
    assert lines[-1]["workspace_id"] == opened.json()["workspace"]["workspace_id"]
    assert lines[0]["data"]["purchase_id"] == lines[2]["data"]["purchase_id"] == order
    assert lines[1]["data"] == {"credits": 5, "kind": "video", "promo_code": "SPRING"}


def test_who_may_not_buy_for_a_customer_is_refused_without_a_line(machine: Machine) -> None:
    machine.sign_in("root", "admin")
    before = machine.lines()

    refused = [
        machine.run("purchase", *words)
        for words in (
            ("buy", machine.workspace, "--pack", "video_1500"),
            ("redeem", machine.workspace, "SPRING"),
            ("refill", machine.workspace, "video_1500", "--threshold=9", "--monthly-max=9000"),
            ("refills", machine.workspace, "--drop", "video"),
        )
    ]

    assert all("not_allowed" in each.errors for each in refused)
    assert machine.lines() == before


def test_what_is_refused_or_repeated_has_no_line_of_its_own(machine: Machine) -> None:
    workspace = machine.workspace
    first = machine.run("subscription", "start", workspace, "pro", "--pay-first", "--key", "a")
    again = machine.run("subscription", "start", workspace, "pro", "--pay-first", "--key", "a")
    refused = machine.run("subscription", "undo", workspace)

    assert (first.code, again.code, refused.code) == (0, 0, 1)
    assert [line["action"] for line in machine.lines()] == ["start_plan"]


def test_who_signed_in_is_named_and_may_do_what_their_roles_may(machine: Machine) -> None:
    machine.sign_in("root", "admin")
    begun = machine.run("workspace", "plan", machine.workspace, "essential")
    machine.sign_in("sue", "support")
    refused = machine.run("subscription", "upgrade", machine.workspace, "pro")
    machine.run("staff", "sign-out")
    upgraded = machine.run("subscription", "upgrade", machine.workspace, "pro")

    assert (begun.code, refused.code, upgraded.code) == (0, 1, 0)
    assert "not_allowed" in refused.errors
    changes = [(line["name"], line["action"]) for line in machine.lines() if line["workspace_id"]]
    assert changes == [("root", "start_plan"), (OPERATOR, "change_plan")]


def test_a_name_that_has_to_be_forgotten_leaves_the_chain_whole(machine: Machine) -> None:
    machine.run("workspace", "plan", machine.workspace, "pro")
    machine.sign_in("root", "admin")

    erased = machine.run(
        "audit", "erase", "2", "--reason", "they asked to be forgotten", "--as", "root",
        "--password-file", machine.password,
    )  # fmt: skip

    assert erased.code == 0, erased.errors
    assert machine.lines()[0]["name"] == "operator"


def test_messages_sent_again_and_bounces_have_their_lines(machine: Machine) -> None:
    machine.run("workspace", "plan", machine.workspace, "pro")
    (message,) = machine.run("outbox", "list", "--json").json()

    machine.run("outbox", "send", message["message_id"])
    bounced = machine.run("outbox", "bounced", message["message_id"], "--reason", "no such user")

    assert "message_under_way" in bounced.errors
    assert [(line["action"], line["name"]) for line in machine.lines()][1:] == [
        ("send_message", OPERATOR)
    ]
    assert machine.lines()[1]["data"] == {"message_id": message["message_id"]}
