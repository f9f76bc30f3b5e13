"""Who may see the page, and what its answers let a browser do.

A web page that somebody else wrote can make the browser on this machine send requests
here. None of them may get through: `Host` and `Origin` have to be the page's own, the
session is a cookie that no other site's requests carry, and forms have a token.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

# Only what comes from here, no script and no style in the text of a page.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = (
    ("content-security-policy", _POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    # Not `no-referrer`: then browsers hide the origin of forms as well.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
    ("cache-control", "no-store"),
)
_LOOPBACK = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?\Z")
START_TOKEN, FORM_TOKEN = "token", "form_token"


@dataclass(frozen=True)
class Guard:
    """The secrets of one page, from its start to its end.

    Attributes:
        token: What the address at the start carries; whoever has it gets a session.
        cookie: Name of the cookie; browsers do not tell ports apart.
    """

    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    cookie: str = "kitaru_page"

    def _derived(self, purpose: str) -> str:
        key = self.token.encode()
        return hmac.new(key, purpose.encode(), hashlib.sha256).hexdigest()

    @property
    def session(self) -> str:
        """The value of the cookie; the token cannot be computed from it."""
        return self._derived("session")

    @property
    def form_token(self) -> str:
        """What each form carries."""
        return self._derived("form")

    @property
    def set_cookie(self) -> str:
        """The header that begins a session."""
        return f"{self.cookie}={self.session}; Path=/; HttpOnly; SameSite=Strict"

    def begins(self, token: str) -> bool:
        """Whether a token is that of the start."""
        return _same(token, self.token)

    def knows(self, headers: Mapping[str, str]) -> bool:
        """Whether a request comes with the session."""
        found: SimpleCookie = SimpleCookie()
        try:
            found.load(headers.get("cookie", ""))
        except CookieError:
            return False
        value = found.get(self.cookie)
        return value is not None and _same(value.value, self.session)

    def takes(self, form_token: str) -> bool:
        """Whether a form is one of this page's."""
        return _same(form_token, self.form_token)


def is_ours(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request is meant for this page and comes from it.

    What changes something has to say where it comes from; all browsers do.
    """
    host = headers.get("host", "").lower()
    if not _LOOPBACK.match(host):
        return False
    origin = headers.get("origin")
    if origin is None:
        return method in ("GET", "HEAD")
    return origin.lower() == f"http://{host}"


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode())
