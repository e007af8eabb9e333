"""What can go wrong at a provider, by name, and which request it befalls.

A fault is asked for by a marker in the prompt, `[[sim:moderated_output]]`, or beforehand through
`POST /_sim/next`. A marker may count: `[[sim:http500_on_poll:2]]`.
"""

import re
from enum import StrEnum
from typing import Final, NamedTuple


class Fault(StrEnum):
    """The name of a fault."""

    OK = "ok"
    BAD_INPUT = "bad_input"
    AUTH = "auth"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    RATE_LIMITED = "rate_limited"
    CONCURRENCY = "concurrency"
    MODERATED_INPUT = "moderated_input"
    RETIRED_MODEL = "retired_model"
    MODERATED_OUTPUT = "moderated_output"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NEVER_FINISHES = "never_finishes"
    UNKNOWN_STATUS = "unknown_status_string"
    HTTP500_CREATED = "http500_on_create_but_task_created"
    HTTP500_NOTHING = "http500_on_create_nothing_created"
    DROP = "drop_connection_after_accept"
    DROP_BEFORE = "drop_connection_before_accept"
    HANG = "hang"
    SLOW = "slow"
    NO_JSON = "create_answers_no_json"
    HTTP500_POLL = "http500_on_poll"
    EXPIRED = "expired_output_url"
    EXPIRED_ONCE = "expired_output_url_once"
    TRUNCATED = "truncated_download"
    BROKEN_FILE = "broken_file"
    WRONG_TYPE = "wrong_content_type"
    REDIRECT_PRIVATE = "redirect_to_private_address"
    DUPLICATE_WEBHOOK = "duplicate_webhook"
    EARLY_WEBHOOK = "webhook_before_create_response"
    BAD_SIGNATURE = "webhook_bad_signature"
    DELAYED_WEBHOOK = "delayed_webhook"
    REORDERED_WEBHOOK = "webhook_after_its_successor"
    DROPPED_WEBHOOK = "dropped_webhook"
    RETOLD_WEBHOOK = "webhook_again_with_another_id"


REFUSED_AT_CREATE: Final = frozenset(
    {
        Fault.BAD_INPUT, Fault.AUTH, Fault.INSUFFICIENT_FUNDS, Fault.RATE_LIMITED,
        Fault.CONCURRENCY, Fault.MODERATED_INPUT, Fault.RETIRED_MODEL,
    }
)  # fmt: skip
"""Faults that a provider may answer a creation with, in its own words; nothing is created."""

_MARKER: Final = re.compile(r"\[\[sim:([a-z0-9_]+)(?::(\d+))?\]\]")


class Script(NamedTuple):
    """A fault and how often it befalls."""

    fault: Fault = Fault.OK
    times: int = 1


class UnknownFault(Exception):
    """A fault that no simulator plays."""

    code = "unknown_fault"

    def __init__(self, *, name: str) -> None:
        super().__init__(f"no fault is named {name!r}: use one of {', '.join(Fault)}")
        self.name = name


def named(name: str, times: int = 1) -> Script:
    """Return a fault by its name.

    :raises UnknownFault: when there is none.
    """
    try:
        return Script(Fault(name), times)
    except ValueError as error:
        raise UnknownFault(name=name) from error


def marked(prompt: str) -> Script:
    """Return the fault that a prompt asks for.

    :raises UnknownFault: when it asks for one that does not exist.
    """
    found = _MARKER.search(prompt)
    return Script() if found is None else named(found[1], int(found[2] or 1))
