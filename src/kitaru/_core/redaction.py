"""Leave secrets out of what people paste into bug reports."""

from __future__ import annotations

import re

HIDDEN = "(hidden)"
_SECRET_NAME = re.compile(
    r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|PRIVATE|AUTH|_KEY$|^KEY$",
    re.IGNORECASE,
)
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_PARAMETER = re.compile(
    r"(?<=[?&])([^=&\s]*(?:token|key|secret|password|sig)[^=&\s]*)=[^&\s]+",
    re.IGNORECASE,
)


def value(name: str, text: str) -> str:
    """Return a value as it may be shown: hidden if its name is that of a secret."""
    return HIDDEN if text and _SECRET_NAME.search(name) else url(text)


def url(text: str) -> str:
    """Return a text without the credentials of the URLs in it."""
    return _PARAMETER.sub(rf"\1={HIDDEN}", _CREDENTIALS.sub(f"{HIDDEN}@", text))
