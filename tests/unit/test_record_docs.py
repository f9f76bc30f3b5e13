"""Docstrings of public records name every field, and say what its values mean."""

from __future__ import annotations

import dataclasses
import inspect
import re
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel

import kitaru
from kitaru import errors, models
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.models import Record
from kitaru.primitives import SaveType
from kitaru.stacks.specs import KINDS

_ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n        .+)*)$", re.MULTILINE)
_SET = re.compile(r"self\.([a-z]\w*)(?:: [^=]+)? = ")


def exported(module: Any, base: type) -> set[type]:
    return {
        found
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, base)
    }


def parts_of(model: type[BaseModel]) -> set[type]:
    """A class with its own base classes, and those of the fields it is made of."""
    found = {kind for kind in model.__mro__ if issubclass(kind, BaseModel)} - {
        BaseModel
    }
    for field in model.model_fields.values():
        for part in inside(field.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found |= parts_of(part)
    return found


def inside(hint: Any) -> list[Any]:
    """A type and every type in it; a `Literal` is one."""
    parts = () if get_origin(hint) is Literal else get_args(hint)
    return [hint, *(one for part in parts for one in inside(part))]


STACKS = set[type]().union(*(parts_of(kind) for kind in KINDS.values()))
RECORDS = [
    *exported(models, Record),
    kitaru.Resources,
    kitaru.ImageSettings,
    CapturePolicy,
    *STACKS,
]
OBJECTS = [*exported(errors, errors.KitaruError), kitaru.CheckpointFuture]
CHOICES = exported(models, StrEnum)


def by_name(classes: Any) -> list[type]:
    return sorted(set(classes), key=lambda kind: kind.__qualname__)


def own_fields(kind: type) -> dict[str, Any]:
    """The public fields that a class itself declares, with their types."""
    declared = vars(kind).get("__annotations__", {})
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    if issubclass(kind, BaseModel):
        fields = kind.model_fields
        return {name: fields[name].annotation for name in declared if name in fields}
    return dict.fromkeys(_SET.findall(inspect.getsource(kind)))


def said_of(kind: type) -> dict[str, str]:
    """What the section `Attributes:` of a class says, by name."""
    docstring = inspect.cleandoc(vars(kind).get("__doc__") or "")
    section = docstring.partition("\n\nAttributes:\n")[2].partition("\n\n")[0]
    return dict(_ATTRIBUTE.findall(section))


def problems(kind: type) -> list[str]:
    said, fields = said_of(kind), own_fields(kind)
    found = [f"{name}: not named" for name in fields if name not in said]
    found += [f"{name}: does not exist" for name in said if name not in fields]
    summary = (kind.__doc__ or "").partition("Attributes:")[0]
    for name in fields.keys() & said.keys():
        types, words = inside(fields[name]), said[name]
        if type(None) in types and "`None`" not in words + summary:
            found.append(f"{name}: when is it None?")
        if datetime in types and "in UTC" not in words:
            found.append(f"{name}: in which zone?")
        for choices in types:
            if get_origin(choices) is not Literal:
                continue
            missing = [one for one in get_args(choices) if f"`{one}`" not in words]
            found += [f"{name}: {one!r} is not named" for one in missing]
    return found


@pytest.mark.parametrize("kind", by_name(RECORDS), ids=lambda kind: kind.__name__)
def test_a_record_says_what_each_of_its_fields_is(kind: type) -> None:
    assert problems(kind) == []


@pytest.mark.parametrize("kind", by_name(OBJECTS), ids=lambda kind: kind.__name__)
def test_an_error_says_what_each_of_its_attributes_is(kind: type) -> None:
    assert problems(kind) == []


@pytest.mark.parametrize("kind", by_name(CHOICES), ids=lambda kind: kind.__name__)
def test_a_closed_choice_says_what_each_of_its_values_means(kind: Any) -> None:
    assert [one.value for one in kind if f"`{one.value}`" not in kind.__doc__] == []


def test_an_artifact_names_all_kinds_of_values() -> None:
    from kitaru._engine.values import saved_files, value_files

    kinds = {*value_files.EXTENSIONS, "json", saved_files.SERIALIZER, "zenml"}
    said = said_of(models.ArtifactRef)

    assert [kind for kind in kinds if f"`{kind}`" not in said["kind"]] == []
    assert [
        one for one in get_args(SaveType) if f"`{one}`" not in said["save_type"]
    ] == []


class Known(Record):
    """A record.

    Attributes:
        at: When it was.
        how: By `hand`.
        gone: What it had before.
    """

    at: datetime | None
    how: Literal["hand", "foot"]
    new: int


def test_a_field_without_a_word_is_found() -> None:
    assert sorted(problems(Known)) == [
        "at: in which zone?",
        "at: when is it None?",
        "gone: does not exist",
        "how: 'foot' is not named",
        "new: not named",
    ]


def test_a_json_schema_says_what_a_record_is_and_leaves_its_fields_to_themselves() -> (
    None
):
    described = models.Stack.model_json_schema()["description"]

    assert described == "Where flows run and where their values go."
