"""What stands for a secret wherever it is left out, and which names tell of one."""

from __future__ import annotations

import re

HIDDEN = "***"
# Of variables and settings: rather one too many.
_SECRET_NAME = re.compile(
    r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|PRIVATE|AUTH|_KEY$|^KEY$",
    re.IGNORECASE,
)
# Of keys in data, where `max_tokens` and `author` are none.
_SECRET_KEY = re.compile(
    r"pass(word|wd|phrase|code)?s?$|passw|secret|token$|api[_-]?key|access[_-]?key"
    r"|private[_-]?key|authori[sz]ation|credential|cookie|(^|_)pwd$",
    re.IGNORECASE,
)
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_PARAMETER = re.compile(
    r"(?<=[?&])([^=&\s]*(?:token|key|secret|password|sig)[^=&\s]*)=[^&\s]+",
    re.IGNORECASE,
)


def is_secret_key(name: str) -> bool:
    """Whether a key of some data names a secret."""
    return _SECRET_KEY.search(name) is not None


def value(name: str, text: str) -> str:
    """Return a value as it may be shown: hidden if its name is that of a secret."""
    return HIDDEN if text and _SECRET_NAME.search(name) else url(text)


def url(text: str) -> str:
    """Return a text without the credentials of the URLs in it."""
    return _PARAMETER.sub(rf"\1={HIDDEN}", _CREDENTIALS.sub(f"{HIDDEN}@", text))
