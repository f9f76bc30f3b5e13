"""Turn the JSON schema of a wait into questions that a person answers line by line.

A form is a generator: it yields what to ask, is sent the line that was typed, and
returns the answer. Whoever owns the keyboard drives it; see `drive`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from kitaru._core.waits import answers, schemas
from kitaru._core.waits.schemas import Schema
from kitaru.errors import KitaruWaitValidationError

_YES = ("y", "yes", "true", "1")
_NO = ("n", "no", "false", "0")
_LEFT_OUT = object()
_DESCRIBING = ("default", "description")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One thing to ask: lines to show above, then a label to type behind."""

    label: str
    above: tuple[str, ...] = ()


Form = Generator[Prompt, str, Any]


def form(name: str, schema: Schema | None) -> Form:
    """Ask for an answer to the wait `name` until one fits its schema.

    Example:
        >>> asked = form("approve", {"type": "boolean"})
        >>> next(asked).label
        'yes or no'
        >>> asked.send("perhaps").above
        ("'perhaps' is neither; type y or n",)
    """
    if schema is None:
        yield Prompt("press Enter to go on")
        return None
    fields = _Fields(name, schema)
    while True:
        value = yield from fields.ask(schema, "", optional=False)
        try:
            answers.checked(name, schema, value)
        except KitaruWaitValidationError as error:
            where = "" if error.field == "answer" else f"{error.field} "
            fields.complain(f"{where}must be {error.expected}; once more from the top")
            continue
        return value


def drive(asked: Form, read: Callable[[Prompt], str]) -> Any:
    """Put every question of a form to `read` and return the answer."""
    prompt = next(asked)
    while True:
        try:
            prompt = asked.send(read(prompt))
        except StopIteration as done:
            return done.value


class _Fields:
    """Asks for the fields of one answer, and asks again where a line does not fit."""

    def __init__(self, name: str, root: Schema) -> None:
        self._name = name
        self._root = root
        self._above: list[str] = []

    def complain(self, line: str) -> None:
        """Show a line above the next question."""
        self._above.append(line)

    def ask(self, schema: Schema, path: str, *, optional: bool) -> Form:
        """Return the value for one part of the schema; `_LEFT_OUT` if it is left out."""
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "default" in schema:
            optional = True
        if "enum" in schema:
            return (yield from self._choice(schema, path, optional))
        options = schema.get("anyOf") or schema.get("oneOf")
        if options:
            return (yield from self._one_of(schema, options, path, optional))
        kind = schema.get("type")
        if kind == "object" and "properties" in schema:
            return (yield from self._object(schema, path, optional))
        if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
            return (yield from self._mapping(schema, path, optional))
        if kind == "array" and isinstance(schema.get("items"), dict):
            return (yield from self._list(schema, path, optional))
        if kind == "null":
            return None
        return (yield from self._leaf(schema, path, optional))

    # -- single lines ----------------------------------------------------------

    def _leaf(self, schema: Schema, path: str, optional: bool) -> Form:
        read, kind = _READERS.get(str(schema.get("type")), (_json, "JSON"))
        while True:
            line = yield self._prompt(schema, path, kind, optional)
            if not line.strip() and optional:
                return schema.get("default", _LEFT_OUT)
            try:
                value = read(line)
            except ValueError as error:
                self.complain(str(error))
                continue
            problem = self._problem(schema, value)
            if problem is None:
                return value
            self.complain(problem)

    def _choice(self, schema: Schema, path: str, optional: bool) -> Form:
        choices = list(schema["enum"])
        names = [
            item if isinstance(item, str) else json.dumps(item) for item in choices
        ]
        chosen = yield from self._pick(schema, path, names, optional)
        return schema.get("default", _LEFT_OUT) if chosen is None else choices[chosen]

    def _one_of(
        self, schema: Schema, options: list[Schema], path: str, optional: bool
    ) -> Form:
        real = [self._resolved(item) for item in options if item.get("type") != "null"]
        nullable = len(real) < len(options)
        optional = optional or nullable
        chosen: int | None = 0
        if len(real) > 1:
            names = [_title(option) for option in real]
            chosen = yield from self._pick(schema, path, names, optional)
        value: Any = _LEFT_OUT
        if chosen is not None:
            kept = {key: schema[key] for key in _DESCRIBING if key in schema}
            value = yield from self.ask(
                {**real[chosen], **kept}, path, optional=optional
            )
        if value is not _LEFT_OUT:
            return value
        return schema.get("default", None if nullable else _LEFT_OUT)

    def _pick(
        self, schema: Schema, path: str, names: list[str], optional: bool
    ) -> Generator[Prompt, str, int | None]:
        while True:
            for number, name in enumerate(names, start=1):
                self.complain(f"  {number}) {name}")
            line = (
                yield self._prompt(schema, path, "number or name", optional)
            ).strip()
            if not line and optional:
                return None
            if line in names:
                return names.index(line)
            if line.isdecimal() and 1 <= int(line) <= len(names):
                return int(line) - 1
            self.complain(f"{line!r} is none of these")

    # -- several fields ----------------------------------------------------------

    def _object(self, schema: Schema, path: str, optional: bool) -> Form:
        if path:
            if optional and not (yield from self._wanted(schema, path)):
                return schema.get("default", _LEFT_OUT)
            self.complain(f"{path}:")
        required = schema.get("required", ())
        filled = {}
        for key, part in schema["properties"].items():
            inner = f"{path}.{key}" if path else key
            value = yield from self.ask(part, inner, optional=key not in required)
            if value is not _LEFT_OUT:
                filled[key] = value
        return filled

    def _wanted(self, schema: Schema, path: str) -> Generator[Prompt, str, bool]:
        while True:
            line = yield self._prompt(
                {}, path, f"fill in {_title(schema)}? y or N", False
            )
            if not line.strip():
                return False
            try:
                return _bool(line)
            except ValueError as error:
                self.complain(str(error))

    def _list(self, schema: Schema, path: str, optional: bool) -> Form:
        items: list[Any] = []
        most = schema.get("maxItems")
        while most is None or len(items) < most:
            inner = f"{path or 'item'}[{len(items) + 1}]"
            enough = len(items) >= schema.get("minItems", 0)
            if enough and self._is_compound(schema["items"]):
                if not (yield from self._another(inner)):
                    break
                enough = False
            value = yield from self.ask(schema["items"], inner, optional=enough)
            if value is _LEFT_OUT:
                break
            items.append(value)
        return items or _nothing(schema, optional, [])

    def _another(self, inner: str) -> Generator[Prompt, str, bool]:
        return (yield from self._wanted({"title": "this item"}, inner))

    def _mapping(self, schema: Schema, path: str, optional: bool) -> Form:
        filled: dict[str, Any] = {}
        while True:
            label = f"{path or 'key'} (next key; empty to stop)"
            key = (yield Prompt(label, self._take_above())).strip()
            if not key:
                return filled or _nothing(schema, optional, {})
            inner = f"{path}.{key}" if path else key
            part = schema["additionalProperties"]
            filled[key] = yield from self.ask(part, inner, optional=False)

    # -- parts of a schema -------------------------------------------------------

    def _is_compound(self, schema: Schema) -> bool:
        resolved = self._resolved(schema)
        return resolved.get("type") in ("object", "array") or "anyOf" in resolved

    def _resolved(self, schema: Schema) -> Schema:
        return schemas.resolved(schema, self._root)

    def _problem(self, schema: Schema, value: Any) -> str | None:
        whole = {**schema, "$defs": self._root.get("$defs", {})}
        try:
            answers.checked(self._name, whole, value)
        except KitaruWaitValidationError as error:
            return f"{error.got} must be {error.expected}"
        return None

    def _prompt(self, schema: Schema, path: str, kind: str, optional: bool) -> Prompt:
        if "description" in schema:
            self._above.insert(0, str(schema["description"]))
        remarks = [kind]
        if "default" in schema and schema["default"] is not None:
            remarks.append(f"empty for {json.dumps(schema['default'])}")
        elif optional:
            remarks.append("empty to stop" if path.endswith("]") else "empty for none")
        text = "; ".join(remarks)
        return Prompt(f"{path} ({text})" if path else text, self._take_above())

    def _take_above(self) -> tuple[str, ...]:
        above, self._above = tuple(self._above), []
        return above


def _title(schema: Schema) -> str:
    return str(schema.get("title") or schema.get("type") or "value")


def _nothing(schema: Schema, optional: bool, empty: Any) -> Any:
    """Return what an empty list or mapping means: left out, where that is possible."""
    return schema.get("default", _LEFT_OUT) if optional else empty


def _bool(line: str) -> bool:
    word = line.strip().lower()
    if word in _YES + _NO:
        return word in _YES
    raise ValueError(f"{line.strip()!r} is neither; type y or n")


def _integer(line: str) -> int:
    try:
        return int(line.strip())
    except ValueError:
        raise ValueError(f"{line.strip()!r} is not a whole number") from None


def _number(line: str) -> float:
    try:
        return float(line.strip())
    except ValueError:
        raise ValueError(f"{line.strip()!r} is not a number") from None


def _text(line: str) -> str:
    if not line.strip():
        raise ValueError('a text is needed; for an empty one type ""')
    return "" if line.strip() == '""' else line


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{line.strip()!r} is not JSON ({error.msg})") from None


_READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "boolean": (_bool, "yes or no"),
    "integer": (_integer, "whole number"),
    "number": (_number, "number"),
    "string": (_text, "text"),
}
