"""The entry of the command line: which command lies where, and what each way of ending exits with.

Invariant: a refusal is one line on the error stream, `code: sentence` (JSON with `--json`), never a
traceback. The surprising choice: a command's module is imported when the command runs, and listed
here with its help; and help is plain text, since Rich takes longer to load than all the rest.
"""

import json
import logging
import os
import sys
from importlib import import_module
from itertools import groupby
from operator import attrgetter
from typing import Annotated, Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from mutoscope.domain.credits import Refusal

OK: Final = 0
REFUSED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
NOT_ENOUGH_CREDITS: Final = 4
DATABASE_UNREACHABLE: Final = 5
NOT_IN_ORDER: Final = 6
EXIT_CODES: Final = {
    OK: "done",
    REFUSED: "refused: nothing has changed, the sentence tells the remedy",
    USAGE: "the command line itself is wrong",
    NOT_FOUND: "there is nothing of that id or key",
    NOT_ENOUGH_CREDITS: "not enough credits",
    DATABASE_UNREACHABLE: "no database answers, or it cannot be used",
    NOT_IN_ORDER: "what was verified is not in order",
    7: "the job ended without a delivery: its credits were returned",
    8: "done in part: what failed is told, and the same command tries it again",
    130: "interrupted",
}
"""What every command exits with, as `docs/reference/cli.md` tells."""

SWITCHES: Final = {"frame_not_final": "`frame final` marks one, --not-final confirms"}
"""How this command line says what the remedy of a refusal asks for, by the refusal's code."""

EXITS: Final = {
    **dict.fromkeys(
        ("no_such_frame", "no_such_route", "no_such_version", "no_reason", "asset_missing",
         "catalog_unreadable", "file_unreadable"),
        NOT_FOUND,
    ),
    "insufficient_credits": NOT_ENOUGH_CREDITS,
    "journal_broken": NOT_IN_ORDER,
    **dict.fromkeys(
        ("database_unreachable", "database_refused", "database_failed", "embedded_postgres",
         "server_failed", "disk_full", "folder_unusable", "folder_foreign",
         "folder_of_another_version", "postgres_missing", "postgres_too_old",
         "postgres_program_missing", "postgres_program_failed", "postgres_programs_unreachable",
         "postgres_account_missing"),
        DATABASE_UNREACHABLE,
    ),
}  # fmt: skip
"""The exit code of a refusal by its own code; `unknown_*` exits with `NOT_FOUND`, any other with
`REFUSED`."""

UNKNOWN: Final = "unknown_"


class Entry(NamedTuple):
    """A command, the module of `mutoscope.cli` that has it, and how the list describes it."""

    name: str
    module: str
    panel: str
    help: str


ENTRIES: Final = (
    Entry("demo", "demo", "Try", "See it all: a screenplay becomes frames and a clip."),
    Entry("generate", "jobs", "Create", "Make frames from a description."),
    Entry("edit", "jobs", "Create", "Change a frame, in words or by adjustments."),
    Entry("animate", "jobs", "Create", "Turn a frame into a clip."),
    Entry("regenerate", "jobs", "Create", "Make a job again; it costs as much again."),
    Entry("project", "projects", "Create", "Make storyboards, price and order them."),
    Entry("scene", "scenes", "Create", "Rename, move and delete the scenes of a board."),
    Entry("frame", "frames", "Create", "Make, choose and compare versions of a frame."),
    Entry("cast", "cast", "Create", "Keep the characters and places of a board."),
    Entry("cancel", "jobs", "Create", "Ask for a job to be stopped."),
    Entry("jobs", "reads", "Create", "List jobs, the newest first."),
    Entry("export", "exports", "Create", "Export a storyboard as PDF, film or ZIP."),
    Entry("estimate", "jobs", "Create", "Tell a price, and which lots would pay."),
    Entry("tools", "projects", "Create", "Compare the tools, and what the balance buys."),
    Entry("chat", "chat", "Create", "Talk to support, and ask quick questions."),
    Entry("balance", "reads", "Credits", "Explain a balance, now or at any instant."),
    Entry("history", "reads", "Credits", "List the lines of the ledger."),
    Entry("forecast", "forecasts", "Credits", "Tell until when credits last, and what lapses."),
    Entry("advise", "forecasts", "Credits", "Tell the cheapest way to the credits of a board."),
    Entry("alerts", "alerts", "Credits", "List what was told of credits, and set the ways."),
    Entry("receipt", "reads", "Credits", "Tell what a job made, cost, and who paid."),
    Entry("calendar", "calendar", "Credits", "List billing dates, or write them as .ics."),
    Entry("usage", "team_credits", "Credits", "Tell who used how many credits for what."),
    Entry("subscription", "subscriptions", "Business", "Start, change and end a plan."),
    Entry("purchase", "purchases", "Business", "Buy credits, redeem codes, set refills."),
    Entry("workspace", "workspaces", "Studio", "Open workspaces and start their plans."),
    Entry("webhook", "webhooks", "Studio", "Send events to addresses, and replay them."),
    Entry("member", "members", "Studio", "Invite members, change roles, remove them."),
    Entry("cap", "team_credits", "Studio", "Cap what a member or a project may use."),
    Entry("billing", "billing", "Studio", "Show and set who is billed."),
    Entry("invoice", "invoices", "Studio", "List, show, download and credit invoices."),
    Entry("outbox", "outbox", "Studio", "Show and send messages, and record bounces."),
    Entry("assets", "assets", "Studio", "Show, bring and sweep files."),
    Entry("providers", "providers", "Studio", "Check companies, routes, and orders in doubt."),
    Entry("payments", "payments", "Studio", "List what gateways told, and compare both books."),
    Entry("catalog", "catalog", "Studio", "Show the plans, tools and packs, or check a file."),
    Entry("finance", "finance", "Studio", "Tell what is owed, earned and spent; try a draft."),
    Entry("renew", "operations", "Studio", "Post every grant and lapse that is due."),
    Entry("desk", "desk", "Desk", "Answer the chat, and do what a customer asked for."),
    Entry("proposal", "proposals", "Desk", "Decide what takes two of the staff."),
    Entry("audit", "audit", "Desk", "Read and prove what staff did."),
    Entry("staff", "staff", "Desk", "Keep the staff, and sign in."),
    Entry("serve", "operations", "Run", "Serve the API and work, on this machine."),
    Entry("worker", "operations", "Run", "Work on jobs and renewals alone."),
    Entry("simulate-providers", "simulate", "Run", "Play every provider here, without a key."),
    Entry("settings", "operations", "Run", "List the settings in force and where they come from."),
    Entry("backup", "archive", "Run", "Write the database, assets and keys to one file."),
    Entry("restore", "archive", "Run", "Restore a backup into an empty place, and verify it."),
    Entry("verify", "proof", "Prove", "Replay the ledger, check the audit, sign the answer."),
    Entry("rebuild", "rebuild", "Prove", "Write balances anew from the journal."),
    Entry("checkpoint", "proof", "Prove", "Sign the heads of wallets and audit, or export them."),
    Entry("bench", "bench_pipeline", "Prove", "Measure this machine."),
)


class Commands(TyperGroup):
    """The commands by name; a module is imported only to run what it has."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 -- Typer's own
        """Take down what the list shows of each command, in its order."""
        super().__init__(**options)
        self.commands = {entry.name: TyperCommand(entry.name, help=entry.help) for entry in ENTRIES}

    def format_commands(self, context: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002 -- Typer's own
        """Write the list, a section for each panel."""
        width = max(len(entry.name) for entry in ENTRIES)
        for panel, entries in groupby(ENTRIES, key=attrgetter("panel")):
            with formatter.section(panel):
                formatter.write_dl([(entry.name.ljust(width), entry.help) for entry in entries])

    def resolve_command(self, context: Any, args: list[str]) -> Any:  # noqa: ANN401 -- Typer's own
        """Return the command itself, imported now."""
        name, listed, rest = super().resolve_command(context, args)
        if name is None or listed is None:
            return name, listed, rest
        return name, loaded(name), rest

    def invoke(self, context: Any) -> Any:  # noqa: ANN401 -- Typer's own
        """Run a command; that nobody reads on is no failure of it.

        :raises typer.Exit: when nobody reads on.
        :raises typer.BadParameter: when a value cannot be used.
        """
        try:
            return super().invoke(context)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise
        except BrokenPipeError:
            _close_output()
            raise typer.Exit(OK) from None


def loaded(name: str) -> Any:  # noqa: ANN401 -- Typer does not export its command's type
    """Return a command or group with what it needs imported."""
    (place,) = (entry.module for entry in ENTRIES if entry.name == name)
    module = import_module(f"mutoscope.cli.{place}")
    if name == "bench":
        return _plain(typer.main.get_group(module.bench))
    return _plain(typer.main.get_group(module.commands).commands[name])


def _plain(command: Any) -> Any:  # noqa: ANN401 -- Typer does not export its command's type
    """Let a command and those below it write their help and their errors without Rich."""
    command.rich_markup_mode = None
    command.short_help = (command.help or "").partition("\n\n")[0]  # whole, not cut to fit
    import_module("mutoscope.cli.spelling").spell(command)
    for each in getattr(command, "commands", {}).values():
        _plain(each)
    return command


app = typer.Typer(
    cls=Commands, no_args_is_help=True, add_completion=False, rich_markup_mode=None
)  # fmt: skip


def _version(is_asked: bool) -> None:  # noqa: FBT001 -- Typer's own
    if is_asked:
        metadata = import_module("importlib.metadata")
        sys.stdout.write(f"mutoscope {metadata.version('mutoscope')}\n")
        raise typer.Exit


@app.callback()
def mutoscope(
    *,
    _is_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Tell the version.")
    ] = False,
) -> None:
    """Credits for generative media: an exact ledger, plans, billing dates and generation.

    Data go to the output stream, messages to the error stream. Every command takes
    --json, except serve and worker, which print no data.
    """


def main() -> None:
    """Run the command line and exit with its code."""
    logging.basicConfig(level=logging.CRITICAL)
    try:
        _run()
    except Refusal as refusal:
        _exit(refusal)
    except BrokenPipeError:
        _close_output()  # nobody reads on
        sys.exit(OK)
    except OSError as error:
        _exit(import_module("mutoscope.cli.files").SystemFailed(error=error))
    except _database_errors() as error:
        _exit(import_module("mutoscope.storage.database").DatabaseFailed(error=error))


def _run() -> None:
    try:
        typer.main.get_command(app)(prog_name="mutoscope")
    finally:
        try:
            sys.stdout.flush()  # here a full disk can still be told
        except OSError:
            _close_output()
            raise


def _exit(refusal: Refusal) -> None:
    sys.exit(refused(refusal=refusal, is_json="--json" in sys.argv[1:]))


def _close_output() -> None:
    """Let what the output stream still holds go nowhere, so that its end is silent."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _database_errors() -> tuple[type[Exception], ...]:
    """Return what asyncpg raises: nothing, when no command has loaded it."""
    asyncpg = sys.modules.get("asyncpg")
    if asyncpg is None:
        return ()
    return asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError


def refused(*, refusal: Refusal, is_json: bool) -> int:
    """Tell a refusal on the error stream and return its exit code."""
    switch = SWITCHES.get(refusal.code)
    sentence = f"{refusal} ({switch})" if switch else str(refusal)
    if is_json:
        plain = import_module("mutoscope.cli.plain")
        problem = plain.problem(refusal=refusal) | {"detail": sentence}
        text = json.dumps(problem, ensure_ascii=False)
    else:
        text = f"{refusal.code}: {sentence}"
    sys.stderr.write(f"{text}\n")
    return exit_of(refusal.code)


def exit_of(code: str) -> int:
    """Return what a refusal of a code exits with."""
    return EXITS.get(code, NOT_FOUND if code.startswith(UNKNOWN) else REFUSED)


if __name__ == "__main__":
    main()
