"""A research agent: it searches, reads side by side, and writes a report with sources.

    python research.py sockets

It needs no network: its library is Python's own documentation, and a function stands
for the model that writes.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from typing import Literal

from pydantic import BaseModel

import kitaru
from kitaru import checkpoint, flow

LIBRARY = (
    "asyncio", "contextlib", "email", "functools", "http.client", "imaplib", "itertools",
    "json", "queue", "select", "shelve", "socket", "socketserver", "sqlite3", "ssl",
    "statistics", "threading", "urllib.request", "uuid", "zipfile",
)  # fmt: skip
MOST = 4


class Excerpt(BaseModel):
    """What was found in one place."""

    source: str
    lines: list[str]


class Direction(BaseModel):
    """What the analyst wants."""

    go_on: Literal["write", "stop"]
    tone: str = "plain"


@checkpoint
def search(topic: str) -> list[str]:
    """Find the places that speak of the topic most: this stands for a paid search."""
    print(f"searching for {topic!r}")
    stem = topic.lower().rstrip("s")
    counts = {name: documentation(name).lower().count(stem) for name in LIBRARY}
    found = sorted((n for n in counts if counts[n]), key=lambda n: (-counts[n], n))
    return found[:MOST]


@checkpoint(retries=2, timeout=30)
def read(source: str, topic: str) -> Excerpt:
    """Read one place, beside the others."""
    print(f"reading {source}")
    stem = topic.lower().rstrip("s")
    lines = [line.strip() for line in documentation(source).splitlines()]
    return Excerpt(
        source=source, lines=[line for line in lines if stem in line.lower()][:2]
    )


@checkpoint
def write_report(topic: str, excerpts: list[Excerpt], tone: str) -> str:
    """Write it up, and keep it under a name of its own."""
    print("writing")
    parts = [f"# {topic.capitalize()}, a {tone} report", ""]
    for excerpt in excerpts:
        parts += [f"- {line} [{excerpt.source}]" for line in excerpt.lines]
    report = "\n".join(parts)
    kitaru.save("report", report)
    return report


@flow
def research(topic: str) -> str:
    """Search, read, ask for a direction, write."""
    sources = search(topic)
    if not sources:
        return f"nothing found about {topic}"
    excerpts = read.map(sources, topic=topic).results()
    direction = kitaru.wait(
        schema=Direction,
        name="direction",
        question=f"Read {', '.join(sources)}. Write it up?",
    )
    if direction.go_on == "stop":
        return "stopped by the analyst"
    return write_report(topic, excerpts, direction.tone)


def documentation(name: str) -> str:
    """Return what a module says of itself."""
    module = importlib.import_module(name)
    members = [m for _, m in inspect.getmembers(module) if inspect.getdoc(m)]
    return "\n".join([inspect.getdoc(module) or "", *map(_own, members)])


def _own(member: object) -> str:
    return inspect.getdoc(member) or ""


if __name__ == "__main__":
    print(research.run(*sys.argv[1:2] or ["sockets"]).wait())
