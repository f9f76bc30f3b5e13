"""Take secrets out of what is kept for people to look at.

What is found: values under keys that name a secret, text that looks like one, and the
values of environment variables that name one. It is a safety net with holes, so a
policy may add a hook of its own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

from kitaru._core.secrecy.redaction import HIDDEN, is_secret_key

# Whole match is replaced, or the group `value` where there is one.
_SECRET_TEXT = tuple(
    re.compile(pattern, flags)
    for pattern, flags in (
        (
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----",
            re.S,
        ),
        (r"\b(sk|pk|rk)[-_][A-Za-z0-9][A-Za-z0-9_\-]{14,}", 0),
        (r"\b(AKIA|ASIA)[0-9A-Z]{16}\b", 0),
        (r"\b(gh[pousr]_|github_pat_|glpat-|hf_|pypi-)[A-Za-z0-9_\-]{16,}", 0),
        (r"\bxox[abeoprs]-[A-Za-z0-9\-]{10,}", 0),
        (r"\bAIza[0-9A-Za-z_\-]{30,}", 0),
        (r"\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*", 0),
        (r"\b(?:bearer|basic)\s+(?P<value>[A-Za-z0-9._~+/\-]{8,}=*)", re.I),
        (r"://[^\s/:@]+:(?P<value>[^\s/@]+)@", 0),
        (
            r"\b(?:password|passwd|passphrase|passcode|pwd|secret|api[ _-]?key"
            r"|access[ _-]?key|(?:auth|access|bearer|secret)[ _-]?token)"
            r"[\"']?\s*(?:is|are|was|=|:)+\s*[\"']?(?P<value>[^\s\"',;]{3,})",
            re.I,
        ),
    )
)


# Shorter values of variables stand in ordinary text by chance.
_SHORTEST_KNOWN = 8
_OWN = ("errno", "strerror", "filename", "filename2")


def redact(value: Any) -> Any:
    """Return JSON data, or text, without what looks like a secret."""
    return _Redactor().cleaned(value)


def redact_text(text: str) -> str:
    """Return text without what looks like a secret."""
    return _Redactor().cleaned_text(text)


class _Redactor:
    """Cleans one value; knows the credentials that the environment holds now."""

    def __init__(self) -> None:
        self._known = [
            value
            for name, value in os.environ.items()
            if is_secret_key(name) and len(value) >= _SHORTEST_KNOWN
        ]

    def cleaned(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.cleaned_text(value)
        if isinstance(value, Mapping):
            return {key: self._entry(key, item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.cleaned(item) for item in value]
        return value

    def cleaned_text(self, text: str) -> str:
        for known in self._known:
            text = text.replace(known, HIDDEN)
        for pattern in _SECRET_TEXT:
            text = pattern.sub(_without_value, text)
        return text

    def _entry(self, key: object, item: Any) -> Any:
        is_secret = isinstance(key, str) and is_secret_key(key)
        if is_secret and isinstance(item, str | bytes):
            return HIDDEN
        return self.cleaned(item)


def clean_error(error: BaseException) -> None:
    """Take secrets out of an exception and its causes, in place.

    Its message is stored and shown; a provider may quote a key or a prompt in it.
    """
    open_errors, seen = [error], set[int]()
    while open_errors:
        current = open_errors.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        _clean_one(current)
        nested = getattr(current, "exceptions", ())
        open_errors += [item for item in nested if isinstance(item, BaseException)]
        if chained := current.__cause__ or current.__context__:
            open_errors.append(chained)


def _clean_one(error: BaseException) -> None:
    cleaned = tuple(_plain_cleaned(item) for item in error.args)
    if cleaned != error.args:
        error.args = cleaned
    for name, item in vars(error).items():
        _clean_headers(item)
        vars(error)[name] = _plain_cleaned(item)
    # An OSError makes its message of these, not of its arguments.
    for name in _OWN if isinstance(error, OSError) else ():
        if (item := getattr(error, name)) is not None:
            setattr(error, name, _plain_cleaned(item))


def _clean_headers(item: Any, *, depth: int = 2) -> None:
    """Take secrets out of the headers of an HTTP response, and of its request."""
    state = getattr(item, "__dict__", None)
    if state is None or not depth:
        return
    headers = getattr(item, "headers", None)
    if isinstance(headers, MutableMapping):
        for key in [key for key in headers if is_secret_key(str(key))]:
            headers[key] = HIDDEN
    for part in list(state.values()):
        _clean_headers(part, depth=depth - 1)


def _plain_cleaned(item: Any) -> Any:
    return redact(item) if isinstance(item, str | dict | list) else item


def _without_value(match: re.Match[str]) -> str:
    if "value" not in match.re.groupindex:
        return HIDDEN
    whole, start = match.group(0), match.start(0)
    return (
        whole[: match.start("value") - start]
        + HIDDEN
        + whole[match.end("value") - start :]
    )
