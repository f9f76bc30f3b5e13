"""What to type to answer a wait: an example that fits its schema."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from kitaru._core.checking import formats, json_schemas
from kitaru._core.checking.references import Schema, UnusableSchemaError
from kitaru._core.waits import example_texts
from kitaru._core.waits.schemas import resolved

_DEEPEST = 20
_LONGEST = 200
_MOST_ITEMS = 20
# An example is a courtesy: it may not cost what a check may.
_MOST_PARTS = 100
_STEPS = 2_000
_NONE = object()


def explain(schema: Mapping[str, Any] | None) -> str:
    """Return an answer that fits a schema, quoted for a shell, for messages.

    Gives `JSON` for a schema that says too little to make up an answer.
    """
    if schema is None:
        return "null"
    found = example(schema)
    return "JSON" if found is None else shlex.quote(found)


def hint(schema: Mapping[str, Any] | None) -> str:
    """Return the option that answers a wait, with a space before it, for commands.

    Without an example that is `-i`, which asks for the answer in a form.
    """
    if schema is None:
        return ""
    found = example(schema)
    return " -i" if found is None else f" --value {shlex.quote(found)}"


def example(schema: Schema) -> str | None:
    """Return the JSON of an answer that fits, `None` if none is known."""
    try:
        value = _Examples(schema).of(schema)
        if value is _NONE or not _fits(schema, value):
            return None
    except (UnusableSchemaError, RecursionError, LookupError, TypeError, ValueError):
        return None
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else None


def _fits(schema: Schema, value: Any) -> bool:
    return not json_schemas.problems(schema, value, steps=_STEPS)


class _Examples:
    """Makes up values for the parts of one schema; `_NONE` where it cannot."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._depth = 0
        self._left = _MOST_PARTS

    def of(self, part: Any) -> Any:
        if part is True:
            return {}
        self._left -= 1
        if not isinstance(part, Mapping) or self._depth > _DEEPEST or self._left < 0:
            return _NONE
        self._depth += 1
        try:
            return self._of(resolved(part, self._root))
        finally:
            self._depth -= 1

    def _of(self, part: Schema) -> Any:
        alone = {"$defs": self._root.get("$defs", {}), **part}
        for choice in self._choices(part):
            if choice is not _NONE and _fits(alone, choice):
                return choice
        return _NONE

    def _choices(self, part: Schema) -> Iterator[Any]:
        """Yield what may fit, the most telling first."""
        yield from (part[key] for key in ("default", "const") if key in part)
        yield from (*part.get("examples", ()), *part.get("enum", ()))
        for option in part.get("anyOf", part.get("oneOf", ())):
            yield self.of(option)
        kinds = part.get("type", ())
        for kind in [kinds] if isinstance(kinds, str) else kinds:
            yield from _MAKERS[kind](self, part)

    def _objects(self, part: Schema) -> Iterator[Any]:
        properties = part.get("properties", {})
        for names in (part.get("required") or properties, properties):
            filled = {name: self.of(properties.get(name, True)) for name in names}
            yield _NONE if _NONE in filled.values() else filled

    def _lists(self, part: Schema) -> Iterator[Any]:
        items = [self.of(item) for item in part.get("prefixItems", ())]
        more = max(part.get("minItems", 1) - len(items), 0)
        if part.get("items") is not False and 0 < more <= _MOST_ITEMS:
            items += self._different(part.get("items", True), more)
        yield _NONE if _NONE in items else items
        yield []

    def _different(self, part: Any, count: int) -> list[Any]:
        """Return some values, no two the same if that is easy."""
        inner = resolved(part, self._root) if isinstance(part, Mapping) else {}
        choices = inner.get("enum", ())
        if len(choices) >= count:
            return list(choices[:count])
        one = self.of(part)
        if isinstance(one, int | float) and not isinstance(one, bool):
            return [one + number for number in range(count)]
        if isinstance(one, str) and count > 1:
            return [f"{one}{number}" for number in range(1, count + 1)]
        return [one] * count


def _numbers(_: _Examples, part: Schema) -> Iterator[Any]:
    yield 1 if part.get("type") == "integer" else 1.5
    step = part.get("multipleOf", 1)
    bounds = [
        part[key] + shift
        for key, shift in (
            ("minimum", 0),
            ("exclusiveMinimum", 1),
            ("maximum", 0),
            ("exclusiveMaximum", -1),
        )
        if key in part
    ]
    yield from bounds
    yield from (-(-bound // step) * step for bound in (1, *bounds))
    limits = [value for key, value in part.items() if key.endswith("imum")]
    if len(limits) > 1:
        yield (limits[0] + limits[1]) / 2


def _texts(_: _Examples, part: Schema) -> Iterator[Any]:
    yield formats.example(part.get("format")) or "text"
    least, most = part.get("minLength", 0), part.get("maxLength", _LONGEST)
    if least <= _LONGEST:
        yield "text".ljust(least, "x")[:most]
    if "pattern" in part:
        yield from example_texts.matching(str(part["pattern"]), least=least)


_MAKERS: dict[str, Callable[[_Examples, Schema], Iterable[Any]]] = {
    "boolean": lambda _, __: (True, False),
    "null": lambda _, __: (None,),
    "integer": _numbers,
    "number": _numbers,
    "string": _texts,
    "array": _Examples._lists,
    "object": _Examples._objects,
}
