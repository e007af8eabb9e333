"""The ledger for embedders: exact credits in your own product, without the studio.

```python
async with mutoscope.Ledger(url) as ledger:
    await ledger.grant(workspace_id, "video", 700, key="order-17", source="pack")
    await ledger.hold(workspace_id, "video", 50, key="clip-1")
    await ledger.settle(workspace_id, "video", 45, key="clip-1-done", hold="clip-1")
```

Amounts are whole credits. Every call that moves credits carries a key of your own, unique for ever
in its workspace: the same call repeated returns the first answer with `is_replay`, and other
content under the same key is refused (`KeyReused`). Calls may run concurrently; each is committed
when it returns, and a call that raises has moved nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self, TypedDict, Unpack

from mutoscope.app import renew as renewals
from mutoscope.app import verify as proof
from mutoscope.app.rebuild import Rebuilt, rebuild, survey
from mutoscope.domain import actions as ask
from mutoscope.domain.credits import Refusal, checked_instant
from mutoscope.domain.due import OWN_NAMESPACES
from mutoscope.domain.journal import Attribution
from mutoscope.domain.lots import Source, Terms
from mutoscope.domain.planner import Answer, Submission
from mutoscope.domain.requests import Note, Request, checked, checked_workspace
from mutoscope.storage import balances, history
from mutoscope.storage.database import check_server, connect, migrate, open_pool
from mutoscope.storage.history import Filters, Page, Window
from mutoscope.storage.journal import Journal, JournalClosed
from mutoscope.storage.session import Session, Work
from mutoscope.storage.verification import Scope
from mutoscope.storage.wallet_cache import WalletCache

if TYPE_CHECKING:
    from uuid import UUID

    import asyncpg

    from mutoscope.domain.balance import Balance

NAMESPACE: Final = "api"
HOLD_S: Final = 1_800
"""Seconds until a hold is released by itself, unless it is renewed."""

HOLD_S_MAX: Final = 31_536_000
"""Seconds of the longest hold: a year."""

CONNECTIONS_MAX: Final = 8
"""Connections for reading, beside the two or three that write."""

Submit = Callable[[Submission], Awaitable[tuple[Answer, ...]]]
Now = Callable[[], datetime]


class BadHoldSpan(Refusal):
    """A hold for longer than any lasts, or for no number of seconds."""

    code = "bad_hold_span"

    def __init__(self, *, hold_s: object) -> None:
        super().__init__(
            f"hold_s must be a whole number of seconds up to {HOLD_S_MAX:,}, not {hold_s!r}: "
            "`renew` moves a deadline while the work lives"
        )
        self.hold_s = hold_s


class NamespaceTaken(Refusal):
    """A key in a namespace that the ledger keeps for what falls due."""

    code = "namespace_taken"

    def __init__(self, *, namespace: str) -> None:
        super().__init__(
            f"keys of {namespace} are the ledger's own: take another namespace, such as {NAMESPACE}"
        )
        self.namespace = namespace


class NotRequests(Refusal):
    """Something else where requests are to stand, such as a request that is not in a list."""

    code = "not_requests"

    def __init__(self, *, value: object) -> None:
        super().__init__(
            f"{value!r:.60} is no list of requests: a submission is a list of "
            "`mutoscope.domain.requests.Request`, and a batch is a list of submissions"
        )
        self.value = value


class TransactionMissing(Refusal):
    """An operation on a caller's connection that has no transaction open."""

    code = "transaction_missing"

    def __init__(self) -> None:
        super().__init__(
            "no transaction is open on the connection: call inside `async with "
            "connection.transaction()`, so that all of an operation is written or nothing"
        )


class Circumstances(TypedDict, total=False):
    """Who and why, recorded with an entry: ids of your own, a reason code, a note."""

    attribution: Attribution
    reason: str
    note: Note


class Operations:
    """The operations of a ledger; each returns the answer with its entry.

    :raises Refusal: when one is refused: a subclass tells why, and nothing was moved.
    :raises DatabaseUnreachable: when the database stays away; the key tells what was written.
    """

    def __init__(self, *, submit: Submit, now: Now) -> None:
        """Take the way in which submissions are written, and the clock."""
        self._submit = submit
        self._now = now

    async def grant(
        self, workspace_id: UUID, kind: str, amount: int, *, key: str,
        source: str = Source.PACK, expires_at: datetime | None = None,
        **circumstances: Unpack[Circumstances],
    ) -> Answer:  # fmt: skip
        """Give credits as a lot that is spendable at once, until `expires_at` if there is one."""
        terms = Terms(source=source, effective_at=self._now(), expires_at=expires_at)
        action = ask.Grant(amount, terms)
        return await self.perform(workspace_id, kind, action, key=key, **circumstances)

    async def hold(
        self, workspace_id: UUID, kind: str, amount: int, *, key: str, hold_s: int = HOLD_S,
        is_metered: bool = False, **circumstances: Unpack[Circumstances],
    ) -> Answer:  # fmt: skip
        """Set credits aside for `hold_s` seconds; a metered hold draws no lot."""
        action = ask.Hold(amount, self._deadline(hold_s), is_metered)
        return await self.perform(workspace_id, kind, action, key=key, **circumstances)

    async def settle(
        self, workspace_id: UUID, kind: str, amount: int, *, key: str, hold: str,
        **circumstances: Unpack[Circumstances],
    ) -> Answer:  # fmt: skip
        """Capture an amount of a hold, 0 for nothing, and release the rest."""
        action = ask.Settle(_reference(hold), amount)
        return await self.perform(workspace_id, kind, action, key=key, **circumstances)

    async def release(
        self, workspace_id: UUID, kind: str, *, key: str, hold: str,
        **circumstances: Unpack[Circumstances],
    ) -> Answer:  # fmt: skip
        """Give a hold back whole."""
        action = ask.Release(_reference(hold))
        return await self.perform(workspace_id, kind, action, key=key, **circumstances)

    async def renew(
        self, workspace_id: UUID, kind: str, *, hold: str, hold_s: int = HOLD_S
    ) -> None:
        """Move the deadline of an open hold to `hold_s` seconds from now."""
        action = ask.Renew(_reference(hold), self._deadline(hold_s))
        await self.perform(workspace_id, kind, action, key=hold)

    async def charge(
        self, workspace_id: UUID, kind: str, amount: int, *, key: str,
        **circumstances: Unpack[Circumstances],
    ) -> Answer:  # fmt: skip
        """Hold and capture at once."""
        return await self.perform(workspace_id, kind, ask.Charge(amount), key=key, **circumstances)

    async def refund(
        self, workspace_id: UUID, kind: str, *, key: str, of: str, amount: int | None = None,
        **circumstances: Unpack[Circumstances],
    ) -> Answer:  # fmt: skip
        """Return what an entry captured, or a part of it, once, to the lots it was drawn from."""
        action = ask.Refund(_reference(of), amount)
        return await self.perform(workspace_id, kind, action, key=key, **circumstances)

    async def void(
        self, workspace_id: UUID, kind: str, *, key: str, grant: str,
        **circumstances: Unpack[Circumstances],
    ) -> Answer:  # fmt: skip
        """Undo a grant: what is left of its lot."""
        action = ask.Void(_reference(grant))
        return await self.perform(workspace_id, kind, action, key=key, **circumstances)

    async def perform(
        self, workspace_id: UUID, kind: str, action: ask.Action, *, key: str,
        namespace: str = NAMESPACE, **circumstances: Unpack[Circumstances],
    ) -> Answer:  # fmt: skip
        """Do any action of `mutoscope.domain.actions`, under a key."""
        request = Request(workspace_id, kind, namespace, key, action, **circumstances)
        (answer,) = await self._submit(_submission((request,)))
        return answer

    async def submit(self, requests: Sequence[Request]) -> tuple[Answer, ...]:
        """Grant requests of one workspace together, or none of them."""
        return await self._submit(_submission(requests))

    def _deadline(self, hold_s: int) -> datetime:
        if type(hold_s) is not int or hold_s > HOLD_S_MAX:
            raise BadHoldSpan(hold_s=hold_s)
        return self._now() + timedelta(seconds=max(hold_s, 0))  # none is refused as passed


class Ledger(Operations):
    """A ledger in a PostgreSQL of your own (15 or newer), used as an async context manager."""

    def __init__(self, url: str, *, now: Now = lambda: datetime.now(UTC)) -> None:
        """Name the database; `now` is the clock, the machine's own by default."""
        self._url = url
        self._journal = Journal(url=url, now=now)
        self._pool: asyncpg.Pool[Any] | None = None
        super().__init__(submit=self._journal.submit, now=now)

    async def __aenter__(self) -> Self:
        """Connect, create or upgrade the tables, and begin to write.

        :raises NaiveInstant: when the clock tells instants without a zone.
        :raises DatabaseUnreachable: when no server answers.
        :raises DatabaseRefused: when the server is too old or not durable, or does not let the
            tables be made.
        """
        checked_instant(self._now(), name="now")
        connection = await connect(self._url)
        try:
            await check_server(connection)
            await migrate(connection)
        finally:
            await connection.close()
        self._pool = await open_pool(self._url, connections_max=CONNECTIONS_MAX)
        await self._journal.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Finish what is being written, and disconnect."""
        await self._journal.close()
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def batch(
        self, submissions: Sequence[Sequence[Request]]
    ) -> list[tuple[Answer, ...] | Refusal]:
        """Do many submissions in few transactions; return answers or a refusal for each, in order.

        The requests of one submission are granted together or not at all.

        :raises Refusal: when a request cannot stand in the journal: then none of them is done.
        :raises DatabaseUnreachable: when the database stays away; the keys tell what was written.
        """
        if not isinstance(submissions, Iterable):
            raise NotRequests(value=submissions)
        return await self._journal.submit_all(list(map(_submission, submissions)))

    async def on(self, connection: asyncpg.Connection[Any]) -> Operations:
        """Return the operations inside a transaction of your own, on your connection.

        They are not gathered with others, and take effect when you commit. Each raises
        `TransactionMissing` when no transaction is open.
        """
        session = await Session(connection, WalletCache()).prepared()

        async def submit(submission: Submission) -> tuple[Answer, ...]:
            if not connection.is_in_transaction():
                raise TransactionMissing
            return await session.write_within(Work(submission), self._now)

        return Operations(submit=submit, now=self._now)

    async def balance(
        self, workspace_id: UUID, kind: str, *, at: datetime | None = None
    ) -> Balance:
        """Tell what a wallet holds and why, now or at any instant of the past or the future.

        :raises BadWorkspace: when the workspace's id is no UUID.
        :raises UnknownWallet: when no credits were ever granted to it.
        :raises NaiveInstant: when the instant has no zone.
        :raises TooFarAhead: when it lies more than ten years ahead.
        """
        now = self._now()
        async with self._reading() as connection:
            return await balances.balance(
                connection,
                workspace_id=checked_workspace(workspace_id),
                kind=kind,
                at=at or now,
                now=now,
            )

    async def history(
        self, workspace_id: UUID, *, kind: str | None = None,
        window: Window = history.FIRST_PAGE, filters: Filters = history.NO_FILTERS,
    ) -> Page:  # fmt: skip
        """Return a page of the journal of one wallet, or of all wallets of a workspace.

        :raises BadWorkspace: when the workspace's id is no UUID.
        :raises BadCursor: when a cursor of the window is of another workspace or kind, or of none.
        :raises BadLimit: when the window's limit is not from 1 to 1,000.
        :raises NaiveInstant: when an instant of the filters has no zone.
        """
        async with self._reading() as connection:
            return await history.page(
                connection, workspace_id=checked_workspace(workspace_id), kind=kind,
                window=window, filters=filters,
            )  # fmt: skip

    async def post_due(self) -> renewals.Renewal:
        """Post what is due by now on every wallet: lapses, monthly grants, holds past their end.

        An operation posts what is due on its own wallet first, and a balance reckons with it; this
        is for wallets that nobody touches. Run it as often as you like, also in several processes.

        :raises DatabaseUnreachable: when no server answers.
        """
        return await renewals.run(url=self._url, at=self._now())

    async def verify(self, *, private_key: bytes, is_full: bool = True) -> proof.Verification:
        """Replay the journal of all wallets, and compare what is stored.

        The answer tells what is wrong, the first of it by name, and is signed with an Ed25519 key
        of yours (32 bytes). Without `is_full` the chain of hashes alone is walked.

        :raises UnusableKey: when the key is not 32 bytes.
        """
        async with self._reading() as connection:
            return await proof.verify(
                connection, scope=Scope(is_full=is_full), private_key=private_key, now=self._now
            )

    async def rebuild(
        self, *, workspace_id: UUID | None = None, is_journal_proven: bool = False
    ) -> Rebuilt:
        """Write wallets, lots and open holds anew where they are not what the journal makes them.

        Where exported checkpoints prove the journal, a wallet's row may be ahead of it.

        :raises JournalBroken: when a line of a journal is not in order; nothing was changed.
        :raises UnknownWorkspace: when it is none.
        """
        async with self._reading() as connection:
            damage = await survey(
                connection, scope=Scope(workspace_id=workspace_id),
                is_journal_proven=is_journal_proven,
            )  # fmt: skip
            return await rebuild(
                connection, damage=damage, at=self._now(), is_journal_proven=is_journal_proven
            )

    def _reading(self) -> AbstractAsyncContextManager[Any]:
        if self._pool is None:
            raise JournalClosed
        return self._pool.acquire()


def _submission(requests: Sequence[Request]) -> Submission:
    try:
        found = tuple(map(checked, requests))
        for request in found:
            if request.namespace in OWN_NAMESPACES:
                raise NamespaceTaken(namespace=request.namespace)
    except (TypeError, ValueError, AttributeError):
        if _are_requests(requests):
            raise
        raise NotRequests(value=requests) from None
    return Submission(found)


def _are_requests(value: object) -> bool:
    """Tell whether these are requests; asked after a failure alone: what is right pays nothing."""
    return isinstance(value, Sequence) and all(isinstance(each, Request) for each in value)


def _reference(key: str) -> ask.Reference:
    return ask.Reference(NAMESPACE, key)
