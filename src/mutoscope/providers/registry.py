"""Every company that can be set up: how its adapter is made of an account there.

Owns the list. A provider is set up when its account has a key; its address is the company's own
unless the account names another, such as that of a simulator.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Final
from uuid import UUID

from mutoscope.domain.credits import Refusal
from mutoscope.providers import bfl, dashscope, fal, google, kling, openai, pixverse, runway
from mutoscope.providers.adapter import Adapter
from mutoscope.providers.bfl import Bfl
from mutoscope.providers.dashscope import DashScope
from mutoscope.providers.download import Downloads
from mutoscope.providers.fal import Fal
from mutoscope.providers.google import Google
from mutoscope.providers.google_account import service_account
from mutoscope.providers.kling import Kling
from mutoscope.providers.openai import OpenAI
from mutoscope.providers.pixverse import PixVerse
from mutoscope.providers.remote import RemoteGenerator
from mutoscope.providers.runway import Runway
from mutoscope.providers.vertex import Vertex
from mutoscope.providers.wire import Site

SYNCHRONOUS_S: Final = 600
"""Seconds for an answer that is the work itself: a picture of high quality takes minutes."""


class BadAccount(Refusal):
    """An account at a provider that cannot be used as it is written."""

    code = "bad_account"

    def __init__(self, *, provider: str, remedy: str) -> None:
        super().__init__(f"the account at {provider} cannot be used: {remedy}")
        self.provider = provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a studio has at a provider; `place` is the Google Cloud project's location."""

    key: str = field(repr=False)
    base_url: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What adapters take from outside: the clock, ids, chance, and a folder for what comes."""

    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    random: Random
    folder: Path


Make = Callable[[Site, Account, Surroundings], Adapter]


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A provider's own address, the hosts beside it that may see the key, and its adapter."""

    base_url: str
    make: Make
    key_domains: tuple[str, ...] = ()
    create_s: float = 120


def _kling(site: Site, account: Account, around: Surroundings) -> Adapter:
    access_key, colon, secret_key = account.key.partition(":")
    if not colon:
        raise BadAccount(provider="kling", remedy="write the key as ACCESS_KEY:SECRET_KEY")
    return Kling(
        site=site, access_key=access_key, secret_key=secret_key, now=around.now,
        random=around.random,
    )  # fmt: skip


def _vertex(site: Site, account: Account, around: Surroundings) -> Adapter:
    if not account.place:
        remedy = "name its place, projects/PROJECT/locations/LOCATION"
        raise BadAccount(provider="vertex", remedy=remedy)
    return Vertex(
        site=site, parent=account.place, account=service_account(account.key), now=around.now,
        random=around.random,
    )  # fmt: skip


def _fal(site: Site, account: Account, around: Surroundings) -> Adapter:
    if not account.base_url:
        return Fal(site=site, key=account.key, random=around.random)
    return Fal(
        site=site, key=account.key, random=around.random, api_url=site.base_url,
        rest_url=site.base_url,
    )  # fmt: skip


COMPANIES: Final[Mapping[str, Company]] = MappingProxyType(
    {
        "runway": Company(
            base_url=runway.BASE_URL,
            make=lambda site, mine, around: Runway(site=site, key=mine.key, random=around.random),
        ),
        "google": Company(
            base_url=google.BASE_URL, create_s=SYNCHRONOUS_S,
            make=lambda site, mine, around: Google(site=site, key=mine.key, random=around.random),
        ),
        "vertex": Company(
            base_url="https://us-central1-aiplatform.googleapis.com", make=_vertex,
        ),
        "kling": Company(base_url=kling.BASE_URL, make=_kling),
        "pixverse": Company(
            base_url=pixverse.BASE_URL,
            make=lambda site, mine, around: PixVerse(
                site=site, key=mine.key, new_id=around.new_id, random=around.random
            ),
        ),
        "dashscope": Company(
            base_url=dashscope.BASE_URL,
            make=lambda site, mine, around: DashScope(
                site=site, key=mine.key, random=around.random
            ),
        ),
        "fal": Company(base_url=fal.BASE_URL, key_domains=(".fal.run", ".fal.ai"), make=_fal),
        "openai": Company(
            base_url=openai.BASE_URL, create_s=SYNCHRONOUS_S,
            make=lambda site, mine, around: OpenAI(site=site, key=mine.key, random=around.random),
        ),
        "bfl": Company(
            base_url=bfl.BASE_URL, key_domains=bfl.KEY_DOMAINS,
            make=lambda site, mine, around: Bfl(site=site, key=mine.key, random=around.random),
        ),
    }
)  # fmt: skip


def set_up(*, provider: str, account: Account, around: Surroundings) -> RemoteGenerator:
    """Return a provider that is ready to be ordered of.

    :raises BadAccount: when the account cannot be used.
    :raises BadServiceAccount: when a service account's file is none.
    """
    company = COMPANIES[provider]
    site = Site(
        provider=provider, base_url=account.base_url.rstrip("/") or company.base_url,
        key_domains=company.key_domains, create_s=company.create_s,
    )  # fmt: skip
    return RemoteGenerator(
        adapter=company.make(site, account, around), folder=around.folder / provider,
        downloads=Downloads(site=site),
    )  # fmt: skip
