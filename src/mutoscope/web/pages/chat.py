"""The page behind the link of an e-mail: the last messages of a thread, and a form to answer.

Invariant: looking marks nothing as read, since mail programs open links as well; an answer does,
and a button. What was written is never lost: whatever goes wrong, the answer to the form has it.
The surprising choice: a form has the key of its one message, made when it is shown, so that sent
twice it says one thing once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from litestar import MediaType, Request, Response, get, post
from litestar.params import FromPath

from mutoscope.app import chat_mail
from mutoscope.app.studio import Studio
from mutoscope.domain.card_facts import card_facts
from mutoscope.domain.chat import BODY_MAX, MessageEmpty, MessageTooLong, Side
from mutoscope.domain.chat_links import ANSWER_LASTS, PAGES, AnswerLink
from mutoscope.domain.credits import BadKey, Refusal
from mutoscope.domain.planner import KeyReused
from mutoscope.domain.sealed_links import LinkExpired, LinkForged
from mutoscope.domain.team import UnknownMember
from mutoscope.storage import chat, team, workspaces
from mutoscope.storage.chat import Thread
from mutoscope.storage.workspaces import Workspace
from mutoscope.web.api.messages import AttachmentShape, MessageShape, message_shape
from mutoscope.web.api.shape import HouseHere
from mutoscope.web.errors import FAILURES, Malformed, NoSuchRoute, status_of
from mutoscope.web.pages.marks import marked_up
from mutoscope.web.pages.sheet import (
    FORM_HEADERS,
    Failure,
    alert,
    failed_sheet,
    field_of,
    go_back,
    sheet,
    spoken,
)

_FAILURE: Final = Failure(
    ours="The chat cannot be opened now", theirs="This link opens no chat",
    sentences={
        NoSuchRoute.code: "The link is not whole, or not of this house. Open it from the mail once "
        "more, or answer the mail.",
        LinkExpired.code: f"This link has ended: it works for {ANSWER_LASTS.days} days. The next "
        "mail about a message brings a new one.",
        UnknownMember.code: "You are not in this workspace any more, so its chat is closed to you. "
        "To come back, ask an owner of the workspace to invite you again.",
        chat.UnknownThread.code: "There is no such thread any more. Open the link of a newer mail.",
    },
)  # fmt: skip
_USED: Final = "This form has sent another message before: look above, then send this one as well."
_SPEAKERS: Final = {Side.STAFF: "Support", Side.HOUSE: "Mutoscope"}
_DIGITS_MAX: Final = 15
"""Digits of a message's number: more are no number that a page has shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What stands in the form: words that are not sent, and the key of the message they become."""

    body: str = ""
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What a link shows to whom; `names` are those of the members who have spoken."""

    link: AnswerLink
    workspace: Workspace
    thread: Thread
    messages: tuple[MessageShape, ...]
    names: Mapping[UUID, str]

    def is_new(self, message: MessageShape) -> bool:
        """Tell whether who has the link has not read a message of the other side."""
        return message.side is not Side.CREATOR and message.ordinal > self.thread.read_up_to


def answer_page(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
    """Answer an error as a page; what was written stands below, to be sent again or copied."""
    draft = request.state.get("draft")
    is_theirs = isinstance(error, Refusal) and status_of(error.code) < FAILURES
    kept = "" if draft is None or not draft.body else _kept(draft) if is_theirs else _again(draft)
    return failed_sheet(request, error, titled=_FAILURE, kept=kept)


@get(
    f"{PAGES}/{{token:str}}", include_in_schema=False, media_type=MediaType.HTML,
    exception_handlers={Exception: answer_page},
)  # fmt: skip
async def show_chat(*, house: HouseHere, token: FromPath[str]) -> Response[str]:
    """Show the last messages of a thread, and the form; nothing counts as read by it."""
    studio = house.studio
    return _answer(studio, await _conversation(studio, token), _fresh(studio))


@post(
    f"{PAGES}/{{token:str}}", include_in_schema=False, media_type=MediaType.HTML, status_code=200,
    exception_handlers={Exception: answer_page},
)  # fmt: skip
async def answer_in_page(
    *, house: HouseHere, request: Request[Any, Any, Any], token: FromPath[str]
) -> Response[str]:
    """Say what stands in the form, once; or note that the messages it stands below were read."""
    studio, form = house.studio, await request.form()
    body = field_of(form, "body").replace("\r\n", "\n")
    draft = Draft(body=body, key=field_of(form, "key"))
    request.state.draft = draft
    await _conversation(studio, token)
    if field_of(form, "act") == "read":
        await chat_mail.read(studio, token=token, ordinal=_ordinal(field_of(form, "read")))
        return _answer(studio, await _conversation(studio, token), draft)
    try:
        said = await chat_mail.answer(studio, token=token, body=draft.body, key=draft.key)
    except (MessageEmpty, MessageTooLong) as refusal:
        return await _refused(studio, token, draft, refusal)
    except (BadKey, KeyReused) as refusal:
        return await _refused(studio, token, _fresh(studio, body), refusal)
    return go_back(f"{token}#message-{said.message.ordinal}")


def _fresh(studio: Studio, body: str = "") -> Draft:
    return Draft(body=body, key=str(studio.ids.new()))


def _ordinal(text: str) -> int:
    """Return the number of a message that a form names.

    :raises Malformed: when it is none.
    """
    if not text.isdecimal() or len(text) > _DIGITS_MAX:
        remedy = "open the page anew: this is no number of a message"
        raise Malformed(errors=({"at": "/read", "message": remedy},))
    return int(text)


async def _conversation(studio: Studio, token: str) -> Conversation:
    """Return what a link shows.

    :raises NoSuchRoute: when this house has not signed it.
    """
    try:
        link, messages = await chat_mail.shown(studio, token=token)
    except LinkForged:
        raise NoSuchRoute from None
    place = {"workspace_id": link.workspace_id}
    spoke = {each.author_id for each in messages if each.side is Side.CREATOR and each.author_id}
    async with studio.reading() as connection:
        return Conversation(
            link=link, workspace=await workspaces.get(connection, **place),
            thread=await chat.thread(
                connection, **place, thread_id=link.thread_id, reader_id=link.person_id
            ),
            messages=tuple(message_shape(studio, each) for each in messages),
            names=await team.names_of(connection, **place, member_ids=spoke),
        )  # fmt: skip


async def _refused(studio: Studio, token: str, draft: Draft, refusal: Refusal) -> Response[str]:
    return _answer(studio, await _conversation(studio, token), draft, refusal)


def _answer(
    studio: Studio, shown: Conversation, draft: Draft, refusal: Refusal | None = None
) -> Response[str]:
    told = "" if refusal is None else _told(refusal)
    return sheet(
        studio.seller, title=shown.thread.subject or "Your chat with support",
        body=_head(shown) + _talk(shown) + _form(draft, shown, told=told), headers=FORM_HEADERS,
        status_code=200 if refusal is None else status_of(refusal.code),
    )  # fmt: skip


def _told(refusal: Refusal) -> str:
    if isinstance(refusal, MessageEmpty):
        return "Your answer says nothing: write something, then send it."
    is_of_form = isinstance(refusal, BadKey | KeyReused)
    return _USED if is_of_form else spoken(str(refusal))


def _head(shown: Conversation) -> str:
    """Return whose chat it is, by which clocks, and whether the workspace is closed."""
    workspace = shown.workspace
    closed = ""
    if workspace.closed_at is not None:
        closed = (
            f"<p>This workspace was closed on {_when(workspace.closed_at, workspace.zone)}. You "
            "can still read this, and write to support.</p>"
        )
    return (
        f'<p class="quiet"><bdi>{escape(workspace.name)}</bdi> · times of '
        f'{escape(workspace.zone)} · <a href="#answer">Answer</a></p>{closed}'
    )


def _talk(shown: Conversation) -> str:
    """Return the messages as a list, the newest last."""
    if not shown.messages:
        return "<p>Nobody has said anything yet.</p>"
    said = "".join(_message(shown, each) for each in shown.messages)
    before = '<p class="quiet">Earlier messages are in the studio.</p>'
    return f'{before * (shown.messages[0].ordinal > 1)}<ol class="talk">{said}</ol>'


def _message(shown: Conversation, message: MessageShape) -> str:
    marks = '<span class="badge">new</span>' if shown.is_new(message) else ""
    if message.author_id == shown.link.person_id:
        marks = '<span class="sent">Sent</span>'
    return (
        f'<li id="message-{message.ordinal}" class="{message.side}" tabindex="-1"><p class="head">'
        f"<b><bdi>{escape(_speaker(shown, message))}</bdi></b> "
        f"{_when(message.said_at, shown.workspace.zone)} {marks}</p>{_content(message)}</li>"
    )


def _speaker(shown: Conversation, message: MessageShape) -> str:
    if message.side is not Side.CREATOR or message.author_id is None:
        return _SPEAKERS[message.side]
    if message.author_id == shown.link.person_id:
        return "You"
    owner = {shown.link.workspace_id: "The owner"}
    return (owner | dict(shown.names)).get(message.author_id, "A member")


def _content(message: MessageShape) -> str:
    """Return what a message says: words, or what a card tells, and its files."""
    if message.erased_at is not None:
        return '<p class="quiet">What was said here is erased.</p>'
    body = escape(message.body or "")
    if message.card is not None and not body:
        told = card_facts(message.data or {})
        facts = "".join(f"<br>{escape(fact)}" for fact in told)
        body = f"<b>{escape(message.card.replace('_', ' ').capitalize())}</b>{facts}"
    elif message.side is not Side.CREATOR:
        body = marked_up(message.body or "")
    files = "".join(map(_file, message.attachments))
    words = f'<p class="said" dir="auto">{body}</p>' if body else ""
    return words + (files and f'<ul class="files">{files}</ul>')


def _file(attachment: AttachmentShape) -> str:
    """Return a link to a file, which opens beside the page, so that nothing written is lost."""
    return (
        f'<li><a href="..{escape(attachment.url)}" target="_blank" rel="noopener noreferrer"><bdi>'
        f'{escape(attachment.name)}</bdi></a> <span class="quiet">'
        f"{-(-attachment.size_bytes // 1_000):,} kB</span></li>"
    )


def _form(draft: Draft, shown: Conversation, *, told: str) -> str:
    """Return the form: an answer, and, while something is new, the button for who has none."""
    read = until = ""
    if any(map(shown.is_new, shown.messages)):
        until = " Nothing counts as read until you press a button."
        read = (
            f'<input type="hidden" name="read" value="{shown.messages[-1].ordinal}"> '
            '<button class="plain" name="act" value="read" formnovalidate>Mark as read</button>'
        )
    return _fields(draft, told=told, more=read) + (
        '<p class="quiet">Support reads your answer in this chat, and so do the members of the '
        f"workspace.{until}</p>"
    )


def _again(draft: Draft) -> str:
    return _fields(draft, told="What you wrote is kept here. It is said once, however often sent.")


def _kept(draft: Draft) -> str:
    return (
        '<p><label for="body">What you wrote, to be copied</label>'
        f'<textarea id="body" readonly>\n{escape(draft.body)}</textarea></p>'
    )


def _fields(draft: Draft, *, told: str, more: str = "") -> str:
    """Return a form with a draft; an answer to it shows the reason and the form first."""
    return (
        f'<div id="answer">{alert(told)}<form method="post" action="#answer">'
        '<p><label for="body">Your answer</label><textarea id="body" name="body" rows="5" '
        f'maxlength="{BODY_MAX}" required>\n{escape(draft.body)}</textarea></p>'
        f'<input type="hidden" name="key" value="{escape(draft.key)}">'
        f'<p class="buttons"><button>Send</button>{more}</p></form></div>'
    )


def _when(at: datetime, zone: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    return f'<time datetime="{at.isoformat()}">{local:%d %b %Y, %H:%M}</time>'
