"""Where JSON data does not fit a JSON schema, with bounded work.

Knows draft 2020-12 without its dynamic parts. Nothing is ever fetched: a schema refers
to itself or is refused. What a check may cost is counted, so that no schema and no
answer keep a process busy.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice
from typing import Any

from kitaru._core.checking import formats, patterns
from kitaru._core.checking.problems import Path, Problem, missing, one_of, shown
from kitaru._core.checking.references import Schema, UnusableSchemaError, target

MOST_STEPS = 100_000
_MOST_PROBLEMS = 20
_TOO_MUCH = "simpler or smaller: checking it against its schema takes too long"


def problems(schema: Schema, value: Any, *, steps: int = MOST_STEPS) -> list[Problem]:
    """Return where JSON data does not fit a schema; an empty list if it does.

    Raises:
        UnusableSchemaError: If the schema refers to what is not in it, or uses what is
            not known here.
    """
    checker = _Checker(schema, steps)
    try:
        return list(islice(checker.check(schema, value, ()), _MOST_PROBLEMS))
    except (_TooMuchWorkError, RecursionError):
        return [Problem((), _TOO_MUCH, shown(value), "work")]


class _TooMuchWorkError(Exception):
    pass


class _Checker:
    """Checks values against one schema."""

    def __init__(self, root: Schema, steps: int) -> None:
        self._root = root
        self._left = steps

    def check(self, schema: Any, value: Any, path: Path) -> Iterator[Problem]:
        """Yield what does not fit, outer places first."""
        self._spend(1)
        if isinstance(schema, bool):
            if not schema:
                yield Problem(path, "left out", shown(value), "false")
            return
        if not isinstance(schema, Mapping):
            raise UnusableSchemaError(f"{shown(schema)} is no JSON schema")
        wrong_type = _wrong_type(schema, value)
        if wrong_type is not None:
            yield Problem(path, wrong_type, shown(value), "type")
            return
        for keyword, wanted in schema.items():
            rule = _RULES.get(keyword)
            if rule is not None:
                self._spend(1)
                try:
                    yield from rule(self, wanted, value, path, schema)
                except (TypeError, AttributeError, KeyError) as error:
                    raise UnusableSchemaError(
                        f"its {keyword!r} is {shown(wanted)}"
                    ) from error

    def fits(self, schema: Any, value: Any) -> bool:
        """Whether a value fits a part of the schema."""
        return next(self.check(schema, value, ()), None) is None

    def _spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise _TooMuchWorkError

    # -- any value ---------------------------------------------------------------

    def _reference(
        self, wanted: Any, value: Any, path: Path, _: Schema
    ) -> Iterator[Problem]:
        yield from self.check(target(wanted, self._root), value, path)

    def _enum(
        self, wanted: Any, value: Any, path: Path, _: Schema
    ) -> Iterator[Problem]:
        self._spend(len(wanted))
        if not any(_equal(choice, value) for choice in wanted):
            yield Problem(path, _choices(wanted), shown(value), "enum")

    def _const(
        self, wanted: Any, value: Any, path: Path, _: Schema
    ) -> Iterator[Problem]:
        if not _equal(wanted, value):
            yield Problem(path, shown(wanted), shown(value), "const")

    # -- numbers and texts ---------------------------------------------------------

    def _multiple(
        self, wanted: Any, value: Any, path: Path, _: Schema
    ) -> Iterator[Problem]:
        if _is_number(value) and _fraction(value) % _fraction(wanted):
            yield Problem(path, f"a multiple of {wanted}", shown(value), "multipleOf")

    def _pattern(
        self, wanted: Any, value: Any, path: Path, _: Schema
    ) -> Iterator[Problem]:
        if not isinstance(value, str):
            return
        if len(value) > patterns.LONGEST_TEXT and patterns.is_linear(wanted):
            most = (
                f"at most {patterns.LONGEST_TEXT} characters long, to be compared with"
            )
            yield Problem(path, f"{most} {wanted}", shown(value), "pattern")
            return
        self._spend(patterns.cost(wanted, value))
        # A pattern without a linear matcher is left to the flow's own type.
        if patterns.matches(wanted, value) is False:
            expected = f"text that matches {wanted}"
            yield Problem(path, expected, shown(value), "pattern")

    def _format(
        self, wanted: Any, value: Any, path: Path, _: Schema
    ) -> Iterator[Problem]:
        if isinstance(value, str) and not formats.is_readable(wanted, value):
            yield Problem(path, formats.described(wanted), shown(value), "format")

    # -- lists ---------------------------------------------------------------------

    def _items(
        self, wanted: Any, value: Any, path: Path, schema: Schema
    ) -> Iterator[Problem]:
        if not isinstance(value, list):
            return
        fixed = len(schema.get("prefixItems", ()))
        if wanted is False and len(value) > fixed:
            plural = "" if fixed == 1 else "s"
            expected = f"a list of at most {fixed} item{plural}"
            yield Problem(path, expected, shown(value), "items")
            return
        for position, item in enumerate(value[fixed:], start=fixed):
            yield from self.check(wanted, item, (*path, position))

    def _prefix_items(
        self, wanted: Any, value: Any, path: Path, _: Schema
    ) -> Iterator[Problem]:
        if isinstance(value, list):
            for position, (part, item) in enumerate(zip(wanted, value, strict=False)):
                yield from self.check(part, item, (*path, position))

    def _unique(
        self, wanted: Any, value: Any, path: Path, _: Schema
    ) -> Iterator[Problem]:
        if not wanted or not isinstance(value, list):
            return
        seen: dict[str, int] = {}
        for position, item in enumerate(value):
            first = seen.setdefault(_canonical(item), position)
            if first != position:
                expected = f"another one than item {first}: no item may come twice"
                yield Problem((*path, position), expected, shown(item), "uniqueItems")
                return

    def _contains(
        self, wanted: Any, value: Any, path: Path, schema: Schema
    ) -> Iterator[Problem]:
        if not isinstance(value, list):
            return
        found = sum(self.fits(wanted, item) for item in value)
        least, most = schema.get("minContains", 1), schema.get("maxContains")
        if found < least or (most is not None and found > most):
            amount = f"at least {least}" if found < least else f"at most {most}"
            expected = f"a list with {amount} of {kind(wanted, self._root)}"
            yield Problem(path, expected, shown(value), "contains")

    # -- objects -------------------------------------------------------------------

    def _properties(
        self, wanted: Any, value: Any, path: Path, _: Schema
    ) -> Iterator[Problem]:
        if isinstance(value, dict):
            for name, part in wanted.items():
                if name in value:
                    yield from self.check(part, value[name], (*path, name))

    def _required(
        self, wanted: Any, value: Any, path: Path, _: Schema
    ) -> Iterator[Problem]:
        if isinstance(value, dict):
            for name in wanted:
                if name not in value:
                    yield missing((*path, name))

    def _additional(
        self, wanted: Any, value: Any, path: Path, schema: Schema
    ) -> Iterator[Problem]:
        if not isinstance(value, dict):
            return
        known, shapes = (
            schema.get("properties", {}),
            schema.get("patternProperties", {}),
        )
        for name, item in value.items():
            if name in known or any(self._finds(shape, name) for shape in shapes):
                continue
            if wanted is False:
                expected = f"left out (known fields: {', '.join(known) or 'none'})"
                yield Problem((*path, name), expected, shown(item), "unknown")
            else:
                yield from self.check(wanted, item, (*path, name))

    def _pattern_properties(
        self, wanted: Any, value: Any, path: Path, _: Schema
    ) -> Iterator[Problem]:
        if isinstance(value, dict):
            for pattern, part in wanted.items():
                for name, item in value.items():
                    if self._finds(pattern, name):
                        yield from self.check(part, item, (*path, name))

    def _finds(self, pattern: str, name: str) -> bool:
        self._spend(1 + patterns.cost(pattern, name))
        found = patterns.matches(pattern, name[: patterns.LONGEST_TEXT])
        if found is None:
            raise UnusableSchemaError(
                f"its pattern {pattern!r} has no matcher whose work is bounded"
            )
        return found

    def _names(
        self, wanted: Any, value: Any, path: Path, _: Schema
    ) -> Iterator[Problem]:
        if isinstance(value, dict):
            for name in value:
                for found in self.check(wanted, name, path):
                    expected = f"an object whose keys are {found.expected}"
                    yield Problem(path, expected, shown(name), "propertyNames")

    def _dependent_required(
        self, wanted: Any, value: Any, path: Path, schema: Schema
    ) -> Iterator[Problem]:
        if isinstance(value, dict):
            for name, others in wanted.items():
                if name in value:
                    yield from self._required(others, value, path, schema)

    def _dependent_schemas(
        self, wanted: Any, value: Any, path: Path, _: Schema
    ) -> Iterator[Problem]:
        if isinstance(value, dict):
            for name, part in wanted.items():
                if name in value:
                    yield from self.check(part, value, path)

    # -- schemas of schemas ----------------------------------------------------------

    def _all_of(
        self, wanted: Any, value: Any, path: Path, _: Schema
    ) -> Iterator[Problem]:
        for part in wanted:
            yield from self.check(part, value, path)

    def _any_of(
        self, wanted: Any, value: Any, path: Path, _: Schema
    ) -> Iterator[Problem]:
        found = []
        for part in wanted:
            found.append(list(islice(self.check(part, value, path), _MOST_PROBLEMS)))
            if not found[-1]:
                return
        yield from self._closest(wanted, found, value, path)

    def _one_of(
        self, wanted: Any, value: Any, path: Path, schema: Schema
    ) -> Iterator[Problem]:
        told = self._told_apart(schema, value, path)
        if told is not None:
            yield from told
            return
        found = [
            list(islice(self.check(part, value, path), _MOST_PROBLEMS))
            for part in wanted
        ]
        fitting = [part for part, wrong in zip(wanted, found, strict=True) if not wrong]
        if not fitting:
            yield from self._closest(wanted, found, value, path)
        elif len(fitting) > 1:
            kinds = ", ".join(kind(part, self._root) for part in fitting)
            expected = f"one of these only, and it is each: {kinds}"
            yield Problem(path, expected, shown(value), "oneOf")

    def _told_apart(
        self, schema: Schema, value: Any, path: Path
    ) -> Iterator[Problem] | None:
        """Return the problems of the choice that a field of the value names.

        Pydantic says which field that is; `None` if it does not.
        """
        said = schema.get("discriminator")
        if not isinstance(said, Mapping) or not isinstance(value, dict):
            return None
        name, known = str(said.get("propertyName")), said.get("mapping", {})
        if name not in value:
            expected = f"{_choices(list(known))} (the field is required)"
            return iter([Problem((*path, name), expected, "nothing", "required")])
        tag = value[name]
        reference = known.get(tag) if isinstance(tag, str) else None
        return reference and self.check({"$ref": reference}, value, path)

    def _closest(
        self, choices: Any, found: list[list[Problem]], value: Any, path: Path
    ) -> Iterator[Problem]:
        """Yield the problems of the choice that was meant, as far as that is clear.

        A value of another type, or with another fixed field (`kind: "cat"`), was not
        meant to be that choice.
        """
        meant = [wrong for wrong in found if not _is_another(wrong, path)]
        if len(meant) == 1:
            yield from meant[0]
            return
        fixed = _fixed_fields(found, path)
        if not meant and fixed:
            yield fixed
            return
        kinds = one_of(kind(part, self._root) for part in choices)
        yield Problem(path, kinds, shown(value), "anyOf")

    def _not(self, wanted: Any, value: Any, path: Path, _: Schema) -> Iterator[Problem]:
        if self.fits(wanted, value):
            expected = f"something else than {kind(wanted, self._root)}"
            yield Problem(path, expected, shown(value), "not")

    def _if(
        self, wanted: Any, value: Any, path: Path, schema: Schema
    ) -> Iterator[Problem]:
        branch = "then" if self.fits(wanted, value) else "else"
        yield from self.check(schema.get(branch, True), value, path)


_Rule = Callable[[_Checker, Any, Any, Path, Schema], Iterator[Problem]]


def _limit(
    is_kind: Callable[[Any], bool],
    measure: Callable[[Any], Any],
    fits: Callable[[Any, Any], bool],
    words: str,
) -> _Rule:
    """Return the rule of a keyword that limits a number, or the size of something."""

    def rule(
        _: _Checker, wanted: Any, value: Any, path: Path, __: Schema
    ) -> Iterator[Problem]:
        if is_kind(value) and not fits(measure(value), wanted):
            expected = words.format(wanted, "" if wanted == 1 else "s")
            yield Problem(path, expected, shown(value), "limit")

    return rule


def _least(have: Any, wanted: Any) -> bool:
    return bool(have >= wanted)


def _most(have: Any, wanted: Any) -> bool:
    return bool(have <= wanted)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _itself(value: Any) -> Any:
    return value


_RULES: dict[str, _Rule] = {
    "$ref": _Checker._reference,
    "enum": _Checker._enum,
    "const": _Checker._const,
    "minimum": _limit(_is_number, _itself, _least, "at least {0}"),
    "maximum": _limit(_is_number, _itself, _most, "at most {0}"),
    "exclusiveMinimum": _limit(
        _is_number, _itself, lambda have, wanted: bool(have > wanted), "more than {0}"
    ),
    "exclusiveMaximum": _limit(
        _is_number, _itself, lambda have, wanted: bool(have < wanted), "less than {0}"
    ),
    "multipleOf": _Checker._multiple,
    "minLength": _limit(_is_text, len, _least, "at least {0} character{1} long"),
    "maxLength": _limit(_is_text, len, _most, "at most {0} character{1} long"),
    "pattern": _Checker._pattern,
    "format": _Checker._format,
    "minItems": _limit(_is_list, len, _least, "a list of at least {0} item{1}"),
    "maxItems": _limit(_is_list, len, _most, "a list of at most {0} item{1}"),
    "prefixItems": _Checker._prefix_items,
    "items": _Checker._items,
    "uniqueItems": _Checker._unique,
    "contains": _Checker._contains,
    "minProperties": _limit(
        _is_object, len, _least, "an object of at least {0} field{1}"
    ),
    "maxProperties": _limit(
        _is_object, len, _most, "an object of at most {0} field{1}"
    ),
    "required": _Checker._required,
    "properties": _Checker._properties,
    "patternProperties": _Checker._pattern_properties,
    "additionalProperties": _Checker._additional,
    "propertyNames": _Checker._names,
    "dependentRequired": _Checker._dependent_required,
    "dependentSchemas": _Checker._dependent_schemas,
    "allOf": _Checker._all_of,
    "anyOf": _Checker._any_of,
    "oneOf": _Checker._one_of,
    "not": _Checker._not,
    "if": _Checker._if,
}


# -- types ---------------------------------------------------------------------------

_TYPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "null": ("null", lambda value: value is None),
    "boolean": ("a boolean", lambda value: isinstance(value, bool)),
    "integer": (
        "an integer",
        lambda value: _is_number(value) and value == int(value),
    ),
    "number": ("a number", _is_number),
    "string": ("a string", _is_text),
    "array": ("a list", _is_list),
    "object": ("an object", _is_object),
}


def _wrong_type(schema: Schema, value: Any) -> str | None:
    """Return what the value should be, `None` if it is."""
    wanted = schema.get("type")
    if wanted is None:
        return None
    names = [wanted] if isinstance(wanted, str) else wanted
    try:
        if any(_TYPES[name][1](value) for name in names):
            return None
        if names == ["string"] and "format" in schema:
            return formats.described(schema["format"])
        return one_of(_TYPES[name][0] for name in names)
    except (KeyError, TypeError, ValueError) as error:
        raise UnusableSchemaError(f"its 'type' is {shown(wanted)}") from error


def kind(schema: Any, root: Schema) -> str:
    """Return in words what a schema takes: `a string`, `a Cat`, `"yes"`."""
    if not isinstance(schema, Mapping):
        return "anything" if schema else "nothing"
    if "$ref" in schema:
        inner = target(schema["$ref"], root)
        if isinstance(inner, Mapping) and inner.get("type") == "object":
            name = str(inner.get("title") or schema["$ref"].rpartition("/")[2])
            return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
        return kind(inner, root)
    if "const" in schema or "enum" in schema:
        return _choices(schema.get("enum", [schema.get("const")]))
    if isinstance(schema.get("format"), str):
        return formats.described(schema["format"])
    wanted = schema.get("type")
    names = [wanted] if isinstance(wanted, str) else wanted or ()
    if names:
        return one_of(_TYPES[name][0] for name in names)
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return one_of(kind(part, root) for part in choices)
    return str(schema.get("title", "something else"))


def _choices(wanted: Sequence[Any]) -> str:
    if len(wanted) == 1:
        return shown(wanted[0])
    return "one of " + ", ".join(shown(choice) for choice in wanted)


# -- equality ------------------------------------------------------------------------


def _equal(one: Any, other: Any) -> bool:
    """Whether JSON data is the same: `1` is `1.0`, but not `true`."""
    if isinstance(one, str) or isinstance(other, str):
        return bool(one == other)
    return _canonical(one) == _canonical(other)


def _canonical(value: Any) -> str:
    return json.dumps(_with_one_zero(value), sort_keys=True)


def _with_one_zero(value: Any) -> Any:
    """Return the value with whole numbers as integers."""
    if isinstance(value, float) and value == int(value):
        return int(value)
    if isinstance(value, list):
        return [_with_one_zero(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_one_zero(item) for key, item in value.items()}
    return value


def _fraction(value: Any) -> Fraction:
    # As written: 0.1 is a tenth.
    return Fraction(repr(value)) if isinstance(value, float) else Fraction(value)


# -- choices -------------------------------------------------------------------------


_OTHER_KIND = ("type", "false", "anyOf")


def _is_another(wrong: Sequence[Problem], path: Path) -> bool:
    """Whether problems say that a value was meant to be something else."""
    return any(
        (problem.path == path and problem.rule in _OTHER_KIND)
        or (_is_field_of(problem, path) and problem.rule in ("const", "enum"))
        for problem in wrong
    )


def _fixed_fields(found: Sequence[Sequence[Problem]], path: Path) -> Problem | None:
    """Return what the field that tells all choices apart may be, if there is one."""
    told = [
        next((p for p in wrong if p.rule in ("const", "enum")), None)
        for wrong in found
        if not any(p.path == path and p.rule in _OTHER_KIND for p in wrong)
    ]
    first = told[0] if told else None
    if first is None or not _is_field_of(first, path):
        return None
    if any(problem is None or problem.path != first.path for problem in told):
        return None
    words = [p.expected.removeprefix("one of ") for p in told if p is not None]
    return Problem(first.path, f"one of {', '.join(words)}", first.got, "enum")


def _is_field_of(problem: Problem, path: Path) -> bool:
    return len(problem.path) == len(path) + 1 and isinstance(problem.path[-1], str)
