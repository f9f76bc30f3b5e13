"""Three pictures: the life of an execution, what runs again, and a terminal."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from html import escape

from rich.style import Style
from rich.text import Text

from kitaru import ExecutionStatus
from scripts.pictures.session import CALLS, Attempt
from scripts.pictures.svg import arrow, box, picture, text

CHARACTER, LINE, MARGIN = 7.83, 18, 20
COLOURS = {1: "red", 2: "green", 3: "yellow", 4: "blue", 6: "cyan"}
# How a cell looks, by its word.
LOOKS = {
    "runs": "again",
    "killed": "bad",
    "asks": "ask",
    "your value": "ask",
    "kept": "done",
    "reused": "done",
    "answered": "done",
}


def life() -> str:
    """Draw the statuses, and what leads from one to another."""
    places = {
        ExecutionStatus.RUNNING: (40, 120, "box", "a process works"),
        ExecutionStatus.WAITING: (310, 120, "ask", "nothing runs"),
        ExecutionStatus.COMPLETED: (560, 120, "done", "it returned"),
        ExecutionStatus.FAILED: (310, 230, "bad", "raised, or died"),
        ExecutionStatus.CANCELLED: (560, 230, "box", "somebody said so"),
    }
    names = [str(status) for status in ExecutionStatus]
    body = [text(20, 30, "The life of an execution", "title")]
    for status in ExecutionStatus:
        x, y, style, words = places[status]
        body += box(x, y, 120, 52, style, status.value, words)
    for path, x, y, words in (
        ("M160 136H308", 235, 129, "wait()"),
        ("M310 158H162", 235, 176, "an answer"),
        (
            "M100 120V78Q100 64 114 64H606Q620 64 620 78V118",
            360,
            57,
            "the flow returns",
        ),
        (
            "M84 172V250Q84 262 96 262H308",
            205,
            279,
            "an exception, kill -9, power loss",
        ),
        (
            "M310 244H132Q120 244 120 232V174",
            215,
            237,
            "retry: finished work is kept",
        ),
        ("M430 160Q520 172 566 228", 560, 186, "cancel"),
    ):
        body += [arrow(path), text(x, y, words, "small middle")]
    last = (
        "A replay is a new execution: it begins again at a checkpoint that you name, "
        "with values changed if you like."
    )
    body.append(text(360, 316, last, "small middle"))
    says = (
        f"The life of an execution: {', '.join(names)}, and what leads from one "
        "to another"
    )
    return picture(720, 338, says, body)


def again(attempts: Sequence[Attempt]) -> str:
    """Draw what each attempt did with each call."""
    body = [text(20, 30, "What runs again, and what does not", "title")]
    left, wide, step = 170, 116, 135
    for column, name in enumerate(CALLS):
        middle = left + wide / 2 + step * column
        body.append(text(middle, 58, f"{name}()", "code middle"))
    for row, attempt in enumerate(attempts):
        y = 72 + 58 * row
        body.append(text(20, y + 20, attempt.title))
        body.append(text(20, y + 37, attempt.about, "small"))
        for column, name in enumerate(CALLS):
            word = attempt.cells.get(name)
            x = left + step * column
            look = LOOKS[word] if word else "idle"
            body += box(x, y, wide, 44, look, *([word] if word else []))
    height = 72 + 58 * len(attempts) + 34
    last = (
        "The function is called only where it says runs. "
        "The body of the flow runs from the top each time."
    )
    body.append(text(360, height - 18, last, "small middle"))
    says = "Which calls run again after a death, after an answer and in a replay"
    return picture(720, height, says, body)


def terminal(screen: str, *, prompt: str) -> str:
    """Draw what a terminal showed, with its colours."""
    lines = [Text.from_ansi(line) for line in screen.splitlines()]
    body = ['<g class="terminal">']
    for number, line in enumerate(lines):
        spans = "".join(_spans(line, typed=line.plain.startswith(prompt)))
        y = MARGIN + LINE * number + 13
        body.append(f'<text xml:space="preserve" x="{MARGIN}" y="{y}">{spans}</text>')
    body.append("</g>")
    width = round(max(len(line) for line in lines) * CHARACTER) + 2 * MARGIN
    height = LINE * len(lines) + 2 * MARGIN
    says = "A terminal: an agent is killed, goes on, asks, is answered and completes"
    return picture(width, height, says, body)


def _spans(line: Text, *, typed: bool) -> list[str]:
    if typed:
        return [f'<tspan class="typed">{escape(line.plain)}</tspan>']
    ends = {0, len(line), *(place for span in line.spans for place in span[:2])}
    borders = sorted(ends)
    drawn = []
    for start, end in itertools.pairwise(borders):
        piece = escape(line.plain[start:end])
        over = [
            Style.parse(span.style) if isinstance(span.style, str) else span.style
            for span in line.spans
            if span.start <= start and end <= span.end
        ]
        look = _look(Style.combine([Style.null(), *over]))
        drawn.append(f'<tspan class="{look}">{piece}</tspan>' if look else piece)
    return drawn


def _look(style: Style) -> str:
    if style.color and style.color.number is not None:
        return COLOURS.get(style.color.number % 8, "")
    return "dim" if style.dim else "typed" if style.bold else ""
