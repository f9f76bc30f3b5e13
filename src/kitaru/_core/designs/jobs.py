"""Which surface offers a job that a document names in its own words."""

from __future__ import annotations

import re
from collections.abc import Mapping

Granted = Mapping[str, frozenset[str]]

_SMALL = {"a", "an", "the", "of", "and", "or", "it", "its", "to"}
# Words that people use, and those of the table.
_MEANT = {
    "answer": "answer wait",
    "start": "launch",
    "run": "launch",
    "show": "inspect execution",
    "clean": "clean local state",
    "curl": "print auth token",
    "diagnose": "gather diagnostics",
    "info": "gather diagnostics",
    "token": "print auth token",
}


def offered(job: str, granted: Granted) -> frozenset[str] | None:
    """Return the surfaces that offer a job; `None` if the table knows no such job.

    A job that means several operations, such as `stacks`, is offered where one is.
    """
    meant = _MEANT.get(job.strip().lower(), job)
    wanted = _words(meant)
    found = [surfaces for op, surfaces in granted.items() if wanted <= _words(op)]
    if not wanted or not found:
        return None
    return frozenset().union(*found)


def _words(text: str) -> set[str]:
    words = re.findall(r"[a-z]+", text.lower())
    return {_stem(word) for word in words} - _SMALL


def _stem(word: str) -> str:
    return word.removesuffix("s") if not word.endswith("ss") else word
