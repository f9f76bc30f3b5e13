"""Find the passages of some texts that are about some words."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_HEADING = re.compile(r"^#{1,4} +(.+)$")
_WORD = re.compile(r"[a-z0-9_]+")
# A word of a heading counts as if the passage said it so often.
_IN_HEADING = 6
_IN_TITLE = 3
# A word in a passage of so many words counts half as much as in a short one.
_LONG = 1000
_SMALL = re.compile(
    r"an?|and|are|as|at|be|by|can|do|does|for|from|how|i|if|in|is|it|my|of|on|or|the|"
    r"that|this|to|what|when|where|which|who|why|with|you"
)
# Endings that do not tell words apart; the longest first.
_ENDINGS = (
    "ations",
    "ation",
    "ings",
    "ing",
    "ers",
    "ies",
    "ed",
    "es",
    "er",
    "s",
    "y",
    "e",
)
_SHORTEST = 3


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a text below one heading.

    Attributes:
        source: Which text.
        title: That text's first heading.
        heading: The heading it stands below; the title at the beginning.
        text: What it says, with its heading.
    """

    source: str
    title: str
    heading: str
    text: str


def passages(source: str, text: str) -> Iterator[Passage]:
    """Cut a text at its headings."""
    title = heading = ""
    lines: list[str] = []
    fenced = False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        found = None if fenced else _HEADING.match(line)
        if found:
            if any(given.strip() for given in lines[1:]):
                yield Passage(source, title, heading, "\n".join(lines).strip())
            heading, lines = found[1].strip("`"), []
            title = title or heading
        lines.append(line)
    if any(given.strip() for given in lines[1:]):
        yield Passage(source, title, heading, "\n".join(lines).strip())


def best(words: str, among: Sequence[Passage], *, limit: int) -> list[Passage]:
    """Return the passages that are most about the words, best first.

    A passage counts if it has one of the words; rare words count for more than those
    that stand everywhere. At most two are of one text.
    """
    wanted = set(_stems(words))
    counted = [(passage, _counted(passage)) for passage in among]
    spread = Counter(stem for _, counts in counted for stem in wanted & counts.keys())
    scored = []
    for place, (passage, counts) in enumerate(counted):
        length = 1 + sum(counts.values()) / _LONG
        score = sum(
            math.log(1 + len(among) / spread[stem])
            * counts[stem]
            / (counts[stem] + length)
            for stem in wanted & counts.keys()
        )
        if score:
            scored.append((-score, place, passage))
    found: list[Passage] = []
    for _, _, passage in sorted(scored, key=lambda entry: entry[:2]):
        if sum(other.source == passage.source for other in found) < 2:
            found.append(passage)
    return found[:limit]


def _counted(passage: Passage) -> Counter[str]:
    counts = Counter(_stems(passage.text))
    for stem in set(_stems(passage.heading)):
        counts[stem] += _IN_HEADING
    for stem in set(_stems(passage.title)):
        counts[stem] += _IN_TITLE
    return counts


def _stems(text: str) -> Iterator[str]:
    for word in _WORD.findall(text.lower()):
        if _SMALL.fullmatch(word):
            continue
        yield word
        for ending in _ENDINGS:
            if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
                yield word.removesuffix(ending)
                break
        if "_" in word:
            yield from word.split("_")
