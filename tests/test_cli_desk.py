"""The desk from the command line: who acts, as whom, and what stays on the machine."""

from pathlib import Path
from typing import Any

import pytest

from command_line import Done, run, run_here

PASSWORD = "correct horse battery"
WHY = ("--reason", "the clip came out black")
CATALOG = Path(__file__).parents[1] / "src/mutoscope/catalog.toml"


class Shop:
    """A studio in which commands run, with files of passwords."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.place: dict[str, Any] = {"database_url": database_url, "data": folder / "data"}
        self.password = str(folder / "password")
        Path(self.password).write_text(f"{PASSWORD}\n", encoding="utf-8")
        made = self.run("workspace", "create", "Ada", "--json").json()
        self.workspace: str = made["workspace"]["workspace_id"]
        self.run("workspace", "plan", self.workspace, "pro", "--yes")

    def run(self, *arguments: str) -> Done:
        return run_here(*arguments, **self.place)

    def add(self, name: str, *roles: str, by: str = "") -> Done:
        acting = ("--as", by, "--password-file", self.password) if by else ()
        chosen = [part for role in roles for part in ("--role", role)]
        return self.run(
            "staff", "add", name, "--email", f"{name}@studio.example", *chosen, *acting,
            "--new-password-file", self.password, "--reason", "they join the desk", "--json",
        )  # fmt: skip

    def job(self) -> tuple[str, str]:
        """Return a workspace in its trial, and a job of it that two credits paid."""
        made = self.run("workspace", "create", "Bob", "--demo", "--json").json()
        workspace: str = made["workspace"]["workspace_id"]
        wish = ("generate", workspace, "a pier", "--images", "2", "--json")
        return workspace, run(*wish, **self.place).json()["job"]["job_id"]

    def act(self, *arguments: str, by: str = "grace") -> Done:
        acting = ("--as", by, "--password-file", self.password) if by else ()
        return self.run(*arguments, *WHY, *acting, "--json")


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Shop:
    shop = Shop(database_url, tmp_path)
    assert shop.add("root", "admin").code == 0
    assert shop.add("grace", "support", "finance", by="root").code == 0
    return shop


def test_the_second_one_is_taken_in_by_an_admin_alone(shop: Shop) -> None:
    nobody = shop.add("eve", "admin")
    support = shop.add("eve", "admin", by="grace")

    listed = shop.run("staff", "list", "--json").json()

    assert (nobody.code, nobody.errors.split('"')[3]) == (1, "not_signed_in")
    assert '"code": "not_allowed"' in support.errors
    assert [each["name"] for each in listed] == ["root", "grace"]
    assert "password" not in listed[0]


def test_actions_of_the_desk_are_done_in_a_name(shop: Shop) -> None:
    given = shop.act("desk", "goodwill", shop.workspace, "video", "40").json()
    opened = shop.act("desk", "enable", shop.workspace).json()
    closed = shop.act("desk", "disable", shop.workspace).json()
    taken = shop.act("desk", "adjust", shop.workspace, "down", "video", "7").json()

    assert [each["state"] for each in (given, opened, closed, taken)] == ["done"] * 4
    assert (given["by"], given["data"]["credits"]) == ("grace", 40)
    assert closed["action"] == "disable_purchases"
    assert taken["data"]["direction"] == "down"


def test_a_job_s_credits_are_given_back_by_a_command(shop: Shop) -> None:
    workspace, job = shop.job()

    done = shop.act("desk", "refund-job", workspace, job, "1").json()
    again = shop.act("desk", "refund-job", workspace, job)
    told = shop.run("receipt", workspace, job).output

    assert (done["state"], done["data"]["credits"], done["offer"]) == ("done", 1, None)
    assert '"code": "already_refunded"' in again.errors
    assert "1 credit refunded" in told


def test_goodwill_is_offered_where_credits_lapsed(shop: Shop) -> None:
    workspace, job = shop.job()
    shop.run("workspace", "plan", workspace, "pro", "--yes")  # which ends the trial
    shop.run("staff", "sign-in", "grace", "--password-file", shop.password)

    done = shop.run("desk", "refund-job", workspace, job, *WHY)
    thread = shop.run("desk", "thread", workspace)

    offered = f"desk goodwill {workspace} image 2 --key goodwill/{job}"
    for told in (done, thread):
        assert offered in " ".join((told.output + told.errors).split())
    assert "2 of them lapsed at once" in " ".join(thread.output.split())


def test_a_closed_workspace_is_forgotten_when_it_is_meant(shop: Shop) -> None:
    wish = ("desk", "erase-workspace", shop.workspace)
    unmeant = shop.act(*wish, by="root")
    early = shop.act(*wish, "--yes", by="root")
    shop.act("desk", "close", shop.workspace, "--yes", by="root")
    support = shop.act(*wish, "--yes")

    done = shop.act(*wish, "--yes", by="root").json()

    assert (unmeant.code, "--yes" in unmeant.errors) == (2, True)
    assert ("workspace_open" in early.errors, "not_allowed" in support.errors) == (True, True)
    assert (done["state"], done["action"]) == ("done", "erase_workspace")
    shown = shop.run("workspace", "show", shop.workspace, "--json").json()["workspace"]
    assert (shown["name"], shown["email"]) == ("erased", None)
    proofs = [shop.run("verify"), shop.run("audit", "verify")]
    assert [each.code for each in proofs] == [0, 0]


def test_who_asks_for_more_credits_waits_until_they_may_buy(shop: Shop) -> None:
    shop.run("staff", "sign-in", "grace", "--password-file", shop.password)
    for key in ("a", "b"):
        shop.run("chat", "ask", shop.workspace, "more_credits", "--key", key)

    waiting = shop.run("desk", "waiting").output
    (only,) = shop.run("desk", "waiting", "--json").json()["credit_requests"]
    shop.act("desk", "enable", shop.workspace)

    assert "asks for more credits: Ada" in " ".join(waiting.split())
    assert f"desk enable {shop.workspace}" in waiting
    assert (only["workspace_id"], only["ordinal"]) == (shop.workspace, 2)
    assert "Nothing waits for you." in shop.run("desk", "waiting").errors


def test_a_key_makes_a_command_repeatable(shop: Shop) -> None:
    wish = ("desk", "goodwill", shop.workspace, "video", "40", "--key", "press-1")

    first, again = shop.act(*wish).json(), shop.act(*wish).json()

    assert (first["is_replay"], again["is_replay"]) == (False, True)
    assert first["sequence"] == again["sequence"]


def test_a_wrong_password_and_nobody_to_ask_are_refused(shop: Shop) -> None:
    Path(shop.password).write_text("wrong horse battery", encoding="utf-8")
    wish = ("desk", "enable", shop.workspace)

    wrong = shop.act(*wish)
    unasked = run(*wish, *WHY, "--as", "grace", **shop.place)
    Path(shop.password).unlink()
    missing = shop.act(*wish)

    assert '"code": "bad_sign_in"' in wrong.errors
    assert unasked.errors.startswith("password_needed: ")
    assert f"{shop.password} cannot be used (No such file or directory): name" in missing.errors


def test_a_sign_in_is_kept_for_its_owner_alone(shop: Shop) -> None:
    signed_in = shop.run("staff", "sign-in", "grace", "--password-file", shop.password, "--json")
    path = Path(signed_in.json()["file"])
    mode = path.stat().st_mode & 0o777

    acted = shop.act("desk", "enable", shop.workspace, by="")
    path.chmod(0o644)
    exposed = shop.act("desk", "disable", shop.workspace, by="")

    assert mode == 0o600
    assert acted.json()["by"] == "grace"
    assert '"code": "password_unreadable"' in exposed.errors


def test_signing_out_ends_the_token_too(shop: Shop) -> None:
    shop.run("staff", "sign-in", "grace", "--password-file", shop.password)
    path = Path(shop.place["data"]) / "sign-in"
    token = path.read_text(encoding="utf-8")

    out = shop.run("staff", "sign-out", "--json")
    path.touch(0o600)
    path.write_text(token, encoding="utf-8")
    stolen = shop.act("desk", "enable", shop.workspace, by="")

    assert out.json() == {"is_signed_in": False}
    assert '"code": "bad_staff_token"' in stolen.errors
    path.unlink()
    assert '"code": "not_signed_in"' in shop.run("staff", "sign-out", "--json").errors


def test_two_people_give_what_is_above_the_limit(shop: Shop, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.toml"
    rules = "\n[versions.desk]\nfour_eyes_above = 10\n"
    catalog.write_text(CATALOG.read_text(encoding="utf-8") + rules, encoding="utf-8")
    shop.add("ada", "finance", by="root")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUTOSCOPE_CATALOG", str(catalog))
        wish = ("desk", "goodwill", shop.workspace, "video", "40")
        proposed = shop.act(*wish).json()["proposal"]["proposal_id"]
        own = shop.act("proposal", "approve", proposed)
        approved = shop.act("proposal", "approve", proposed, by="ada").json()
        other = shop.act(*wish).json()["proposal"]["proposal_id"]
        refused = shop.act("proposal", "refuse", other, by="ada").json()
        withdrawn = shop.act("proposal", "withdraw", other)

    assert '"code": "second_person_needed"' in own.errors
    assert (approved[0]["state"], refused[0]["state"]) == ("approved", "refused")
    assert '"code": "proposal_decided"' in withdrawn.errors


def test_two_people_offer_a_promo_code_that_gives_more_in_all(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = tmp_path / "catalog.toml"
    rules = "\n[versions.desk]\nfour_eyes_above = 100\n"
    catalog.write_text(CATALOG.read_text(encoding="utf-8") + rules, encoding="utf-8")
    shop.add("ada", "finance", by="root")
    monkeypatch.setenv("MUTOSCOPE_CATALOG", str(catalog))
    offer = ("purchase", "promo", "SPRING", "--kind", "video", "--credits", "50", "--key", "1")

    proposed = shop.act(*offer, "--times", "3").json()["proposal"]["proposal_id"]
    before = shop.run("purchase", "promos", "--json").json()
    own = shop.act("proposal", "approve", proposed)
    approved = shop.act("proposal", "approve", proposed, by="ada").json()
    (after,) = shop.run("purchase", "promos", "--json").json()

    assert before == []
    assert '"code": "second_person_needed"' in own.errors
    assert approved[0]["state"] == "approved"
    assert (after["credits"], after["redemptions_max"]) == (50, 3)


def test_proposals_and_lines_are_shown_to_people_too(shop: Shop) -> None:
    shop.act("desk", "goodwill", shop.workspace, "video", "40")

    lines = shop.run("audit", "list", "--action", "goodwill").output
    proposals = shop.run("proposal", "list")
    people = shop.run("staff", "list").output

    assert "the clip came out black" in lines
    assert "grace" in people
    assert proposals.code == 0
    missing = shop.run("proposal", "show", shop.workspace)
    assert (missing.code, missing.errors.split(":")[0]) == (3, "unknown_proposal")


def test_the_audit_is_exported_and_proved_against_a_head_noted_before(shop: Shop) -> None:
    first = shop.run("audit", "verify", "--json").json()
    shop.act("desk", "enable", shop.workspace)
    head = f"{first['sequence']}:{first['head']}"

    same = shop.run("audit", "verify", "--head", head)
    other = shop.run("audit", "verify", "--head", f"1:{'00' * 32}", "--json")
    lines = shop.run("audit", "export").output.splitlines()

    assert same.output.startswith("clean: 5 lines, 0 reasons erased.")
    assert (other.code, other.json()["findings"][0]["fault"]) == (6, "journal_rewritten")
    assert len(lines) == 5
    assert shop.run("audit", "verify", "--head", "here").code == 2


def test_a_reason_is_erased_by_an_admin(shop: Shop) -> None:
    by_support = shop.act("audit", "erase", "1")
    by_admin = shop.act("audit", "erase", "1", by="root")

    proof = shop.run("audit", "verify", "--json").json()

    assert '"code": "not_allowed"' in by_support.errors
    assert by_admin.json() == {"sequence": 1, "reason": None}
    assert (proof["is_clean"], proof["erased_reasons"]) == (True, 1)


def test_roles_change_and_people_leave(shop: Shop) -> None:
    changed = shop.act("staff", "role", "grace", "--role", "support", by="root").json()
    refused = shop.act("desk", "adjust", shop.workspace, "up", "video", "7")
    left = shop.act("staff", "leave", "grace", by="root").json()
    gone = shop.act("desk", "enable", shop.workspace)

    assert changed[0]["roles"] == ["support"]
    assert '"code": "not_allowed"' in refused.errors
    assert left[0]["state"] == "left"
    assert '"code": "bad_sign_in"' in gone.errors


def give(shop: Shop, password: str) -> str:
    """Write a new password to a file of its own."""
    path = Path(shop.password).with_name("new-password")
    path.write_text(f"{password}\n", encoding="utf-8")
    return str(path)


def test_a_password_is_reset_then_chosen_by_its_owner(shop: Shop) -> None:
    given = give(shop, "a password for once")
    shop.run("staff", "sign-in", "grace", "--password-file", shop.password)
    wish = ("staff", "reset-password", "grace", "--new-password-file")

    by_another = shop.act(*wish, given)
    reset = shop.act(*wish, given, by="root")
    ended = shop.act("desk", "enable", shop.workspace, by="")
    own = Path(give(shop, "nobody else knows")).rename(f"{shop.password}-own")
    give(shop, "a password for once")
    chosen = shop.run(
        "staff", "password", "grace", "--password-file", given, "--new-password-file", str(own)
    )
    shop.password = str(own)

    assert '"code": "not_allowed"' in by_another.errors
    assert reset.json() == {"name": "grace", "is_reset": True}
    assert '"code": "bad_staff_token"' in ended.errors
    assert "sign in again" in chosen.errors
    assert shop.act("desk", "enable", shop.workspace).json()["by"] == "grace"


def test_the_operator_lets_a_locked_out_admin_in(shop: Shop) -> None:
    given = give(shop, "a password for once")
    wish = ("staff", "reset-password", "root", *WHY, "--new-password-file", given, "--operator")

    reset = shop.run(*wish)
    both = shop.run(*wish, "--as", "grace")
    shop.password = given
    temporary = shop.act("staff", "leave", "grace", by="root")
    lines = shop.run("audit", "list", "--action", "reset_password").output

    assert "signed out everywhere" in reset.errors
    assert both.code == 2
    assert '"code": "temporary_password"' in temporary.errors
    assert "operator" in lines


def test_what_the_desk_reads_and_says_asks_who_it_is_too(shop: Shop, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong horse battery", encoding="utf-8")
    names = ("thread", "say", "assign", "settle", "erase", "facts")
    wishes = [("desk", name, shop.workspace, *(["x"] if name == "say" else [])) for name in names]
    reasons = {"erase": WHY}

    for wish in (("desk", "inbox"), ("desk", "waiting"), ("payments", "parked"), *wishes):
        asked = (*wish, *reasons.get(wish[1], ()), "--json")
        nobody = shop.run(*asked)
        forged = shop.run(*asked, "--as", "grace", "--password-file", str(wrong))
        shop.run("staff", "sign-in", "grace", "--password-file", shop.password)
        shop.run("staff", "sign-out")

        assert '"code": "not_signed_in"' in nobody.errors, wish
        assert '"code": "bad_sign_in"' in forged.errors, wish
    assert shop.run("chat", "read", shop.workspace, "--json").json() == []


def test_a_promo_code_and_a_parked_route_need_somebody_who_may(shop: Shop) -> None:
    offer = ("purchase", "promo", "SPRING", "--kind", "video", "--credits", "50")
    unpark = ("providers", "unpark", "nonsense")

    nobody = [shop.act(*wish, by="") for wish in (offer, unpark)]
    admin = shop.act(*offer, by="root")
    made = shop.act(*offer)
    unknown = shop.act(*unpark)

    assert all('"code": "not_signed_in"' in each.errors for each in nobody)
    assert '"code": "not_allowed"' in admin.errors
    assert (made.json()["state"], made.json()["data"]["promo_code"]) == ("done", "SPRING")
    assert '"code": "unknown_route"' in unknown.errors
    (line,) = shop.run("audit", "list", "--action", "offer_promo", "--json").json()
    assert (line["name"], line["data"]["credits"]) == ("grace", 50)


def test_an_order_is_resolved_by_who_signed_in_alone(shop: Shop) -> None:
    wish = ("providers", "resolve", shop.workspace, shop.workspace)

    nobody = shop.act(*wish, by="")
    unknown = shop.act(*wish)

    assert '"code": "not_signed_in"' in nobody.errors
    assert '"code": "unknown_job"' in unknown.errors


def look_as(shop: Shop) -> tuple[str, ...]:
    return "--as", "grace", "--password-file", shop.password


def test_a_workspace_is_looked_at_as_its_people_see_it(shop: Shop) -> None:
    workspace, job = shop.job()
    shop.run("chat", "say", workspace, "It is broken")
    look = ("desk", "view-as", workspace)

    nobody = shop.act(*look, by="")
    new = shop.run("desk", "view-as", shop.workspace, *WHY, *look_as(shop))
    seen = shop.act(*look).json()
    told = shop.run(*look, *WHY, *look_as(shop))
    lines = shop.run("audit", "list", "--action", "view_as", "--json").json()

    assert '"code": "not_signed_in"' in nobody.errors
    assert (seen["workspace"]["name"], seen["messages"]) == ("Bob", [])
    assert ("provider" in seen["jobs"][0], seen["jobs"][0]["job_id"]) == (False, job)
    assert [each["unread"] for each in seen["threads"]["threads"]] == [0]
    assert all(text in told.output for text in (job, "(general)", "token      ", "Bob"))
    assert ("token      " in new.output, "(general)" in new.output) == (True, False)
    assert [each["reason"] for each in lines] == [WHY[1]] * 3
    assert lines[1]["data"]["view_id"] == seen["view"]["view_id"]
