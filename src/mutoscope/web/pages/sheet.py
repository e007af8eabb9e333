"""The page behind a link: one sheet with a title, for a person who has the link and nothing else.

Owns the frame of such pages, and how an error looks on one. Invariant: every text that somebody
wrote is escaped. The surprising choice: errors are pages as well, with the problem's status.
"""

from collections.abc import Iterable, Mapping
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, Final, NamedTuple

from litestar import MediaType, Request, Response

from mutoscope.domain.seller import Seller
from mutoscope.web.errors import FAILURES, answer_error
from mutoscope.web.pages.headers import page_headers

QUESTIONS: Final = "Questions? Answer the message that brought you here."

_PAGES: Final = files("mutoscope.web.pages")
_STYLE: Final = "".join(
    _PAGES.joinpath(name).read_text(encoding="utf-8") for name in ("status.css", "sheet.css")
)
_PAGE: Final = Template(_PAGES.joinpath("sheet.html").read_text(encoding="utf-8"))
HEADERS: Final = {**page_headers(style=_STYLE), "X-Robots-Tag": "noindex"}


class Failure(NamedTuple):
    """How errors are titled, by whose fault they are."""

    ours: str
    theirs: str


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
    request: Request[Any, Any, Any], error: Exception, *, titled: Failure
) -> Response[str]:
    """Answer an error as a page, with the status and the sentence of its problem."""
    found = answer_error(request, error)
    detail = str(found.content["detail"])
    body = f"<p>{escape(detail[:1].upper() + detail[1:])}.</p>"
    if "id" in found.content:
        body += f"<p><small>{escape(str(found.content['id']))}</small></p>"
    status_code = found.status_code or FAILURES
    retry = {name: value for name, value in found.headers.items() if name == "Retry-After"}
    return sheet(
        request.app.state.house.studio.seller, body=body, status_code=status_code,
        title=titled.ours if status_code >= FAILURES else titled.theirs, headers=HEADERS | retry,
    )  # fmt: skip


def rows(pairs: Iterable[tuple[str, str]]) -> str:
    """Return pairs of a word and markup as a list."""
    inner = "".join(f"<div><dt>{word}</dt><dd>{markup}</dd></div>" for word, markup in pairs)
    return f"<dl>{inner}</dl>"
