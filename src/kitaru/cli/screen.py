"""Everything the command prints goes through here: clean lines, tables, trees, JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kitaru._core.words import plain
from kitaru._ops.speech import ask, is_terminal, put, say, tell

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text
    from rich.tree import Tree

__all__ = [
    "Branch",
    "Piece",
    "ask",
    "draw_line",
    "is_terminal",
    "json_out",
    "say",
    "tell",
]

_PIPE_WIDTH = 10_000
# Moves to the beginning of the line and clears it.
_CLEAR_LINE = "\r\033[K"

Piece = str | tuple[str, str]
"""A text, or a text and its style."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A line of a tree, and what hangs on it; a line that is too long is cut."""

    pieces: Sequence[Piece]
    below: list[Branch] = field(default_factory=list)

    def add(self, *pieces: Piece) -> Branch:
        """Hang a line on this one and return it."""
        made = Branch(pieces)
        self.below.append(made)
        return made


def draw_line(*pieces: Piece) -> None:
    """Print one line with styles; it stays whole, so that it can be copied."""
    _draw(_painted(pieces), soft_wrap=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[Piece]]) -> None:
    """Print rows below the names of their columns."""
    from rich.table import Table

    drawn = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for cells in rows:
        drawn.add_row(*(_painted([cell]) for cell in cells))
    _draw(drawn)


def tree(root: Branch, *, guide: str) -> None:
    """Print a tree; `guide` is the style of its lines."""
    from rich.tree import Tree

    drawn = Tree(_painted(root.pieces), guide_style=guide)
    _grow(drawn, root)
    _draw(drawn)


def json_out(data: Any, *, error: bool = False, indent: int | None = 2) -> bool:
    """Print JSON, with escapes for what a terminal would obey.

    Returns whether the stream took it.
    """
    text = json.dumps(data, indent=indent, ensure_ascii=False, default=str)
    return put(sys.stderr if error else sys.stdout, f"{plain.json_text(text)}\n")


def count(done: int, of: int) -> None:
    """Count on the terminal's last line."""
    if is_terminal(sys.stderr):
        put(sys.stderr, f"\r{done}/{of}{_CLEAR_LINE if done == of else ''}")


def _grow(drawn: Tree, branch: Branch) -> None:
    for child in branch.below:
        _grow(drawn.add(_painted(child.pieces, overflow="ellipsis")), child)


def _painted(pieces: Sequence[Piece], *, overflow: Any = None) -> Text:
    from rich.text import Text

    told = [(p, "") if isinstance(p, str) else p for p in pieces]
    clean = ((plain.line(text), style) for text, style in told)
    return Text.assemble(*clean, overflow=overflow)


def _draw(what: RenderableType, *, soft_wrap: bool = False) -> None:
    from rich.console import Console

    # Only a screen has an edge: a pipe gets whole lines and whole paths.
    width = None if is_terminal(sys.stdout) else _PIPE_WIDTH
    out = Console(highlight=False, width=width)
    with out.capture() as captured:
        out.print(what, soft_wrap=soft_wrap)
    # Whoever copies a line, or compares it, gets no blanks at its end.
    lines = captured.get().splitlines()
    put(sys.stdout, "".join(f"{one.rstrip()}\n" for one in lines))
