"""A wait's question as a form that MCP clients can show.

Clients show flat forms only: one level of texts, numbers, booleans and choices. What
does not fit is asked for as JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kitaru._core.waits.schemas import Schema, resolved

ANSWER = "answer"
_KEPT = {
    "string": ("minLength", "maxLength"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "boolean": (),
}
_FORMATS = ("date", "date-time", "email", "uri")


@dataclass(frozen=True, slots=True)
class Field:
    """One field: how it is shown, and what its value means."""

    schema: dict[str, Any]
    read: Callable[[Any], Any]
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """A form, and how its content becomes an answer."""

    requested_schema: dict[str, Any]
    read: Callable[[Mapping[str, Any]], Any]


def form(schema: Schema | None) -> Form:
    """Return the form that asks for what a schema describes; `None` is a plain gate."""
    if schema is None:
        return _gate()
    root = resolved(schema, schema)
    single = _field(root, schema)
    if single is not None:
        return _of_one(single)
    fields = _fields(root, schema)
    return _as_json(schema) if fields is None else _of_object(root, fields)


def _gate() -> Form:
    box = {"type": "boolean", "title": "Go on", "default": True}

    def read(content: Mapping[str, Any]) -> None:
        if content.get(ANSWER) is not True:
            raise ValueError("tick the box to let the execution go on")

    return Form(_object({ANSWER: box}, [ANSWER]), read)


def _of_one(field: Field) -> Form:
    required = [] if field.nullable else [ANSWER]

    def read(content: Mapping[str, Any]) -> Any:
        given = content.get(ANSWER)
        return None if given is None else field.read(given)

    return Form(_object({ANSWER: field.schema}, required), read)


def _of_object(root: Schema, fields: Mapping[str, Field]) -> Form:
    needed = [name for name in root.get("required", ()) if name in fields]

    def read(content: Mapping[str, Any]) -> Any:
        answer = {
            name: fields[name].read(value)
            for name, value in content.items()
            if name in fields and value is not None
        }
        # Left empty means null where null is allowed and something is needed.
        for name in needed:
            if fields[name].nullable:
                answer.setdefault(name, None)
        return answer

    shown = {name: field.schema for name, field in fields.items()}
    return Form(
        _object(shown, [name for name in needed if not fields[name].nullable]), read
    )


def _as_json(schema: Schema) -> Form:
    text = {
        "type": "string",
        "title": "Answer as JSON",
        "description": f"JSON that fits this schema: {json.dumps(schema)}",
    }

    def read(content: Mapping[str, Any]) -> Any:
        try:
            return json.loads(str(content.get(ANSWER, "")))
        except json.JSONDecodeError as error:
            raise ValueError(f"the answer is not JSON: {error}") from None

    return Form(_object({ANSWER: text}, [ANSWER]), read)


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


def _fields(root: Schema, whole: Schema) -> dict[str, Field] | None:
    """Return the fields of an object, `None` if a flat form cannot hold them."""
    properties = root.get("properties")
    if root.get("type") != "object" or not properties:
        return None
    fields = {
        name: _field(resolved(part, whole), whole) for name, part in properties.items()
    }
    known = {name: field for name, field in fields.items() if field is not None}
    return known if len(known) == len(fields) else None


def _field(part: Schema, whole: Schema) -> Field | None:
    """Return the field for a simple schema, `None` for anything else."""
    options = part.get("anyOf", part.get("oneOf"))
    if options is not None:
        return _optional(part, [resolved(option, whole) for option in options], whole)
    said = {key: part[key] for key in ("title", "description") if key in part}
    choices = [part["const"]] if "const" in part else part.get("enum")
    if choices is not None:
        return _choice(part, choices, said)
    kind = part.get("type")
    if kind not in _KEPT:
        return None
    kept = {key: part[key] for key in (*_KEPT[kind], "default") if key in part}
    if part.get("format") in _FORMATS:
        kept["format"] = part["format"]
    return Field({"type": kind, **said, **_fitting(kept)}, lambda value: value)


def _optional(part: Schema, options: list[Schema], whole: Schema) -> Field | None:
    """Return the field for `X | None`."""
    others = [option for option in options if option.get("type") != "null"]
    if len(others) != 1 or len(others) == len(options):
        return None
    said = {
        key: part[key] for key in ("title", "description", "default") if key in part
    }
    field = _field({**others[0], **said}, whole)
    return field and Field(field.schema, field.read, nullable=True)


def _choice(part: Schema, choices: list[Any], said: dict[str, Any]) -> Field:
    """Return a choice; clients offer texts only, so other values go by their JSON."""
    by_text = {_text(choice): choice for choice in choices}
    shown = {"type": "string", **said, "enum": list(by_text)}
    if part.get("default") is not None:
        shown["default"] = _text(part["default"])
    return Field(shown, lambda value: by_text.get(value, value))


def _text(choice: Any) -> str:
    return choice if isinstance(choice, str) else json.dumps(choice)


def _fitting(kept: dict[str, Any]) -> dict[str, Any]:
    """Leave a default of null out: no form can show it."""
    return {key: value for key, value in kept.items() if value is not None}
