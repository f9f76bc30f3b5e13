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

from kitaru._core.similar import shorten
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
        raise _refused(name, field, first["msg"], first["input"]) from error


def explain(schema: Mapping[str, Any] | None) -> str:
    """Return an example of `--value` for a schema, for messages."""
    if schema is None:
        return "null"
    kind = schema.get("type")
    choices = [schema["const"]] if "const" in schema else schema.get("enum")
    if choices:
        return shlex.quote(json.dumps(choices[0]))
    examples = {"boolean": "true", "integer": "1", "number": "1.5", "array": "'[...]'"}
    if kind == "string":
        return "'\"text\"'"
    if kind == "object":
        return (
            "'" + json.dumps(dict.fromkeys(schema.get("properties", {}), "...")) + "'"
        )
    return examples.get(str(kind), "JSON")


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
    shown = json.dumps(got, default=repr, ensure_ascii=False) if quoted else str(got)
    if len(shown) > 80:
        shown = shown[:79] + "…"
    return KitaruWaitValidationError(
        f"the answer to wait {name!r} does not fit: {field} must be {expected}, "
        f"got {shown}; nothing was stored, answer again",
        field=field,
        expected=expected,
        got=shown,
    )


def _adapter(schema: object) -> TypeAdapter[Any]:
    try:
        return _cached_adapter(schema)
    except TypeError:
        # Annotated types with unhashable metadata cannot be cached.
        return TypeAdapter(schema)


@cache
def _cached_adapter(schema: Any) -> TypeAdapter[Any]:
    return TypeAdapter(schema)
