"""The fields of a form, as a template draws them and as they were filled in."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from kitaru._core.checking import formats
from kitaru._core.checking.problems import Path
from kitaru._core.waits.schemas import Schema


class _LeftOut:
    """What stands for a value that nobody gave."""

    def __repr__(self) -> str:
        return "LEFT_OUT"


LEFT_OUT: Final = _LeftOut()
NEEDED = "This is needed."
_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,400}\Z")
_WITHOUT_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?\Z")
# Longer texts get a field of several lines.
_ONE_LINE = 120
_INPUTS = {"date": "date", "date-time": "datetime-local", "time": "time"}
_TYPES = {"email": "email", "uri": "url", "password": "password"}


@dataclass(slots=True)
class Choice:
    """One of several, as a button, a dot or a line of a list."""

    value: str
    label: str
    is_chosen: bool = False


@dataclass(slots=True)
class Field:
    """One place of an answer, and what is there by now.

    Attributes:
        key: The name of its control.
        path: Where it is in the answer.
        kind: How it is drawn.
        label: What it is called.
        about: What its type says of it.
        hint: What may be filled in, in words.
        optional: Whether nothing may be said.
        text: What was typed.
        input_type: The type of a line, such as `date`.
        problem: Why it does not fit; empty if it does.
        choices: What can be chosen.
        parts: The fields within.
        data: The JSON data it stands for; `LEFT_OUT` if nothing was said.
    """

    key: str
    path: Path
    kind: str
    label: str = ""
    about: str = ""
    hint: str = ""
    optional: bool = False
    text: str = ""
    input_type: str = "text"
    problem: str = ""
    choices: list[Choice] = field(default_factory=list)
    parts: list[Field] = field(default_factory=list)
    data: Any = LEFT_OUT

    @property
    def is_wrong(self) -> bool:
        """Whether it or something within does not fit."""
        return bool(self.problem) or any(part.is_wrong for part in self.parts)


def fill(one: Field, schema: Schema, *, untouched: bool) -> None:
    """Read what was typed into a field without parts.

    Args:
        one: The field, with its text.
        schema: What it asks for.
        untouched: Whether the form is new: then nothing is wrong yet.
    """
    text = one.text
    blank = not text.strip()
    if blank and (one.optional or untouched):
        one.data = schema.get("default", LEFT_OUT)
        return
    try:
        one.data = _READERS.get(one.kind, _text)(text)
    except ValueError as error:
        one.problem = "" if untouched else str(error)


def line_or_block(one: Field, schema: Schema) -> None:
    """Say how a text is typed."""
    wanted = str(schema.get("format", ""))
    one.input_type = _INPUTS.get(wanted, _TYPES.get(wanted, "text"))
    if wanted == "date-time":
        one.kind, one.hint = "moment", "in UTC"
        one.text = _in_utc(one)
    elif wanted in formats_with_words:
        one.hint = "" if wanted in _INPUTS else formats.described(wanted)
    elif "pattern" in schema:
        one.hint = f"fits the pattern {schema['pattern']}"
    elif not wanted and schema.get("maxLength", math.inf) > _ONE_LINE:
        one.kind = "block"
    lengths = _between(schema, "minLength", "maxLength", " characters")
    one.hint = ", ".join(part for part in (one.hint, lengths) if part)


formats_with_words = frozenset(
    name
    for name in (*_INPUTS, "email", "uri", "uuid", "duration", "ipv4", "ipv6")
    if formats.example(name)
)


def bounds(schema: Schema) -> str:
    """Return between which numbers one may lie, in words."""
    parts = [_between(schema, "minimum", "maximum", "")]
    if "exclusiveMinimum" in schema:
        parts.append(f"more than {schema['exclusiveMinimum']:g}")
    if "exclusiveMaximum" in schema:
        parts.append(f"less than {schema['exclusiveMaximum']:g}")
    if "multipleOf" in schema:
        parts.append(f"a multiple of {schema['multipleOf']:g}")
    return ", ".join(part for part in parts if part)


def typed_as(value: Any) -> str:
    """Return the text that stands for a value in a field."""
    if value is LEFT_OUT or value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _between(schema: Schema, low: str, high: str, unit: str) -> str:
    least, most = schema.get(low), schema.get(high)
    if least is not None and most is not None:
        return f"{least:g} to {most:g}{unit}"
    if least is not None:
        return f"at least {least:g}{unit}"
    return "" if most is None else f"at most {most:g}{unit}"


def _in_utc(one: Field) -> str:
    """Return a moment as its control has it."""
    try:
        at = datetime.fromisoformat(one.text)
    except ValueError:
        if one.text:
            # What was typed stays: a line of text, since the control would drop it.
            one.input_type = "text"
        return one.text
    if at.tzinfo is None:
        return one.text
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")


# -- what was typed, as JSON data ------------------------------------------------


def _integer(text: str) -> int:
    if not _WHOLE_NUMBER.match(text.strip()):
        raise ValueError(f"{NEEDED} A whole number." if not text.strip() else _NO_WHOLE)
    return int(text)


_NO_WHOLE = "This is not a whole number."


def _number(text: str) -> float:
    words = text.strip()
    if _WHOLE_NUMBER.match(words):
        return int(words)
    try:
        found = float(words)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError("This is not a number." if words else f"{NEEDED} A number.")
    return found


def _text(text: str) -> str:
    # Browsers send lines as Windows ends them.
    text = text.replace("\r\n", "\n")
    if not text.strip():
        raise ValueError(f'{NEEDED} For an empty text type "".')
    return "" if text.strip() == '""' else text


def _moment(text: str) -> str:
    words = text.strip()
    if not words:
        raise ValueError(NEEDED)
    return f"{words}Z" if _WITHOUT_ZONE.match(words) else words


def _json(text: str) -> Any:
    def refuse(name: str) -> Any:
        raise ValueError(f"JSON has no {name}.")

    if not text.strip():
        raise ValueError(f'{NEEDED} As JSON; a text in quotes: "text".')
    try:
        return json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"This is not JSON: {error.msg}, {where}.") from None
    except RecursionError:
        raise ValueError("This JSON is nested too deeply.") from None


_READERS: Mapping[str, Callable[[str], Any]] = {
    "integer": _integer,
    "number": _number,
    "moment": _moment,
    "json": _json,
}
