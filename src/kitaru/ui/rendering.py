"""Templates, and how what comes from elsewhere is put into them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from kitaru._core.words import plain, wording
from kitaru.ui.guard import FORM_TOKEN
from kitaru.ui.routes import Shown, address

_TEMPLATES = Path(__file__).parent / "templates"


class Renderer:
    """Renders pages; everything from elsewhere is text, and nothing in it hides."""

    def __init__(self, form_token: str) -> None:
        self._form_token = form_token

    def render(
        self, shown: Shown, *, root: str, path: str, query: str, origin: str
    ) -> str:
        """Return a page.

        Args:
            shown: What is to be seen.
            root: Where the page begins, on a server that has others.
            path: Its address below that.
            query: What stands behind the question mark.
            origin: Scheme, host and port.
        """
        facts = {
            "root": root,
            "path": path,
            "origin": origin,
            "here": f"{path}?{query}" if query else path,
            # Hexadecimal digits of our own.
            "form_token": Markup(
                f'<input type="hidden" name="{FORM_TOKEN}" value="{self._form_token}">'
            ),
            **shown.facts,
        }
        return self._environment.get_template(shown.template).render(facts)

    @cached_property
    def _environment(self) -> Environment:
        made = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            finalize=visible,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        made.filters.update(
            ago=ago,
            ahead=ahead,
            moment=wording.moment,
            iso=lambda at: at.isoformat() if at else "",
            short=wording.short,
            took=took,
            duration=wording.duration,
            money=wording.money,
            size=wording.size,
            thousands=lambda number: f"{number:,}",
            json=as_json,
            brief=brief,
            typed=typed,
            many=wording.many,
        )
        made.globals.update(address=address)
        return made


def visible(value: object) -> object:
    """Return a value for a template; in texts, what hides or turns is shown escaped."""
    if value is None:
        return ""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return plain.lines(value)


def typed(text: str) -> Markup:
    """Return a text exactly as somebody typed it, for the field they typed it in."""
    return escape(text.encode("utf-8", "replace").decode())


def as_json(value: Any) -> str:
    """Return JSON data as indented text."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def brief(value: Any, longest: int = 80) -> str:
    """Return a value in one short line."""
    if isinstance(value, str):
        text = value
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text[: 4 * longest].split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def ago(at: datetime | None) -> str:
    """Return a moment as people say it: `just now`, `5 min ago`, `2 days ago`."""
    if at is None:
        return "at an unknown time"
    seconds = (datetime.now(UTC) - at).total_seconds()
    return "just now" if seconds < 10 else f"{_span(seconds)} ago"


def ahead(at: datetime | None) -> str:
    """Return a moment to come as people say it."""
    if at is None:
        return "never"
    seconds = (at - datetime.now(UTC)).total_seconds()
    return "now" if seconds < 1 else f"in {_span(seconds)}"


def took(thing: Any) -> str:
    """Return how long something took that has a start and an end, or takes by now."""
    if thing.started_at is None:
        return "-"
    end = thing.ended_at or datetime.now(UTC)
    return wording.duration(max((end - thing.started_at).total_seconds(), 0))


def _span(seconds: float) -> str:
    for length, unit in ((86_400, "day"), (3_600, "hour"), (60, "min")):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}" if unit == "min" else wording.many(count, unit)
    return f"{seconds:.0f} s"
