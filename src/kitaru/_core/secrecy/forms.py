"""The forms in which the value of a secret may stand in a text."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from kitaru._core.secrecy.secret_names import is_secret

# A line of a key is long and has no blanks; other lines may stand anywhere.
_SHORTEST_LINE = 16
# What was made and not thought of by a person, such as a digest, may come in capitals.
_MADE = re.compile(r"(?=.*\d)\S{12,}")
_PASSWORD = re.compile(r"://[^\s/:@]*:([^\s/@]+)@")
_ESCAPED_BYTE = re.compile("%[0-9A-F]{2}")


def parts(value: str) -> set[str]:
    """Return what of a value is secret by itself.

    That is all of it; the secret entries of one that is JSON; the long lines of others;
    the password in a URL.
    """
    try:
        data = json.loads(value)
    # RecursionError: JSON of very many brackets.
    except (ValueError, RecursionError):
        inner = _lines(value)
    else:
        inner = {
            part
            for entry in _entries(data, secret=False)
            for part in (entry, *_lines(entry))
        }
    return {value, value.strip()} | inner | passwords(value)


def passwords(text: str) -> set[str]:
    """Return the passwords of the URLs in a text."""
    found = set(_PASSWORD.findall(text))
    return found | {unquote(password) for password in found}


def _lines(value: str) -> set[str]:
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) < 2:
        return set()
    return {
        line for line in lines if len(line) >= _SHORTEST_LINE and len(line.split()) == 1
    }


def _entries(data: Any, *, secret: bool) -> Iterator[str]:
    if isinstance(data, str) and secret:
        yield data
    elif isinstance(data, dict):
        for key, item in data.items():
            yield from _entries(item, secret=secret or is_secret(key))
    elif isinstance(data, list):
        for item in data:
            yield from _entries(item, secret=secret)


def written(value: str) -> set[str]:
    """Return a value as it is and as texts quote it: escaped, in capitals."""
    found = {value}
    if _MADE.fullmatch(value):
        found |= {value.upper(), value.lower()}
    raw = _bytes(value)
    for form in tuple(found):
        found |= {
            repr(form)[1:-1],
            # The other quotation mark, where the text around it has this one.
            repr(form + "'\"")[1:-4],
            ascii(form)[1:-1],
            json.dumps(form)[1:-1],
            json.dumps(form, ensure_ascii=False)[1:-1],
        }
    # JSON in JSON, the text of an exception in a dict.
    for form in tuple(found):
        found |= {repr(form)[1:-1], json.dumps(form, ensure_ascii=False)[1:-1]}
    found |= {repr(raw)[2:-1], repr(raw + b"'\"")[2:-4]}
    for escaped in (quote(raw), quote(raw, safe=""), quote_plus(raw)):
        found |= {escaped, _ESCAPED_BYTE.sub(lambda m: m[0].lower(), escaped)}
    return found


def encoded(value: str) -> Iterator[str]:
    """Yield what base64 makes of a value, wherever in the encoded text it stands."""
    raw = _bytes(value)
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw)
        # The first and last characters hold bits of what stands around it, too.
        core = whole[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6].decode()
        yield core
        yield core.replace("+", "-").replace("/", "_")


def _bytes(value: str) -> bytes:
    # Variables of the environment may hold what is no UTF-8.
    return value.encode(errors="surrogateescape" if _fits(value) else "replace")


def _fits(value: str) -> bool:
    try:
        value.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return False
    return True
