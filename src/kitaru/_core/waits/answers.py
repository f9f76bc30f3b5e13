"""What a wait asks for, and whether an answer fits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from kitaru._core.checking import json_data, json_schemas, pydantic_errors, references
from kitaru._core.checking.problems import Problem, sentences, shown
from kitaru._core.checking.pydantic_schemas import Schemas
from kitaru._core.checking.references import UnusableSchemaError
from kitaru._core.words.similar import shorten
from kitaru.errors import KitaruUsageError, KitaruWaitValidationError

DEFAULT_TIMEOUT = 600.0
_WHOLE = "answer"


def answer_schema(schema: object) -> dict[str, Any] | None:
    """Return the JSON schema of the answers that `schema` takes; `None` for a gate.

    Raises:
        KitaruUsageError: If pydantic cannot make a JSON schema of it, or one against
            which no answer could be checked.
    """
    if schema is None:
        return None
    try:
        described = _adapter(schema).json_schema(schema_generator=Schemas)
    # pydantic raises many kinds of errors for types it cannot describe.
    except Exception as error:
        raise KitaruUsageError(
            f"wait(schema={shorten(schema)}) cannot be described as JSON schema "
            f"({type(error).__name__}: {shorten(str(error), 120)}); use bool, str, an "
            "Enum, a dataclass or a pydantic model"
        ) from error
    try:
        references.refuse_unusable(described)
    except UnusableSchemaError as error:
        raise KitaruUsageError(
            f"wait(schema={shorten(schema)}) has a JSON schema that no answer can be "
            f"checked against: {error}; leave that out of the type and check it in the "
            "flow"
        ) from error
    return described


def checked(name: str, schema: Mapping[str, Any] | None, value: object) -> Any:
    """Return the JSON data of an answer that fits the JSON schema of its wait.

    Args:
        name: Name of the wait.
        schema: Its JSON schema; `None` for a plain gate.
        value: JSON data, or Python values that stand for some: dates, enums, models.

    Raises:
        KitaruWaitValidationError: If it does not fit; says which field, what was
            expected and what was given.
        KitaruUsageError: If the schema itself cannot be used.
    """
    try:
        data = json_data.of(value)
    except json_data.NotJsonError as error:
        raise _refused(name, [error.problem]) from error
    if schema is None:
        if data is not None:
            nothing = "no value (the wait is a plain gate)"
            raise _refused(name, [Problem((), nothing, shown(value))])
        return None
    try:
        wrong = json_schemas.problems(schema, data)
    except UnusableSchemaError as error:
        raise KitaruUsageError(
            f"no answer can be checked against the schema of wait {name!r}: {error}; "
            "give the wait up (KitaruClient().executions.abort_wait), or cancel the "
            "execution"
        ) from error
    if wrong:
        raise _refused(name, wrong)
    return data


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
        wrong = pydantic_errors.problems(error, value)
    # A validator of the user's own may raise anything.
    except Exception as error:  # noqa: BLE001
        said = f"{type(error).__name__}: {error}"
        wrong = [Problem((), said, shown(value), link=": ")]
    raise _error(
        f"the answer to wait {name!r} was refused by its type: {_told(wrong)}; the wait "
        "is asked again",
        wrong[0],
    )


def _refused(name: str, wrong: Sequence[Problem]) -> KitaruWaitValidationError:
    return _error(
        f"the answer to wait {name!r} does not fit: {_told(wrong)}; nothing was stored, "
        "answer again",
        wrong[0],
    )


def _told(wrong: Sequence[Problem]) -> str:
    return sentences([found.sentence("" if found.path else _WHOLE) for found in wrong])


def _error(message: str, first: Problem) -> KitaruWaitValidationError:
    return KitaruWaitValidationError(
        message,
        field=first.field() or _WHOLE,
        expected=first.expected,
        got=first.got,
    )


def _adapter(schema: object) -> TypeAdapter[Any]:
    try:
        return _cached_adapter(schema)
    except TypeError:
        # Annotated types with unhashable metadata cannot be cached.
        return TypeAdapter(schema)


@lru_cache(maxsize=512)
def _cached_adapter(schema: Any) -> TypeAdapter[Any]:
    return TypeAdapter(schema)
