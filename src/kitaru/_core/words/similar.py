"""Suggest what somebody probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def closest(
    word: str, known: Iterable[str], *, limit: int = 3, cutoff: float = 0.5
) -> list[str]:
    """Return up to `limit` of the known words that look like `word`, best first.

    Args:
        word: What was written.
        known: What it may have been meant to be.
        limit: How many at most.
        cutoff: How alike they have to be, as `difflib` counts: 1 is the same.
    """
    words = list(known)
    # One and many of a thing are closer than `retry` and `retry_on`.
    same = [other for other in words if _singular(other) == _singular(word)]
    near = get_close_matches(word, words, n=limit, cutoff=cutoff)
    return list(dict.fromkeys([*same, *near]))[:limit]


def _singular(word: str) -> str:
    lower = word.lower()
    return f"{lower[:-3]}y" if lower.endswith("ies") else lower.removesuffix("s")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `"; did you mean 'a' or 'b'?"`, or an empty string."""
    words = closest(word, known)
    if not words:
        return ""
    return "; did you mean " + " or ".join(repr(word) for word in words) + "?"


def shorten(value: object, limit: int = 60) -> str:
    """Return `repr(value)`, cut to `limit` characters."""
    return cut(repr(value), limit)


def cut(text: str, limit: int) -> str:
    """Return a text, cut to `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def one_line(text: str, limit: int = 120) -> str:
    """Return the first line of a text, cut to `limit` characters."""
    first, _, rest = text.strip().partition("\n")
    cut = first[: limit - 1] if len(first) >= limit else first.rstrip()
    return f"{cut}…" if rest or len(first) >= limit else cut
