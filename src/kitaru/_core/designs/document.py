"""A `flow_architecture.md`, taken apart: sections, flows, and the tables in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_HEADING = re.compile(r"^(#{1,6}) +(.+?) *#*$")
_LABEL = re.compile(r"^\*\*(?P<name>[^*]+?):?\*\*:?(?P<text>.*)$")
_RULE = re.compile(r"^\|?[ :|-]+\|?$")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: its cells by the heads of their columns, in lower case."""

    line: int
    cells: dict[str, str]

    def get(self, *heads: str) -> str:
        """Return the first cell that has one of these heads; empty if none has."""
        return next((self.cells[head] for head in heads if head in self.cells), "")

    @property
    def first(self) -> str:
        """The cell of the first column."""
        return next(iter(self.cells.values()), "")


@dataclass(slots=True)
class Part:
    """A labelled part of a flow: the text beside and below its label, and its table."""

    line: int
    text: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said in it."""
        return not self.rows and not any(line.strip() for line in self.text)


@dataclass(slots=True)
class Section:
    """What stands below a heading, without what stands below those under it."""

    line: int
    level: int
    title: str
    lines: list[tuple[int, str]] = field(default_factory=list)

    def table(self) -> list[Row]:
        """Return the rows of its tables."""
        return list(_rows(self.lines))

    def bullets(self) -> list[str]:
        """Return its points, numbered or not."""
        points = (
            re.match(r"^(?:[-*+]|\d+[.)]) +(.+)$", text) for _, text in self.lines
        )
        return [point[1] for point in points if point]

    def parts(self) -> dict[str, Part]:
        """Return its labelled parts, by label in lower case."""
        found: dict[str, Part] = {}
        lines: dict[str, list[tuple[int, str]]] = {}
        current = ""
        for number, text in self.lines:
            label = _LABEL.match(text)
            if label:
                current = label["name"].strip().lower()
                found[current] = Part(number, [label["text"].strip()])
                lines[current] = []
            elif current:
                lines[current].append((number, text))
        for name, inside in lines.items():
            found[name].rows = list(_rows(inside))
            found[name].text += [text for _, text in inside if not text.startswith("|")]
        return found


@dataclass(frozen=True, slots=True)
class Document:
    """The whole.

    Attributes:
        length: How many lines it has, empty ones at its end not counted.
        sections: Its sections in order, of all levels.
        fences: Lines at which a block of code begins.
        lines: Its lines.
    """

    length: int
    sections: tuple[Section, ...]
    fences: tuple[int, ...]
    lines: tuple[str, ...]

    def titled(self, title: str) -> Section | None:
        """Return the section of the second level with a title."""
        wanted = title.lower()
        return next(
            (s for s in self.sections if s.level == 2 and s.title.lower() == wanted),
            None,
        )

    def below(self, section: Section) -> list[Section]:
        """Return the sections under a section."""
        start = self.sections.index(section) + 1
        inside: list[Section] = []
        for other in self.sections[start:]:
            if other.level <= section.level:
                break
            inside.append(other)
        return inside


def parse(text: str) -> Document:
    """Take a document apart."""
    lines = text.rstrip().splitlines()
    sections: list[Section] = []
    fences: list[int] = []
    fenced = False
    for number, line in enumerate(lines, start=1):
        if line.lstrip().startswith(("```", "~~~")):
            if not fenced:
                fences.append(number)
            fenced = not fenced
            continue
        heading = None if fenced else _HEADING.match(line)
        if heading:
            sections.append(Section(number, len(heading[1]), heading[2].strip()))
        elif sections:
            sections[-1].lines.append((number, line.rstrip()))
    return Document(len(lines), tuple(sections), tuple(fences), tuple(lines))


def _rows(lines: Sequence[tuple[int, str]]) -> Iterator[Row]:
    heads: list[str] = []
    for number, text in lines:
        if not text.startswith("|"):
            heads = []
        elif not heads:
            heads = [cell.lower() for cell in _cells(text)]
        elif not _RULE.match(text):
            yield Row(number, dict(zip(heads, _cells(text), strict=False)))


def _cells(text: str) -> list[str]:
    return [cell.strip().strip("`") for cell in text.strip().strip("|").split("|")]
