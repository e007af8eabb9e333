"""The page behind a link: one sheet with a title, for a person who has the link and nothing else.

Owns the frame of such pages, and how an error looks on one. Invariant: every text that somebody
wrote is escaped. The surprising choice: errors are pages as well, with the problem's status.
"""

from collections.abc import Iterable, Mapping
from html import escape
from importlib.resources import files
from string import Template
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from litestar import MediaType, Request, Response
from litestar.datastructures import FormMultiDict

from mutoscope.domain.seller import Seller
from mutoscope.web.errors import FAILURES, answer_error
from mutoscope.web.pages.headers import page_headers

SEE_OTHER: Final = 303
QUESTIONS: Final = "Questions? Answer the message that brought you here."

_PAGES: Final = files("mutoscope.web.pages")
_STYLE: Final = "".join(
    _PAGES.joinpath(name).read_text(encoding="utf-8") for name in ("status.css", "sheet.css")
)
_PAGE: Final = Template(_PAGES.joinpath("sheet.html").read_text(encoding="utf-8"))
HEADERS: Final = {**page_headers(style=_STYLE), "X-Robots-Tag": "noindex"}
FORM_HEADERS: Final = {**HEADERS, **page_headers(style=_STYLE, has_form=True)}


class Failure(NamedTuple):
    """How errors are titled, by whose fault they are, and what is told instead of some problems.

    `sentences` are by the problem's code: for those whose own one speaks to a program.
    """

    ours: str
    theirs: str
    sentences: Mapping[str, str] = MappingProxyType({})


def sheet(
    seller: Seller, *, title: str, body: str, foot: str = QUESTIONS,
    headers: Mapping[str, str] = HEADERS, status_code: int = 200,
) -> Response[str]:  # fmt: skip
    """Return a page with a body that is markup; its title and its foot are text."""
    page = _PAGE.substitute(
        style=_STYLE, title=escape(title), seller=escape(seller.party.legal_name), body=body,
        foot=escape(foot),
    )  # fmt: skip
    return Response(page, status_code=status_code, media_type=MediaType.HTML, headers=dict(headers))


def failed_sheet(
    request: Request[Any, Any, Any], error: Exception, *, titled: Failure, kept: str = ""
) -> Response[str]:
    """Answer an error as a page, with the status of its problem; `kept` is markup below it."""
    found = answer_error(request, error)
    told = titled.sentences.get(found.content["code"]) or spoken(str(found.content["detail"]))
    body = f"<p>{escape(told)}</p>"
    if "id" in found.content:
        body += f"<p><small>{escape(str(found.content['id']))}</small></p>"
    status_code = found.status_code or FAILURES
    retry = {name: value for name, value in found.headers.items() if name == "Retry-After"}
    return sheet(
        request.state.house.studio.seller, body=body + kept, status_code=status_code,
        title=titled.ours if status_code >= FAILURES else titled.theirs,
        headers=(FORM_HEADERS if kept else HEADERS) | retry,
    )  # fmt: skip


def spoken(detail: str) -> str:
    """Return what a problem tells as a sentence of its own."""
    return f"{detail[:1].upper()}{detail[1:]}."


def alert(told: str) -> str:
    """Return why a form was not taken, to stand above it; nothing when it was not sent yet."""
    return told and f'<p class="bad" role="alert">{escape(told)}</p>'


def field_of(form: FormMultiDict, name: str) -> str:
    """Return what stands in a field of a form that was sent; nothing for a file, or no field."""
    value = form.get(name)
    return value if isinstance(value, str) else ""


def go_back(place: str) -> Response[str]:
    """Lead a browser that has sent a form to a page, so that to load it anew sends nothing."""
    return Response("", status_code=SEE_OTHER, headers={**FORM_HEADERS, "Location": place})


def rows(pairs: Iterable[tuple[str, str]]) -> str:
    """Return pairs of a word and markup as a list."""
    inner = "".join(f"<div><dt>{word}</dt><dd>{markup}</dd></div>" for word, markup in pairs)
    return f"<dl>{inner}</dl>"
