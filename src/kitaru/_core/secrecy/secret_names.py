"""Which names tell of a secret: of variables, keys of data, headers and parameters."""

from __future__ import annotations

import re
from functools import lru_cache

# Wherever in a name they stand.
_SECRET = frozenset(
    [
        "secret",
        "secrets",
        "password",
        "passwords",
        "passwd",
        "passphrase",
        "passcode",
        "pwd",
        "credential",
        "credentials",
        "token",
        "authorization",
        "authorisation",
        "cookie",
        "cookies",
        "apikey",
    ]
)
# Words that are written as one: `dbpassword`, `accesstoken`.
_GLUED = ("password", "passwd", "passphrase", "secret", "token", "apikey", "accesskey")
# Keys of locks; others, such as `sort_key`, are keys of tables.
_LOCKS = frozenset(
    ["access", "api", "private", "secret", "signing", "encryption", "auth"]
)
_TABLES = frozenset(
    [
        "cache",
        "dict",
        "foreign",
        "group",
        "object",
        "partition",
        "primary",
        "public",
        "row",
        "sort",
        "table",
    ]
)
# Many tokens are counted, unless they let somebody in.
_LET_IN = frozenset(
    ["access", "api", "auth", "bearer", "bot", "id", "refresh", "secret", "session"]
)
# Says where a secret is or what it is like, not what it is.
_ABOUT = frozenset(
    [
        "algorithm",
        "backend",
        "budget",
        "class",
        "count",
        "dir",
        "directory",
        "enabled",
        "endpoint",
        "env",
        "expires",
        "expiry",
        "file",
        "folder",
        "format",
        "host",
        "issuer",
        "length",
        "limit",
        "manager",
        "mode",
        "name",
        "names",
        "path",
        "policy",
        "provider",
        "region",
        "scheme",
        "store",
        "ttl",
        "type",
        "uri",
        "url",
        "usage",
        "version",
    ]
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether a variable, a key of data, a header or a parameter names a secret.

    Example:
        >>> [is_secret(name) for name in ("ACME_KEY", "apiKey", "max_tokens", "author")]
        [True, True, False, False]
    """
    words = [word.lower() for word in _WORD.findall(name)]
    # A shell keeps its folder in PWD.
    if not words or words[-1] in _ABOUT or name == "PWD":
        return False
    return any(_is_secret(word) for word in words) or _ends_secret(words)


def _is_secret(word: str) -> bool:
    return word in _SECRET or word.endswith(_GLUED)


def _ends_secret(words: list[str]) -> bool:
    last, before = words[-1], words[:-1]
    if last == "auth":
        return True
    if last == "tokens":
        return not _LET_IN.isdisjoint(before)
    if not _LOCKS.isdisjoint(before) and not {"key", "keys"}.isdisjoint(words):
        return True
    return last == "key" and bool(before) and before[-1] not in _TABLES
