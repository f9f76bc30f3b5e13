"""The JSON schema of an answer as a form, and a form that was sent as an answer.

A form is drawn, filled in and checked by one walk through the schema, so what is asked
and what is read cannot part. Controls are named by position (`v.0.2`), since properties
may be called anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kitaru._core.checking import json_schemas
from kitaru._core.checking.problems import Path
from kitaru._core.checking.references import UnusableSchemaError
from kitaru._core.waits.schemas import Schema, resolved
from kitaru._core.words import plain
from kitaru.ui.fields import (
    LEFT_OUT,
    NEEDED,
    Choice,
    Field,
    bounds,
    fill,
    line_or_block,
    typed_as,
)
from kitaru.ui.routes import Fields

ROOT = "v"
# The button that adds a field to a list or takes one away.
CHANGE = "change"
_DEEPEST = 6
_MOST_FIELDS = 300
_MOST_ITEMS = 200
# More choices than these are a list that opens.
_MOST_DOTS = 6
_NOTHING = "none"


@dataclass(frozen=True, slots=True)
class Form:
    """A form, and the answer that it makes.

    Attributes:
        root: Its only field, or the one that holds the others.
        is_right: Whether the answer fits, as far as the schema can tell.
    """

    root: Field
    is_right: bool

    @property
    def value(self) -> Any:
        """The answer as JSON data."""
        return None if self.root.data is LEFT_OUT else self.root.data

    @property
    def fields(self) -> Iterator[Field]:
        """All fields, from the outside."""
        return _all(self.root)

    @property
    def wrong(self) -> list[Field]:
        """The fields that do not fit."""
        return [one for one in self.fields if one.problem]


def new(schema: Schema, initial: Any = LEFT_OUT, *, key: str = ROOT) -> Form:
    """Return a form that nobody has filled in, with what is there to begin with."""
    root = _Walk(schema, None).field(
        schema, key, (), label="", optional=False, at=initial
    )
    return Form(root, is_right=False)


def sent(schema: Schema, form: Fields, *, key: str = ROOT) -> Form:
    """Return a form as it was sent, with what is wrong where it is wrong."""
    root = _Walk(schema, form).field(schema, key, (), label="", optional=False)
    if root.data is LEFT_OUT and not root.is_wrong:
        root.problem = NEEDED
    _mark(root, schema)
    return Form(root, is_right=not root.is_wrong)


def unjudged(schema: Schema, form: Fields, *, key: str = ROOT) -> Form:
    """Return a form as it was sent, while somebody is still at it."""
    root = _Walk(schema, form).field(schema, key, (), label="", optional=False)
    for one in _all(root):
        one.problem = ""
    return Form(root, is_right=False)


def changed(form: Fields) -> Fields:
    """Return what was sent with one more or one less item of a list."""
    what, _, rest = form[CHANGE][0].partition(" ")
    key, _, position = rest.partition(" ")
    fields = {name: [*values] for name, values in form.items()}
    count = _count(fields, key)
    if what == "add":
        fields[f"{key}:n"] = [str(count + 1)]
    elif position.isdecimal() and int(position) < count:
        fields = dict(_without(fields, key, int(position)))
        fields[f"{key}:n"] = [str(count - 1)]
    return fields


def complain(form: Form, path: str, problem: str) -> None:
    """Mark a field that somebody else refused, named as errors name fields."""
    named = {".".join(map(str, one.path)): one for one in form.fields}
    named.get(path, form.root).problem = problem


class _Walk:
    """Makes the fields of one schema, with what was sent if something was."""

    def __init__(self, root: Schema, form: Fields | None) -> None:
        self._root = root
        self._form = form
        self._within: list[str] = []
        # Shared with the walks through choices that are not made.
        self._made: list[str] = []

    def _beside(self) -> _Walk:
        """Return a walk through the same place, where nothing was sent."""
        made = _Walk(self._root, None)
        made._within, made._made = self._within, self._made
        return made

    def field(
        self,
        schema: Schema,
        key: str,
        path: Path,
        *,
        label: str,
        optional: bool,
        at: Any = LEFT_OUT,
    ) -> Field:
        """Return the field for one part of the schema."""
        reference = str(schema.get("$ref", ""))
        is_endless = bool(reference) and reference in self._within
        whole, schema = schema, resolved(schema, self._root)
        self._made.append(key)
        one = Field(key, path, "json", label=label, optional=optional)
        one.about = str(schema.get("description", ""))
        if "default" in schema:
            one.optional = True
            at = schema["default"] if at is LEFT_OUT else at
        too_much = len(path) > _DEEPEST or len(self._made) > _MOST_FIELDS
        if is_endless or too_much:
            return self._leaf(one, whole, at)
        self._within.append(reference or "-")
        try:
            return self._of_kind(one, schema, at)
        finally:
            self._within.pop()

    def _of_kind(self, one: Field, schema: Schema, at: Any) -> Field:
        options = schema.get("anyOf") or schema.get("oneOf")
        if "const" in schema:
            one.kind, one.data = "const", schema["const"]
            return one
        if "enum" in schema:
            return self._choice(one, schema, at)
        if options:
            return self._union(one, schema, options, at)
        kind = schema.get("type")
        if kind == "object" and "properties" in schema:
            return self._whole_or_not(one, schema, at)
        if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
            return self._mapping(one, schema, at)
        if kind == "array" and isinstance(schema.get("items"), dict):
            return self._list(one, schema, at)
        if kind == "array" and schema.get("prefixItems"):
            return self._tuple(one, schema, at)
        if kind == "boolean":
            return self._yes_or_no(one, schema, at)
        return self._leaf(one, schema, at)

    # -- fields without parts ------------------------------------------------------

    def _leaf(self, one: Field, schema: Schema, at: Any) -> Field:
        kind = schema.get("type")
        one.kind = str(kind) if kind in ("integer", "number", "string") else "json"
        one.text = self._typed(one.key, at if one.kind != "json" else LEFT_OUT)
        if kind == "null":
            one.kind, one.data = "const", None
            return one
        if one.kind == "json" and self._form is None and at is not LEFT_OUT:
            text = json.dumps(at, ensure_ascii=False, indent=2)
            one.text = plain.json_text(text)
        if one.kind == "string":
            line_or_block(one, schema)
        elif one.kind != "json":
            one.hint = bounds(schema)
        fill(one, schema, untouched=self._form is None)
        return one

    def _yes_or_no(self, one: Field, schema: Schema, at: Any) -> Field:
        return self._choose(one, schema, at, ["Yes", "No"], [True, False], "yes_no")

    def _choice(self, one: Field, schema: Schema, at: Any) -> Field:
        values = list(schema["enum"])
        names = [typed_as(value) or _NOTHING for value in values]
        kind = "dots" if len(values) <= _MOST_DOTS else "opening"
        return self._choose(one, schema, at, names, values, kind)

    def _choose(
        self,
        one: Field,
        schema: Schema,
        at: Any,
        names: Sequence[str],
        values: Sequence[Any],
        kind: str,
    ) -> Field:
        one.kind = kind
        before = str(values.index(at)) if at in values else ""
        # What is chosen to begin with cannot be unchosen: nothing is left out.
        one.optional = one.optional and not before
        said = self._said(one.key, before)
        one.choices = [
            Choice(str(number), name, said == str(number))
            for number, name in enumerate(names)
        ]
        chosen = [
            number for number, choice in enumerate(one.choices) if choice.is_chosen
        ]
        if chosen:
            one.data = values[chosen[0]]
        elif one.optional:
            one.data = LEFT_OUT if self._form else schema.get("default", LEFT_OUT)
        elif self._form is not None:
            one.problem = "Choose one."
        return one

    # -- one of several ------------------------------------------------------------

    def _union(
        self, one: Field, schema: Schema, options: Sequence[Schema], at: Any
    ) -> Field:
        real = [option for option in options if option.get("type") != "null"]
        nullable = len(real) < len(options)
        if len(real) == 1 and not self._has_parts(real[0]):
            inner = self.field(
                real[0], one.key, one.path, label=one.label, optional=True, at=at
            )
            return self._as_nullable(inner, one, schema, nullable)
        names = [self._title(option) for option in real]
        none = nullable or one.optional
        return self._one_of(one, schema, real, names, at, none=none, nullable=nullable)

    def _as_nullable(
        self, inner: Field, one: Field, schema: Schema, nullable: bool
    ) -> Field:
        inner.about = inner.about or one.about
        inner.optional = nullable or one.optional
        if inner.data is LEFT_OUT and not inner.problem and nullable:
            inner.data = None if self._form else schema.get("default", None)
        return inner

    def _one_of(
        self,
        one: Field,
        schema: Schema,
        real: Sequence[Schema],
        names: Sequence[str],
        at: Any,
        *,
        none: bool,
        nullable: bool,
    ) -> Field:
        one.kind = "one_of"
        said = self._said(f"{one.key}:o", self._fitting(real, at, none))
        one.choices = [
            Choice(str(number), name, said == str(number))
            for number, name in enumerate(names)
        ]
        if none:
            one.choices.append(Choice(_NOTHING, "None", said == _NOTHING))
        for number, option in enumerate(real):
            # What is in the fields of another choice does not count.
            is_chosen = one.choices[number].is_chosen
            walk = self if is_chosen else self._beside()
            before = at if is_chosen else LEFT_OUT
            part = walk.field(
                option,
                f"{one.key}.{number}",
                one.path,
                label="",
                optional=False,
                at=before,
            )
            one.parts.append(part)
            if is_chosen:
                one.data = part.data
        if said == _NOTHING:
            one.data = None if nullable else LEFT_OUT
        elif said not in {choice.value for choice in one.choices} and self._form:
            one.problem = "Choose one."
        return one

    def _fitting(self, options: Sequence[Schema], at: Any, none: bool) -> str:
        """Return the choice that a value is of."""
        if at is LEFT_OUT or at is None:
            return _NOTHING if none else ""
        for number, option in enumerate(options):
            alone = {"$defs": self._root.get("$defs", {}), **option}
            try:
                if not json_schemas.problems(alone, at):
                    return str(number)
            except UnusableSchemaError:
                continue
        return ""

    # -- several fields --------------------------------------------------------------

    def _whole_or_not(self, one: Field, schema: Schema, at: Any) -> Field:
        """Return the fields of an object, which may be left out as a whole."""
        if one.path and one.optional:
            plain = {key: value for key, value in schema.items() if key != "default"}
            one.optional = True
            names = [self._title(schema)]
            return self._one_of(
                one, schema, [plain], names, at, none=True, nullable=False
            )
        return self._object(one, schema, at)

    def _object(self, one: Field, schema: Schema, at: Any) -> Field:
        one.kind = "object"
        needed = schema.get("required", ())
        given = at if isinstance(at, Mapping) else {}
        one.data = {}
        for number, (name, part) in enumerate(schema["properties"].items()):
            inner = self.field(
                part,
                f"{one.key}.{number}",
                (*one.path, name),
                label=str(part.get("title") or name),
                optional=name not in needed,
                at=given.get(name, LEFT_OUT),
            )
            one.parts.append(inner)
            if inner.data is not LEFT_OUT:
                one.data[name] = inner.data
        return one

    def _tuple(self, one: Field, schema: Schema, at: Any) -> Field:
        one.kind = "object"
        given = at if isinstance(at, list) else []
        for number, part in enumerate(schema["prefixItems"]):
            one.parts.append(
                self.field(
                    part,
                    f"{one.key}.{number}",
                    (*one.path, number),
                    label=str(part.get("title") or f"{number + 1}."),
                    optional=False,
                    at=given[number] if number < len(given) else LEFT_OUT,
                )
            )
        found = [part.data for part in one.parts]
        one.data = LEFT_OUT if LEFT_OUT in found else found
        return one

    def _list(self, one: Field, schema: Schema, at: Any) -> Field:
        one.kind = "list"
        given = at if isinstance(at, list) else []
        for number in range(self._items(one.key, schema, len(given))):
            one.parts.append(
                self.field(
                    schema["items"],
                    f"{one.key}.{number}",
                    (*one.path, number),
                    label=f"{number + 1}.",
                    optional=False,
                    at=given[number] if number < len(given) else LEFT_OUT,
                )
            )
        one.hint = _amount(schema)
        one.data = [part.data for part in one.parts if part.data is not LEFT_OUT]
        if not one.parts and one.optional:
            one.data = LEFT_OUT if self._form else schema.get("default", LEFT_OUT)
        return one

    def _mapping(self, one: Field, schema: Schema, at: Any) -> Field:
        one.kind, one.data = "mapping", {}
        given = list(at.items()) if isinstance(at, Mapping) else []
        for number in range(self._items(one.key, schema, len(given))):
            name, value = given[number] if number < len(given) else ("", LEFT_OUT)
            key = f"{one.key}.{number}"
            name = self._typed(f"{key}:k", name)
            part = self.field(
                schema["additionalProperties"],
                key,
                (*one.path, name),
                label=name,
                optional=False,
                at=value,
            )
            one.parts.append(part)
            if not name and self._form is not None:
                part.problem = part.problem or "It needs a name."
            if part.data is not LEFT_OUT:
                one.data[name] = part.data
        return one

    # -- what was sent -----------------------------------------------------------------

    def _typed(self, key: str, at: Any) -> str:
        if self._form is None:
            return typed_as(at)
        return (self._form.get(key) or ("",))[-1]

    def _said(self, key: str, before: str) -> str:
        if self._form is None:
            return before
        return (self._form.get(key) or ("",))[-1]

    def _items(self, key: str, schema: Schema, given: int) -> int:
        most: int = min(schema.get("maxItems", _MOST_ITEMS), _MOST_ITEMS)
        if self._form is not None:
            return min(_count(self._form, key), most)
        least: int = schema.get("minItems", 0)
        return min(max(given, least), most)

    def _has_parts(self, schema: Schema) -> bool:
        inner = resolved(schema, self._root)
        return "anyOf" in inner or "oneOf" in inner or inner.get("type") == "object"

    def _title(self, schema: Schema) -> str:
        inner = resolved(schema, self._root)
        if "const" in inner:
            return typed_as(inner["const"])
        return str(inner.get("title") or _KINDS.get(str(inner.get("type")), "value"))


_KINDS = {
    "string": "Text",
    "integer": "Whole number",
    "number": "Number",
    "boolean": "Yes or no",
    "array": "List",
    "object": "Fields",
}


def _mark(root: Field, schema: Schema) -> None:
    """Say at each field what the schema has against it."""
    data = {} if root.data is LEFT_OUT and root.kind == "object" else root.data
    if data is LEFT_OUT:
        return
    named = {one.path: one for one in _all(root)}
    try:
        found = json_schemas.problems(schema, data)
    except UnusableSchemaError as error:
        root.problem = root.problem or str(error)
        return
    for problem in found:
        path = problem.path
        while path and path not in named:
            path = path[:-1]
        one = named.get(path, root)
        if not one.is_wrong:
            inside = ".".join(map(str, problem.path[len(path) :]))
            where = f"{inside} must be" if inside else "Must be"
            one.problem = f"{where} {problem.expected}."


def _all(one: Field) -> Iterator[Field]:
    """Yield a field and those within that count."""
    yield one
    for number, part in enumerate(one.parts):
        if one.kind != "one_of" or one.choices[number].is_chosen:
            yield from _all(part)


def _amount(schema: Schema) -> str:
    least, most = schema.get("minItems"), schema.get("maxItems")
    if least and most:
        return f"{least} to {most}"
    if least:
        return f"at least {least}"
    return f"at most {most}" if most else ""


def _count(form: Fields, key: str) -> int:
    text = (form.get(f"{key}:n") or ("0",))[-1]
    return int(text) if text.isdecimal() and len(text) < 6 else 0


def _without(
    form: Mapping[str, list[str]], key: str, gone: int
) -> Iterator[tuple[str, list[str]]]:
    """Yield the fields of a form without an item of a list; the next ones move up."""
    start = f"{key}."
    for name, values in form.items():
        if not name.startswith(start):
            yield name, values
            continue
        digits = name[len(start) :]
        head = digits.split(".", 1)[0].split(":", 1)[0]
        position = int(head) if head.isdecimal() else -1
        if position < gone:
            yield name, values
        elif position > gone:
            yield f"{start}{position - 1}{digits[len(head) :]}", values
