"""What a wait asks for, and whether an answer fits."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from kitaru._core.words.similar import shorten
from kitaru.errors import KitaruUsageError, KitaruWaitValidationError

if TYPE_CHECKING:
    from jsonschema import FormatChecker

DEFAULT_TIMEOUT = 600.0
_FORMATS = {
    "date": date,
    "date-time": datetime,
    "duration": timedelta,
    "ipv4": IPv4Address,
    "ipv6": IPv6Address,
    "time": time,
    "uuid": UUID,
}


def answer_schema(schema: object) -> dict[str, Any] | None:
    """Return the JSON schema of the answers that `schema` takes; `None` for a gate.

    Raises:
        KitaruUsageError: If pydantic cannot make a JSON schema of it.
    """
    if schema is None:
        return None
    try:
        return _adapter(schema).json_schema()
    # pydantic raises many kinds of errors for types it cannot describe.
    except Exception as error:
        raise KitaruUsageError(
            f"wait(schema={shorten(schema)}) cannot be described as JSON schema "
            f"({type(error).__name__}: {shorten(str(error), 120)}); use bool, str, an "
            "Enum, a dataclass or a pydantic model"
        ) from error


def check_answer(name: str, schema: Mapping[str, Any] | None, value: object) -> None:
    """Check an answer against the JSON schema of its wait.

    Raises:
        KitaruWaitValidationError: If it does not fit; says which field, what was
            expected and what was given.
    """
    if schema is None:
        if value is not None:
            raise _refused(name, "answer", "no value (the wait is a plain gate)", value)
        return
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    validator = Draft202012Validator(dict(schema), format_checker=_formats())
    error = best_match(validator.iter_errors(value))
    if error is None:
        return
    path = [str(part) for part in error.absolute_path]
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        path, expected = [*path, missing[0]], "a value (the field is required)"
        raise _refused(name, ".".join(path), expected, "nothing", quoted=False)
    if error.validator == "additionalProperties" and not error.validator_value:
        known = error.schema.get("properties", {})
        extra = next(key for key in error.instance if key not in known)
        expected = f"left out (known fields: {', '.join(known)})"
        raise _refused(name, ".".join([*path, extra]), expected, error.instance[extra])
    field = ".".join(path) or "answer"
    expected = _expected(error.validator, error.validator_value, error.message)
    raise _refused(name, field, expected, error.instance)


@cache
def _formats() -> FormatChecker:
    """Return what checks formats as pydantic will, when the flow reads the answer."""
    from jsonschema import FormatChecker
    from pydantic import AnyUrl

    checker = FormatChecker(formats=())
    for name, kind in {**_FORMATS, "uri": AnyUrl}.items():
        checker.checks(name, raises=ValueError)(_reader(kind))
    return checker


def _reader(kind: Any) -> Callable[[object], bool]:
    adapter = TypeAdapter[Any](kind)

    def is_readable(value: object) -> bool:
        # Formats say something about strings only (JSON schema, section 7.1).
        if isinstance(value, str):
            adapter.validate_json(json.dumps(value))
        return True

    return is_readable


def read_answer(name: str, schema: object, value: object) -> object:
    """Return the typed value of an answer for the flow.

    Raises:
        KitaruWaitValidationError: If validators of the type refuse what its JSON
            schema allowed.
    """
    if schema is None:
        return None
    try:
        return _adapter(schema).validate_json(json.dumps(value))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "answer"
        problem = str(first["msg"]).removeprefix("Value error, ")
        shown = _shown(first["input"])
        raise KitaruWaitValidationError(
            f"the answer to wait {name!r} was refused by its type: {field}: {problem}, "
            f"got {shown}; the wait is asked again",
            field=field,
            expected=problem,
            got=shown,
        ) from error


def explain(schema: Mapping[str, Any] | None) -> str:
    """Return an answer that fits a schema, quoted for a shell, for messages.

    Gives `JSON` for a schema that says too little to make up an answer.
    """
    if schema is None:
        return "null"
    example = _example(schema, schema)
    return "JSON" if example is _NO_EXAMPLE else shlex.quote(json.dumps(example))


def hint(schema: Mapping[str, Any] | None) -> str:
    """Return the option that answers a wait, with a space before it, for commands."""
    return "" if schema is None else f" --value {explain(schema)}"


_NO_EXAMPLE = object()
_EXAMPLES: dict[str, Any] = {
    "boolean": True,
    "integer": 1,
    "number": 1.5,
    "string": "text",
    "null": None,
}


def _example(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    if "default" in schema:
        return schema["default"]
    choices = [schema["const"]] if "const" in schema else schema.get("enum")
    if choices:
        return choices[0]
    reference = str(schema.get("$ref", ""))
    if reference.startswith("#/$defs/"):
        return _example(root["$defs"][reference.removeprefix("#/$defs/")], root)
    for option in schema.get("anyOf", schema.get("oneOf", [])):
        return _example(option, root)
    if schema.get("type") == "object":
        return _example_object(schema, root)
    if schema.get("type") == "array":
        item = _example(schema.get("items", {}), root)
        return _NO_EXAMPLE if item is _NO_EXAMPLE else [item]
    if "format" in schema or "pattern" in schema:
        return _NO_EXAMPLE
    return _EXAMPLES.get(str(schema.get("type")), _NO_EXAMPLE)


def _example_object(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """Return the required fields, filled in."""
    properties = schema.get("properties", {})
    filled = {
        name: _example(properties.get(name, {}), root)
        for name in schema.get("required", properties)
    }
    return _NO_EXAMPLE if _NO_EXAMPLE in filled.values() else filled


def _expected(validator: Any, wanted: Any, message: str) -> str:
    if validator == "type":
        return " or ".join(wanted) if isinstance(wanted, list) else str(wanted)
    if validator == "enum":
        return "one of " + ", ".join(json.dumps(item) for item in wanted)
    if validator == "const":
        return json.dumps(wanted)
    if validator == "format":
        return f"a {wanted}"
    if validator in ("anyOf", "oneOf"):
        kinds = [_kind_of(option) for option in wanted]
        return " or ".join(kinds) if all(kinds) else message
    return message


def _kind_of(option: Mapping[str, Any]) -> str:
    reference = str(option.get("$ref", "")).rpartition("/")[2]
    return str(option.get("type", reference))


def _refused(
    name: str, field: str, expected: str, got: object, *, quoted: bool = True
) -> KitaruWaitValidationError:
    shown = _shown(got) if quoted else str(got)
    return KitaruWaitValidationError(
        f"the answer to wait {name!r} does not fit: {field} must be {expected}, "
        f"got {shown}; nothing was stored, answer again",
        field=field,
        expected=expected,
        got=shown,
    )


def _shown(value: object) -> str:
    text = json.dumps(value, default=repr, ensure_ascii=False)
    return text if len(text) <= 80 else text[:79] + "…"


def _adapter(schema: object) -> TypeAdapter[Any]:
    try:
        return _cached_adapter(schema)
    except TypeError:
        # Annotated types with unhashable metadata cannot be cached.
        return TypeAdapter(schema)


@cache
def _cached_adapter(schema: Any) -> TypeAdapter[Any]:
    return TypeAdapter(schema)
