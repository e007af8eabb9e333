"""What `verify` prints is what was signed, and can be checked by somebody without the key."""

import json
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest

from command_line import Done, run_here
from mutoscope.app.verify import check_answer

STRANGER = "11" * 32


class Audited(NamedTuple):
    """A house with a workspace, the checkpoint that was exported, and the key that signed it."""

    workspace: str
    export: Path
    key: str
    database_url: str
    data: Path

    def run(self, *arguments: str, data: Path | None = None) -> Done:
        return run_here(*arguments, database_url=self.database_url, data=data or self.data)

    def answered(self, folder: Path) -> Path:
        """Return a file with a signed answer as it was printed."""
        file = folder / "answer.json"
        file.write_text(self.run("verify", "--json", "--against", str(self.export)).output)
        return file


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Audited:
    place = {"database_url": database_url, "data": tmp_path / "data"}
    made = run_here("workspace", "create", "Ada", "--demo", "--json", **place).json()
    key = run_here("checkpoint", "take", "--json", **place).json()["public_key"]
    export = tmp_path / "checkpoints.jsonl"
    run_here("checkpoint", "export", "--out", str(export), **place)
    return Audited(made["workspace"]["workspace_id"], export, key, **place)


def forged(house: Audited) -> str:
    """Change a head of the export, and return where it lies."""
    text = house.export.read_text(encoding="utf-8")
    house.export.write_text(text.replace('"sequence":1', '"sequence":2'), encoding="utf-8")
    return str(house.export)


@pytest.mark.parametrize("scope", [(), ("--chain",)])
def test_what_is_printed_is_what_was_signed(house: Audited, scope: tuple[str, ...]) -> None:
    done = house.run("verify", "--json", *scope)

    assert (done.code, done.json()["is_clean"], done.json()["against"]) == (0, True, None)
    assert check_answer(done.output, public_key=bytes.fromhex(house.key))


def test_an_answer_names_the_export_that_it_was_held_against(house: Audited) -> None:
    done = house.run("verify", "--json", "--against", str(house.export))
    shown = house.run("verify", "--against", str(house.export))

    against = done.json()["against"]
    assert done.code == 0
    assert (against["checkpoints"], against["public_key"]) == (1, house.key)
    assert check_answer(done.output, public_key=bytes.fromhex(house.key))
    assert f"Held against 1 checkpoint of key {house.key[:16]}..." in shown.output


def test_what_checkpoints_find_is_in_the_signed_answer(house: Audited) -> None:
    done = house.run("verify", "--json", "--against", forged(house))

    answer = done.json()
    assert (done.code, answer["is_clean"]) == (6, False)
    assert {each["fault"] for each in answer["findings"]} == answer["counts"].keys()
    assert answer["counts"]["checkpoint_forged"] == 1
    assert check_answer(done.output)


def test_findings_of_checkpoints_are_told_to_a_person(house: Audited) -> None:
    done = house.run("verify", "--against", forged(house))

    assert done.code == 6
    assert done.output.startswith("not clean.")
    assert "checkpoint_forged: checkpoints 1: expected" in done.output


def test_somebody_without_the_signing_key_checks_with_the_public_one(
    house: Audited, tmp_path: Path
) -> None:
    against = ("verify", "--json", "--against", str(house.export))
    elsewhere = tmp_path / "auditor"

    own, given, strange = (
        house.run(*against, *key, data=elsewhere)
        for key in ((), ("--public-key", house.key), ("--public-key", STRANGER))
    )

    assert (own.code, given.code, strange.code) == (6, 0, 6)
    assert given.json()["against"]["public_key"] == house.key != given.json()["public_key"]
    assert all(check_answer(done.output) for done in (own, given, strange))


def test_an_answer_is_checked_without_a_database(house: Audited, tmp_path: Path) -> None:
    file = str(house.answered(tmp_path))
    check = ("verify", "--check", file)

    by_key = run_here(*check, "--public-key", house.key, "--json", data=tmp_path)
    plainly = run_here(*check, data=tmp_path)
    strange = run_here(*check, "--public-key", STRANGER, data=tmp_path)

    assert by_key.json() == {"is_signed": True, "is_clean": True, "public_key": house.key}
    assert f"As it was signed by key {house.key}: clean." in plainly.output
    assert (by_key.code, plainly.code, strange.code) == (0, 0, 6)
    assert strange.output.startswith("Not as it was signed")


def test_an_answer_that_was_changed_is_found(house: Audited, tmp_path: Path) -> None:
    file = house.answered(tmp_path)
    file.write_text(json.dumps({**json.loads(file.read_text()), "entries": 0}))

    done = house.run("verify", "--check", str(file), "--json")

    assert done.code == 6
    assert done.json() == {"is_signed": False, "is_clean": None, "public_key": None}


def test_an_honest_answer_that_tells_a_fault_exits_like_the_fault(
    house: Audited, tmp_path: Path
) -> None:
    forged(house)
    file = house.answered(tmp_path)

    done = house.run("verify", "--check", str(file))

    assert done.code == 6
    assert done.output.endswith(": not clean.\n")


def test_a_workspace_that_is_none_is_not_found_clean(house: Audited) -> None:
    unknown = house.run("verify", "--workspace", str(uuid4()), "--json")
    known = house.run("verify", "--workspace", house.workspace, "--json")

    assert (unknown.code, unknown.output) == (3, "")
    assert '"code": "unknown_workspace"' in unknown.errors
    assert (known.code, known.json()["wallets"]) == (0, 1)
    assert check_answer(known.output)


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--public-key", "here"), 2, "'here' is no public key: write 64 hexadecimal digits"),
        (("--public-key", "11" * 31), 2, "is no public key"),
        (("--public-key", STRANGER), 2, "goes with --against FILE or --check FILE"),
        (("--check", "answer.json", "--chain"), 2, "--check reads no ledger"),
        (("--check", "no/answer.json"), 3, "file_unreadable: no/answer.json cannot be read"),
        (("--against", "no/export.jsonl"), 3, "file_unreadable: no/export.jsonl"),
        (("--check", "/dev/null"), 6, ""),
    ],
)
def test_what_does_not_go_together_is_told(
    tmp_path: Path, options: tuple[str, ...], code: int, told: str
) -> None:
    done = run_here("verify", *options, data=tmp_path)

    assert done.code == code
    assert told in " ".join(done.errors.split())


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    picture = tmp_path / "answer.json"
    picture.write_bytes(b"\xff\xfe\x00")

    done = run_here("verify", "--check", str(picture), data=tmp_path)

    assert done.code == 3
    assert "it is no text in UTF-8" in done.errors
