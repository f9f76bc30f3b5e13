"""Python values as the JSON data they stand for."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from numbers import Integral, Real
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pydantic import BaseModel, RootModel, SecretStr
from pydantic_core import MultiHostUrl, Url, to_jsonable_python

from kitaru._core.checking import texts
from kitaru._core.checking.problems import Path, Problem, shown

# JSON that is nested deeper is hard to read for people and ends readers of JSON.
DEEPEST = 100
LARGEST = 16_000_000
# Python reads and writes no longer numbers.
_DIGITS = 4300
_LARGEST_INTEGER = 10**_DIGITS

_TEXTS: tuple[type, ...] = (
    date,
    datetime,
    time,
    timedelta,
    Decimal,
    UUID,
    PurePath,
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    Url,
    MultiHostUrl,
)


class NotJsonError(ValueError):
    """A value that stands for no JSON data.

    Attributes:
        problem: Where, and what would be.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence("value"))
        self.problem = problem


def of(value: object) -> Any:
    """Return the JSON data that a value stands for; JSON data stands for itself.

    Dates, times, UUIDs, paths and addresses become text, enums their values, models,
    dataclasses and named tuples what they are made from.

    Raises:
        NotJsonError: For anything else, for NaN and infinity, for text that UTF-8
            cannot hold, and for more than 16 million characters.
    """
    return _Reader().read(value, ())


class _Reader:
    def __init__(self) -> None:
        self._left = LARGEST

    def read(self, value: object, path: Path) -> Any:
        self._spend(1, path, value)
        if len(path) > DEEPEST:
            raise _refused(path, f"nested at most {DEEPEST} levels deep", value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Enum):
            return self.read(value.value, path)
        for kind, read in self._KINDS:
            if isinstance(value, kind):
                return read(self, value, path)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self._dataclass(value, path)
        raise _refused(path, "JSON data, or of a type that stands for some", value)

    def _spend(self, amount: int, path: Path, value: object) -> None:
        self._left -= amount
        if self._left < 0:
            raise _refused(
                path[:1], f"smaller: {LARGEST:,} characters in all are the most", value
            )

    def _text(self, value: str, path: Path) -> str:
        self._spend(len(value), path, value)
        if not texts.is_whole(value):
            raise _refused(path, texts.EXPECTED, value)
        return str(value)

    def _integer(self, value: Any, path: Path) -> int:
        if not -_LARGEST_INTEGER < value < _LARGEST_INTEGER:
            raise NotJsonError(
                Problem(path, f"a number of at most {_DIGITS} digits", "a longer one")
            )
        return int(value)

    def _float(self, value: Any, path: Path) -> float:
        if not math.isfinite(value):
            raise _refused(path, "a finite number", value)
        return float(value)

    def _mapping(self, value: Mapping[Any, Any], path: Path) -> dict[str, Any]:
        return {
            self._key(key, path): self.read(item, (*path, str(key)))
            for key, item in value.items()
        }

    def _key(self, key: object, path: Path) -> str:
        if isinstance(key, bool) or not isinstance(key, (str, int, Enum, *_TEXTS)):
            raise _refused(path, "an object whose keys are text", key)
        read = self.read(key, path)
        return read if isinstance(read, str) else str(read)

    def _list(self, value: Any, path: Path) -> list[Any]:
        return [
            self.read(item, (*path, position)) for position, item in enumerate(value)
        ]

    def _set(self, value: Any, path: Path) -> list[Any]:
        # In an order that is the same in every process.
        return sorted(self._list(value, path), key=repr)

    def _model(self, value: BaseModel, path: Path) -> Any:
        if isinstance(value, RootModel):
            return self.read(value.root, path)
        fields = type(value).model_fields
        given = {
            _alias(name, fields[name]): getattr(value, name)
            for name in fields
            # A default that no type allows, such as `count: int = None`, was not said.
            if name in value.model_fields_set
            or getattr(value, name) is not fields[name].default
        }
        return self._mapping({**given, **(value.model_extra or {})}, path)

    def _dataclass(self, value: Any, path: Path) -> dict[str, Any]:
        fields = [field for field in dataclasses.fields(value) if field.init]
        return self._mapping({f.name: getattr(value, f.name) for f in fields}, path)

    def _secret(self, value: SecretStr, path: Path) -> str:
        return self._text(value.get_secret_value(), path)

    def _standing_text(self, value: object, path: Path) -> str:
        return self._text(str(to_jsonable_python(value)), path)

    # The first that fits counts: a named tuple is a tuple, a `datetime` a `date`.
    _KINDS: tuple[tuple[Any, Callable[[Any, Any, Path], Any]], ...] = (
        (str, _text),
        # Those of numpy as well.
        (Integral, _integer),
        (Real, _float),
        (Mapping, _mapping),
        (list | tuple, _list),
        (set | frozenset, _set),
        (BaseModel, _model),
        (SecretStr, _secret),
        (_TEXTS, _standing_text),
    )


def _alias(name: str, field: Any) -> str:
    """Return the name under which a model reads one of its fields."""
    wanted = field.validation_alias or field.alias
    return wanted if isinstance(wanted, str) else name


def _refused(path: Path, expected: str, value: object) -> NotJsonError:
    return NotJsonError(Problem(path, expected, shown(value), "json"))
