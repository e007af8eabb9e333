"""What every page is sent with: its own style alone is let in, and nothing is kept or fetched."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256


def page_headers(*, style: str, has_form: bool = False) -> Mapping[str, str]:
    """Return the headers of a page whose one style element has this content.

    A form is sent to its own house alone. The page's address goes there, too: without it a browser
    would not tell whose page sends the form, and a house without a key would refuse it.
    """
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
            f"form-action '{'self' if has_form else 'none'}'; frame-ancestors 'none'"
        ),
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin" if has_form else "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
