"""What a provider's adapter is: its protocol alone, around which all else is written once.

An adapter turns an order into the provider's requests, and its answers into the values here. It
keeps no state, stores no file, never waits and never tries again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from mutoscope.app.ports import Capabilities, ErrorCode, Failure, Funds, Order, RenderState
from mutoscope.providers.pictures import Pictures
from mutoscope.providers.wire import Wire, refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One thing that a provider delivers: an address to fetch it from, or its bytes.

    `is_keyed` says that the address wants the provider's key; only its own hosts get it.
    """

    url: str = ""
    content: bytes = b""
    is_keyed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a provider's work stands, in its answer to one question."""

    state: RenderState
    progress: float = 0.0
    deliveries: tuple[Delivery, ...] = ()
    failure: Failure | None = None
    cost_micros: int | None = None
    provider_state: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """What a provider answered to an order; `standing` is of one that works at once."""

    provider_job_id: str
    standing: Standing | None = None
    cost_micros: int | None = None


class Adapter(Protocol):
    """One provider's protocol. Subclass it: what most providers lack is answered here."""

    wire: Wire

    def capabilities(self, *, model: str) -> Capabilities:
        """Return what a model can do.

        :raises ProviderError: when the adapter knows no such model.
        """
        ...

    async def create(self, *, order: Order, pictures: Pictures) -> Created:
        """Hand an order over, with exactly one request that begins work.

        :raises ProviderError: when it is refused, or nobody can tell.
        """
        ...

    async def poll(self, *, provider_job_id: str) -> Standing:
        """Tell where the work stands.

        :raises ProviderError: when the provider cannot be asked just now.
        """
        ...

    async def funds(self) -> Funds:
        """Return what is left at the provider.

        :raises ProviderError: when it does not answer, or refuses the key.
        """
        ...

    async def cancel(self, *, provider_job_id: str) -> bool:
        """Ask the provider to stop; true only when it confirms that it stopped for free."""
        assert provider_job_id
        return False

    async def find(self, *, job_id: UUID) -> str | None:
        """Return the provider's id of what our own id was sent with."""
        assert job_id
        return None

    async def parse_webhook(
        self, *, headers: Mapping[str, str], body: bytes, secret: str, at: datetime
    ) -> str:
        """Return whose work a call back is about, once its signature was verified.

        :raises ProviderError: when the signature or the body is not the provider's.
        """
        assert headers is not None
        assert at.tzinfo
        del body, secret
        raise refusal(ErrorCode.BAD_INPUT, f"{self.wire.site.provider} never calls back.")


def known(models: Mapping[str, Capabilities], *, model: str, provider: str) -> Capabilities:
    """Return what a model can do.

    :raises ProviderError: when the adapter knows no such model.
    """
    if model not in models:
        sentence = f"{provider} has no model {model!r} here: use one of {', '.join(models)}."
        raise refusal(ErrorCode.RETIRED_MODEL, sentence)
    return models[model]
