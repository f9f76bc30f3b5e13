"""The pages of the documentation, as text that people and assistants read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kitaru.shipped import signatures

FOLDER = Path(__file__).parent / "docs"
INDEX = "index.md"
_DIRECTIVE = re.compile(r"^::: (?P<name>[\w.]+)\n(?:(?: {4}.*)?\n)*", re.MULTILINE)
_COMMENT = re.compile(r"^<!--.*?-->\n", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"^## (?P<title>.+)$", re.MULTILINE)
_ENTRY = re.compile(
    r"^- \[(?P<title>[^\]]+)\]\((?P<path>[\w/.-]+\.md)\)(?:: (?P<about>(?:.|\n  )+))?$",
    re.MULTILINE,
)
_HEAD = """# Kitaru

> Durable execution for Python agents, on ZenML. `@flow` and `@checkpoint` keep every finished
> result; `wait()` pauses for a person with no process alive; an execution that died goes on
> where it stopped; a replay runs one again from a checkpoint with changed values.

Everything is about Kitaru {version}.
"""


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        path: Its file below the folder of the documentation, such as `guides/people.md`.
        title: Its first heading.
        text: Its Markdown, with the API reference written out.
    """

    path: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the index: a page, and what it is about (empty if nobody says)."""

    title: str
    path: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the documentation."""

    title: str
    entries: tuple[Entry, ...]


def read(path: str, folder: Path = FOLDER) -> Page:
    """Return one page.

    Raises:
        LookupError: If there is none of that name.
    """
    # Only what lies there is read, whatever the name leads to.
    if path not in paths(folder):
        raise LookupError(path)
    text = (folder / path).read_text(encoding="utf-8")
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    return Page(path, title[1] if title else path, _written_out(text))


def paths(folder: Path = FOLDER) -> list[str]:
    """Return the paths of all pages, those of the index first, in its order."""
    there = sorted(path.relative_to(folder).as_posix() for path in _files(folder))
    first = [INDEX, *_named_in_index(folder)]
    return [*first, *(path for path in there if path not in first)]


def contents(folder: Path = FOLDER) -> list[Section]:
    """Return the parts of the documentation, as the index has them.

    A page in a folder stands after the index page of that folder; pages that the index
    does not name stand in a last part.
    """
    index = (folder / INDEX).read_text(encoding="utf-8")
    named = {INDEX, *_named_in_index(folder)}
    others = [path for path in paths(folder) if path not in named]
    _, *pieces = _SECTION.split(index)
    sections = []
    for title, body in zip(pieces[::2], pieces[1::2], strict=True):
        entries = []
        for entry in _entries(body):
            entries.append(entry)
            below = entry.path.removesuffix(INDEX)
            if below != entry.path:
                inside = [path for path in others if path.startswith(below)]
                entries += [Entry(read(path, folder).title, path) for path in inside]
                others = [path for path in others if path not in inside]
        if entries:
            sections.append(Section(title, tuple(entries)))
    if others:
        more = tuple(Entry(read(path, folder).title, path) for path in others)
        sections.append(Section("More", more))
    return sections


def llms_txt(version: str, folder: Path = FOLDER) -> str:
    """Return `llms.txt`: what there is to read, one line each."""
    parts = [_HEAD.format(version=version)]
    for section in contents(folder):
        lines = [
            f"- [{entry.title}]({entry.path})"
            + (f": {entry.about}" if entry.about else "")
            for entry in section.entries
        ]
        parts.append(f"## {section.title}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def llms_full_txt(version: str, folder: Path = FOLDER) -> str:
    """Return `llms-full.txt`: the text of all pages."""
    pages = [read(path, folder) for path in paths(folder)]
    told = [f"<!-- {page.path} -->\n{page.text.strip()}\n" for page in pages]
    return "\n".join([_HEAD.format(version=version), *told])


def written(version: str, folder: Path = FOLDER) -> Iterator[tuple[str, str]]:
    """Yield name and text of every file for assistants: pages, then the two indexes."""
    for path in paths(folder):
        yield path, read(path, folder).text
    yield "llms.txt", llms_txt(version, folder)
    yield "llms-full.txt", llms_full_txt(version, folder)


def _files(folder: Path) -> list[Path]:
    return list(folder.rglob("*.md"))


def _named_in_index(folder: Path) -> list[str]:
    index = (folder / INDEX).read_text(encoding="utf-8")
    return [entry.path for entry in _entries(index)]


def _entries(text: str) -> Sequence[Entry]:
    return [
        Entry(match["title"], match["path"], " ".join((match["about"] or "").split()))
        for match in _ENTRY.finditer(text)
    ]


def _written_out(text: str) -> str:
    text = _DIRECTIVE.sub(
        lambda match: signatures.described(match["name"]) + "\n\n", text
    )
    return _COMMENT.sub("", text)
