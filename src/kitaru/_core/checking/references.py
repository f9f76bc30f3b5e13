"""References within a JSON schema; nothing outside it is ever read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from kitaru._core.checking import patterns

Schema = Mapping[str, Any]

_DYNAMIC = (
    "$dynamicRef",
    "$recursiveRef",
    "unevaluatedItems",
    "unevaluatedProperties",
)
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTED = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = (
    "items",
    "additionalProperties",
    "contains",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
)


class UnusableSchemaError(ValueError):
    """A JSON schema that nothing can be checked against; says why."""


def target(reference: object, root: Schema) -> Any:
    """Return the part of a schema that a reference names.

    Raises:
        UnusableSchemaError: If it is outside, or not there.
    """
    found: Any = root
    place, _, pointer = str(reference).partition("#")
    if place or (pointer and not pointer.startswith("/")):
        raise UnusableSchemaError(
            f"it refers to {reference!r}, and nothing outside a schema is read"
        )
    for part in unquote(pointer).split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        try:
            found = found[int(key)] if isinstance(found, list) else found[key]
        except (KeyError, IndexError, TypeError, ValueError):
            raise UnusableSchemaError(
                f"it refers to {reference!r}, which it does not have"
            ) from None
    return found


def refuse_unusable(schema: Schema) -> None:
    """Refuse a schema against which answers could not be checked.

    Raises:
        UnusableSchemaError: For references to outside or in a circle, for patterns
            without a bounded matcher, and for keywords that are not known here.
    """
    for part in _parts(schema):
        for keyword in _DYNAMIC:
            if keyword in part:
                raise UnusableSchemaError(
                    f"it uses {keyword!r}, which is not known here"
                )
        _follow(part, schema)
        shapes = [part["pattern"]] if "pattern" in part else []
        for pattern in (*shapes, *part.get("patternProperties", ())):
            if not patterns.is_linear(str(pattern)):
                raise UnusableSchemaError(
                    f"its pattern {pattern!r} has no matcher whose work is bounded: "
                    "look-around, references back and very large repetitions have none"
                )


def _follow(part: Any, root: Schema) -> None:
    """Follow references that lead straight to others."""
    seen = set()
    while isinstance(part, Mapping) and "$ref" in part:
        reference = str(part["$ref"])
        if reference in seen:
            raise UnusableSchemaError(f"its {reference!r} refers to itself only")
        seen.add(reference)
        part = target(reference, root)


def _parts(schema: Any) -> Iterator[Schema]:
    """Yield a schema and all schemas in it."""
    open_parts = [schema]
    while open_parts:
        part = open_parts.pop()
        if not isinstance(part, Mapping):
            continue
        yield part
        for keyword in _NAMED:
            inner = part.get(keyword)
            open_parts.extend(inner.values() if isinstance(inner, Mapping) else ())
        for keyword in _LISTED:
            open_parts.extend(part.get(keyword) or ())
        open_parts.extend(part[keyword] for keyword in _SINGLE if keyword in part)
