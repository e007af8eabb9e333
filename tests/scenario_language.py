"""The language of the ledger's stories: a parser, and a runner against the real storage.

A story is a text file: a `# why` on top, then one step a line: a verb, its arguments, and what is
expected of it when that is not plain success (`refused CODE`, `replayed`). Parts after a comma go
in together or not at all. Every step stands in `FORMS`; a line that fits no form is refused with
its file and line. The surprising choice: a name is the key of what it names, so that writing a line
twice repeats the request.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple, Self
from uuid import NAMESPACE_OID, UUID, uuid5

from mutoscope.domain import actions as ask
from mutoscope.domain.chart import Operation
from mutoscope.domain.credits import Refusal
from mutoscope.domain.lots import Source, Terms
from mutoscope.domain.requests import Request
from mutoscope.domain.standing import StandingGrant
from mutoscope.ledger import NAMESPACE, Ledger
from mutoscope.storage.session import Session
from mutoscope.storage.wallet_cache import WalletCache

BEGINNING = datetime(2025, 1, 20, tzinfo=UTC)
"""What the clock shows when a story does not say."""

HOLD = timedelta(minutes=30)
SPANS = MappingProxyType({"second": 1, "minute": 60, "hour": 3_600, "day": 86_400})

Reader = Callable[[str], object]


class BrokenStory(Exception):
    """A line that is no step, or a step that went otherwise than told."""

    def __init__(self, *, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")


def word(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9_-]+", text):
        raise ValueError(text)
    return text


def name_of(text: str) -> str:
    return ".".join(word(part) for part in text.split("."))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(text: str) -> timedelta:
    amount, unit = re.fullmatch(r"(\d+)-(second|minute|hour|day)s?", text).groups()  # type: ignore[union-attr]  # no match is a bad word
    return timedelta(seconds=int(amount) * SPANS[unit])


def line_of_journal(text: str) -> tuple[str, datetime | None]:
    operation, _, due = text.partition("@")
    return Operation(operation).value, instant(due) if due else None


class Form(NamedTuple):
    """How a verb is written: what it takes in order, its options by name, its flags.

    A form with `repeated` takes any number of those, in `many`.
    """

    takes: Mapping[str, Reader] = MappingProxyType({})
    options: Mapping[str, Reader] = MappingProxyType({})
    flags: frozenset[str] = frozenset()
    repeated: tuple[Reader, ...] = ()


_NAMED: Mapping[str, Reader] = MappingProxyType({"name": word})
_NAMED_AMOUNT: Mapping[str, Reader] = MappingProxyType({"name": word, "amount": int})
_PERHAPS: Mapping[str, Reader] = MappingProxyType({"of": name_of})

FORMS: Mapping[str, Form] = MappingProxyType({
    "at": Form({"instant": instant}),
    "wait": Form({"span": span}),
    "wallet": Form({"kind": word}),
    "clock": Form(),
    "balance": Form(repeated=(word, int)),
    "journal": Form(repeated=(line_of_journal,)),
    "grant": Form(
        {"source": word, "amount": int},
        {"as": word, "effective": instant, "expires": instant, "paid": int},
        frozenset({"frozen"}),
    ),
    "stand": Form(
        _NAMED_AMOUNT, {"zone": str, "anchor": instant, "ends": instant, "change": int, "next": int}
    ),
    "hold": Form(_NAMED_AMOUNT, {"until": instant}, frozenset({"metered"})),
    "renew": Form(_NAMED, {"until": instant}),
    "settle": Form(_NAMED_AMOUNT),
    "release": Form(_NAMED),
    "charge": Form(_NAMED_AMOUNT),
    "meter": Form(_NAMED_AMOUNT),
    "absorb": Form(_NAMED_AMOUNT, _PERHAPS),
    "refund": Form(_NAMED, {"amount": int}),
    "expire": Form({"source": word}),
    "void": Form(_NAMED),
    "adjust": Form({"direction": word, "amount": int}, _PERHAPS),
    "freeze": Form(options=_PERHAPS),
    "thaw": Form(options=_PERHAPS),
    "forfeit": Form(),
})  # fmt: skip


class Part(NamedTuple):
    """The arguments of one request by name; `many` are those that a form repeats."""

    given: Mapping[str, Any]
    many: tuple[Any, ...] = ()

    def get(self, name: str) -> Any:  # noqa: ANN401 - an argument is what its reader returns
        return self.given.get(name)


class Step(NamedTuple):
    """One line: where it stands, its verb, its parts, and the outcome that it tells."""

    place: str
    line: int
    verb: str
    parts: tuple[Part, ...]
    outcome: str


def parse(*, text: str, name: str) -> tuple[Step, ...]:
    """Return the steps of a story.

    :raises BrokenStory: when a line is no step; it names file and line.
    """
    lines = (line.partition("#")[0] for line in text.splitlines())
    return tuple(
        _step(line.strip(), number, f"{name}:{number}")
        for number, line in enumerate(lines, 1)
        if line.strip()
    )


def _step(text: str, number: int, place: str) -> Step:
    found = re.fullmatch(r"(\S+)(.*?)(?:\s+(replayed|refused\s+\w+))?", text)
    assert found is not None, text
    verb, rest, outcome = found.groups()
    if verb not in FORMS:
        known = ", ".join(FORMS)
        raise BrokenStory(place=place, reason=f"unknown verb {verb!r}: use one of {known}")
    parts = tuple(_part(FORMS[verb], part.split(), place) for part in rest.split(","))
    return Step(place, number, verb, parts, (outcome or "done").split()[-1])


def _part(form: Form, words: list[str], place: str) -> Part:
    given: dict[str, object] = {}
    for name, reader in form.takes.items():
        given[name] = _read(reader, words, place, name)
    many = []
    while form.repeated and words:
        many.append(tuple(_read(reader, words, place, "argument") for reader in form.repeated))
    while words:
        name = words.pop(0)
        if name not in form.flags and name not in form.options:
            raise BrokenStory(place=place, reason=f"unexpected {name!r}")
        given[name] = name in form.flags or _read(form.options[name], words, place, name)
    return Part(given, tuple(many))


def _read(reader: Reader, words: list[str], place: str, name: str) -> object:
    if not words:
        raise BrokenStory(place=place, reason=f"the {name} is missing")
    text = words.pop(0)
    try:
        return reader(text)
    except (ValueError, AttributeError) as error:
        raise BrokenStory(place=place, reason=f"{text!r} is no {name}") from error


def _reference(key: str) -> ask.Reference:
    return ask.Reference(NAMESPACE, key)


def _perhaps(part: Part) -> ask.Reference | None:
    name = part.get("of")
    return None if name is None else _reference(name)


def _hold(part: Part, at: datetime) -> ask.Action:
    return ask.Hold(part.get("amount"), part.get("until") or at + HOLD, bool(part.get("metered")))


def _grant(part: Part, at: datetime) -> ask.Action:
    paid = part.get("paid")
    terms = Terms(
        source=part.get("source"), effective_at=part.get("effective") or at,
        expires_at=part.get("expires"), paid_amount=paid, currency="usd" if paid else None,
    )  # fmt: skip
    return ask.Grant(part.get("amount"), terms, bool(part.get("frozen")))


def _adjust(part: Part, at: datetime) -> ask.Action:
    is_up = part.get("direction") == "up"
    up = Terms(Source.ADJUSTMENT, at) if is_up else None
    return ask.Adjust(part.get("amount"), up, _perhaps(part))


def _stand(part: Part, at: datetime) -> ask.Action:
    standing = StandingGrant(
        subscription_id=uuid5(NAMESPACE_OID, part.get("name")), amount=part.get("amount"),
        anchor_at=part.get("anchor") or at, zone=part.get("zone") or "UTC",
        next_index=part.get("next") or 0, change=part.get("change") or 0, ends_at=part.get("ends"),
    )  # fmt: skip
    return ask.Stand(standing)


ACTIONS: Mapping[str, Callable[[Part, datetime], ask.Action]] = MappingProxyType(
    {
        "grant": _grant,
        "stand": _stand,
        "hold": _hold,
        "renew": lambda part, at: ask.Renew(
            _reference(part.get("name")), part.get("until") or at + HOLD
        ),
        "settle": lambda part, _: ask.Settle(_reference(part.get("name")), part.get("amount")),
        "release": lambda part, _: ask.Release(_reference(part.get("name"))),
        "charge": lambda part, _: ask.Charge(part.get("amount")),
        "meter": lambda part, _: ask.Meter(part.get("amount")),
        "absorb": lambda part, _: ask.Absorb(part.get("amount"), _perhaps(part)),
        "refund": lambda part, _: ask.Refund(_reference(part.get("name")), part.get("amount")),
        "expire": lambda part, _: ask.Expire(part.get("source")),
        "void": lambda part, _: ask.Void(_reference(part.get("name"))),
        "adjust": _adjust,
        "freeze": lambda part, _: ask.Freeze(_perhaps(part)),
        "thaw": lambda part, _: ask.Thaw(_perhaps(part)),
        "forfeit": lambda _, __: ask.Forfeit(),
    }
)

_ABOUT = frozenset({"settle", "release", "refund", "void"})
_NEW_LINES = """
    SELECT operation, due_at FROM entries
    WHERE workspace_id = $1 AND kind = $2 ORDER BY sequence OFFSET $3
"""
_BALANCE = """
    SELECT source AS name, sum(available) AS amount FROM lots
    WHERE workspace_id = $1 AND kind = $2 GROUP BY source
    UNION ALL
    SELECT CASE account WHEN 'captured' THEN 'spent' ELSE account END, sum(amount) FROM (
        SELECT target AS account, amount FROM postings WHERE workspace_id = $1 AND kind = $2
        UNION ALL
        SELECT source, -amount FROM postings WHERE workspace_id = $1 AND kind = $2
    ) AS moves GROUP BY account
"""


class Theatre:
    """A ledger whose clock the stories set, and a session that does what the clock does."""

    def __init__(self, *, url: str) -> None:
        self.at = BEGINNING
        self._url = url
        self.ledger = Ledger(url, now=lambda: self.at)

    async def __aenter__(self) -> Self:
        await self.ledger.__aenter__()
        self.session = await Session.opened(self._url, WalletCache())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.connection.close()
        await self.ledger.__aexit__()

    async def play(self, *, steps: tuple[Step, ...], workspace_id: UUID) -> None:
        """Play a story on a workspace of its own.

        :raises BrokenStory: when a step goes otherwise than told.
        """
        self.at = BEGINNING
        stage = _Stage(theatre=self, workspace_id=workspace_id)
        for step in steps:
            outcome = await stage.outcome(step)
            if outcome != step.outcome:
                reason = f"told {step.outcome!r}, went {outcome!r}"
                raise BrokenStory(place=step.place, reason=reason)


class _Stage:
    """Where one story plays: its workspace, and what it has told so far."""

    def __init__(self, *, theatre: Theatre, workspace_id: UUID) -> None:
        self.theatre = theatre
        self.workspace_id = workspace_id
        self.kind = "video"
        self.held: set[str] = set()
        self.lines_told = 0

    async def outcome(self, step: Step) -> str:
        part = step.parts[0]
        match step.verb:
            case "at":
                self.theatre.at = part.get("instant")
            case "wait":
                self.theatre.at += part.get("span")
            case "wallet":
                self.kind = part.get("kind")
            case "clock":
                await self._post_due()
            case "balance":
                await self._post_due()
                return await self._compared(dict(part.many))
            case "journal":
                return await self._told([line for (line,) in part.many])
            case _:
                return await self._submitted(step)
        return step.outcome

    async def _submitted(self, step: Step) -> str:
        requests = [self._request(step, part) for part in step.parts]
        try:
            answers = await self.theatre.ledger.submit(requests)
        except Refusal as refusal:
            return refusal.code
        if step.verb == "hold":
            self.held.update(request.key for request in requests)
        return "replayed" if any(answer.is_replay for answer in answers) else "done"

    def _request(self, step: Step, part: Part) -> Request:
        key = part.get("as") or part.get("name") or f"{step.verb}-{step.line}"
        if step.verb in _ABOUT:
            key = f"{key}.{step.verb}"
        if step.verb == "refund" and part.get("name") in self.held:
            part = Part({**part.given, "name": f"{part.get('name')}.settle"})
        action = ACTIONS[step.verb](part, self.theatre.at)
        return Request(self.workspace_id, self.kind, NAMESPACE, key, action)

    async def _post_due(self) -> None:
        await self.theatre.session.post_due([(self.workspace_id, self.kind)], self.theatre.at)

    async def _compared(self, told: dict[str, int]) -> str:
        found = await self._found()
        shown = {name: found.get(name, 0) for name in told}
        return "done" if shown == told else f"balance {_pairs(shown)}"

    async def _found(self) -> dict[str, int]:
        rows = await self.theatre.session.connection.fetch(_BALANCE, self.workspace_id, self.kind)
        return {row["name"]: int(row["amount"]) for row in rows}

    async def _told(self, told: list[tuple[str, datetime | None]]) -> str:
        rows = await self.theatre.session.connection.fetch(
            _NEW_LINES, self.workspace_id, self.kind, self.lines_told
        )
        self.lines_told += len(rows)
        found = [(row["operation"], row["due_at"]) for row in rows]
        is_same = len(found) == len(told) and all(
            line[0] == operation and due in (None, line[1])
            for line, (operation, due) in zip(found, told, strict=True)
        )
        return "done" if is_same else " ".join(f"{line[0]}@{line[1].isoformat()}" for line in found)


def _pairs(shown: Mapping[str, int]) -> str:
    return "  ".join(f"{name} {amount}" for name, amount in shown.items())
