"""What every page is sent with: its own style alone is let in, and nothing is kept or fetched."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256


def page_headers(*, style: str) -> Mapping[str, str]:
    """Return the headers of a page whose one style element has this content."""
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        ),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
