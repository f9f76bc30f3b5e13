"""A tool and a resource that show the documentation of the installed version."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from kitaru._ops import documentation
from kitaru._ops.capabilities import MCP, Op, exposes
from kitaru.mcp.registry import READS, tool
from kitaru.models import Record

RESOURCE = "kitaru://docs/{page*}"
_EXCERPT = 900
_CHARACTERS = 20_000


class Passage(Record):
    """A passage of a page that fits the words.

    Attributes:
        page: The page, to be read with `page`.
        title: Its title.
        heading: The heading that the passage stands below.
        text: Its beginning, as Markdown.
    """

    page: str
    title: str
    heading: str
    text: str


class Documentation(Record):
    """What was found, or the page that was asked for.

    Attributes:
        passages: What fits the words, best first.
        page: The page that was read.
        text: Its Markdown, or a portion of it.
        next_offset: Where the rest begins; `None` if there is none.
        notes: What to do next.
    """

    passages: tuple[Passage, ...] = ()
    page: str | None = None
    text: str | None = None
    next_offset: int | None = None
    notes: tuple[str, ...] = ()


@tool("kitaru_docs_find", title="Find a page of the documentation", effect=READS)
@exposes(Op.DOCS_FIND, on=MCP)
def find(
    words: Annotated[
        str, Field(max_length=500, description="What it is about, in a few words.")
    ] = "",
    page: Annotated[
        str | None, Field(description="Read this page, such as waits.md, instead.")
    ] = None,
    offset: Annotated[
        int, Field(ge=0, description="Where to begin in the page, in characters.")
    ] = 0,
    limit: Annotated[int, Field(ge=1, le=20, description="At most so many.")] = 5,
) -> Documentation:
    """Find out how Kitaru works in the documentation of the installed version.

    With `words` the passages that fit best; with `page` that page. Prefer it to what
    you remember of Kitaru: names and options are those of this version.
    """
    if page is not None:
        return _read(page, offset)
    found = documentation.find(words, limit=limit)
    note = (
        "read a whole page with `page`"
        if found
        else "nothing fits; try other words, or read page='index.md', which lists all"
    )
    return Documentation(
        passages=tuple(
            Passage(
                page=passage.source,
                title=passage.title,
                heading=passage.heading,
                text=_beginning(passage.text),
            )
            for passage in found
        ),
        notes=(note,),
    )


def read_resource(page: str) -> str:
    """A page of the documentation of the installed version, as Markdown."""
    return documentation.read(page).text


def _read(path: str, offset: int) -> Documentation:
    text = documentation.read(path).text
    end = offset + _CHARACTERS
    more = end < len(text)
    note = f"characters {offset} to {min(end, len(text))} of {len(text)}"
    return Documentation(
        page=path,
        text=text[offset:end],
        next_offset=end if more else None,
        notes=(note,) if more or offset else (),
    )


def _beginning(text: str) -> str:
    if len(text) <= _EXCERPT:
        return text
    return text[:_EXCERPT].rpartition("\n")[0] or text[:_EXCERPT]
