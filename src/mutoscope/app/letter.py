"""A message as it is handed to a mail server, and what can go wrong on the way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

LEFT_OUT: Final = "(left out)"
_KEYS: Final = re.compile(r"https?://\S+|\b[0-9a-f]{64}\b|(?<=Your code is )[0-9]{6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message in plain text, with at most one printed page; `page_name` is its file's.

    `message_id` becomes the Message-ID, so that a second copy can be told from a second message.
    """

    message_id: UUID
    recipient: str
    subject: str
    body: str
    created_at: datetime
    page: bytes | None = None
    page_name: str = ""


class MailError(Exception):
    """A try to send a letter that did not succeed; the sentence has the server's words.

    `permanent` says that the server refused this letter for good, `is_of_address` that it refused
    its address. `is_doubtful` says that the connection was cut so late that the server may have
    taken the letter all the same.
    """

    def __init__(
        self, sentence: str, *, permanent: bool = False, is_of_address: bool = False,
        is_doubtful: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(sentence)
        self.permanent = permanent
        self.is_of_address = is_of_address
        self.is_doubtful = is_doubtful


def without_keys(body: str) -> str:
    """Return what a letter says without what opens something: its links, tokens and codes.

    Whoever had them could act in the name of the person who was written to.
    """
    return _KEYS.sub(LEFT_OUT, body)
