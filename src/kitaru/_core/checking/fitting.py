"""Whether a Python value or JSON data fits an annotation, and what it is then.

| what is given | what comes out |
|---|---|
| a value of the type, by pydantic's strict rules | that very object |
| JSON data from which strict JSON rules make the type | what they make |
| both mixed, such as a dict with a `date` in it | what pydantic makes of it |
| anything else | refused, with every place that does not fit |

So a `str` is no list, `"3"` is no `int` and `1` no `bool`, but `"2026-01-31"` is a
`date` and `{"n": 1}` a model.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import SchemaError

from kitaru._core.checking import json_data, json_schemas, pydantic_errors, texts
from kitaru._core.checking.problems import Problem, shown
from kitaru._core.checking.references import UnusableSchemaError


class NotFittingError(ValueError):
    """A value that does not fit its annotation.

    Attributes:
        problems: Where, and what was expected there.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.sentence("value") for problem in problems))
        self.problems = tuple(problems)


def fit(hint: Any, value: object) -> object:
    """Return a value as an annotation asks for it.

    Every value fits an annotation that nothing can be checked by: `Any`, a protocol
    that is not `runtime_checkable`, what pydantic cannot read.

    Raises:
        NotFittingError: If it does not fit, or has text that UTF-8 cannot hold.
    """
    broken = texts.broken(value)
    if broken is not None:
        raise NotFittingError([broken])
    adapter = _adapter(hint)
    # An iterator can be read once only, and that is for the flow to do.
    if adapter is None or isinstance(value, Iterator):
        return value
    try:
        return _read(adapter, value)
    except ValidationError as error:
        raise NotFittingError(_problems(adapter, value, error)) from error
    except PydanticUserError:
        return value  # It names what is not there, such as what type checkers import.
    # A validator of the user's own may raise anything.
    except Exception as error:
        said = f"its type refuses it ({type(error).__name__}: {error})"
        problem = Problem((), said, shown(value), link=": ")
        raise NotFittingError([problem]) from error


def _read(adapter: TypeAdapter[Any], value: object) -> object:
    try:
        return _kept(value, adapter.validate_python(value, strict=True))
    except ValidationError as error:
        data = _data(value)
        if data is None:
            raise
        read = _from_json(adapter, data, otherwise=error)
    # What is mixed keeps the objects that it holds.
    return _whole(read if _is_json(value) else adapter.validate_python(value))


def _from_json(
    adapter: TypeAdapter[Any], data: object, *, otherwise: ValidationError
) -> object:
    try:
        return adapter.validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        # Of a class that no JSON stands for, a value has to be an instance.
        if any(found["type"] == "needs_python_object" for found in error.errors()):
            raise otherwise from None
        raise


def _data(value: object) -> Any:
    """Return the JSON data of a value, `None` if it stands for none."""
    try:
        return json_data.of(value)
    except (json_data.NotJsonError, RecursionError):
        return None


def _is_json(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_json, value))
    if isinstance(value, dict):
        return all(type(key) is str and _is_json(value[key]) for key in value)
    return isinstance(value, str | int | float | None) and not isinstance(value, Enum)


def _whole(read: object) -> object:
    """Return all items of an `Iterable[...]`, which pydantic checks one by one."""
    if type(read).__name__ == "ValidatorIterator":
        return list(read)  # type: ignore[call-overload]  # it is iterable
    return read


def _kept(given: object, read: object) -> object:
    """Return the caller's own object, if reading it changed nothing."""
    items = _whole(read)
    if items is not read:
        assert isinstance(given, Collection)  # iterators are not read
        return given if _same(list(given), items) else items
    return given if _same(given, read) else read


def _same(given: Any, read: Any) -> bool:
    """Whether reading made nothing else of it: the same values, all the way down."""
    if given is read:
        return True
    if not isinstance(given, type(read)):
        return False
    if isinstance(given, Mapping):
        return list(given) == list(read) and all(
            _same(given[key], read[key]) for key in given
        )
    if isinstance(given, list | tuple | deque):
        return len(given) == len(read) and all(map(_same, given, read))
    return _equal(given, read)


def _equal(given: object, read: object) -> bool:
    try:
        return bool(given == read)
    # `==` of the user's own types may raise anything, or return an array.
    except Exception:  # noqa: BLE001
        return False


def _problems(
    adapter: TypeAdapter[Any], value: object, error: ValidationError
) -> Sequence[Problem]:
    """Say what is wrong in the words of the type's JSON schema, if it has one."""
    data = _data(value)
    if data is not None or value is None:
        try:
            found = json_schemas.problems(adapter.json_schema(), data)
        except (PydanticUserError, UnusableSchemaError):
            found = []
        if found:
            return found
    return pydantic_errors.problems(error, value)


def _adapter(hint: Any) -> TypeAdapter[Any] | None:
    """Return what reads an annotation, `None` if nothing can be checked by it."""
    try:
        return _cached_adapter(hint)
    except TypeError:
        # Annotations with unhashable parts cannot be cached.
        return _made(hint)


@lru_cache(maxsize=512)
def _cached_adapter(hint: Any) -> TypeAdapter[Any] | None:
    return _made(hint)


def _made(hint: Any) -> TypeAdapter[Any] | None:
    try:
        return TypeAdapter(hint)
    except (PydanticUserError, SchemaError):
        pass
    try:
        # Of a class that pydantic does not know, a value has to be an instance.
        return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
    # Also what code of the annotation's own raises; pydantic lets all of it through.
    except Exception:  # noqa: BLE001
        return None
