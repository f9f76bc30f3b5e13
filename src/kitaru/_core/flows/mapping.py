"""Rows of arguments for `map` and `product`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from kitaru._core.words.similar import shorten
from kitaru.errors import KitaruUsageError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unmapped(Generic[T]):
    """A value that every call gets whole."""

    value: T


def zipped(name: str, iterables: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return one row of arguments per element.

    Raises:
        KitaruUsageError: For unequal lengths, or if there is nothing to map over.
    """
    columns = _columns(f"{name}.map()", iterables)
    lengths = {len(column) for column in columns if column is not None}
    if len(lengths) > 1:
        shown = ", ".join(
            "unmapped" if column is None else str(len(column)) for column in columns
        )
        raise KitaruUsageError(
            f"{name}.map() got iterables of unequal lengths ({shown}); nothing was "
            "started. Wrap a value that every call gets in unmapped(...)"
        )
    (count,) = lengths
    filled = [
        itertools.repeat(given.value, count) if column is None else column
        for given, column in zip(iterables, columns, strict=True)
    ]
    return list(zip(*filled, strict=True))


def crossed(name: str, iterables: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return one row of arguments per combination.

    Raises:
        KitaruUsageError: If there is nothing to combine.
    """
    columns = _columns(f"{name}.product()", iterables)
    filled = [
        [given.value] if column is None else column
        for given, column in zip(iterables, columns, strict=True)
    ]
    return list(itertools.product(*filled))


def _columns(what: str, iterables: Sequence[Any]) -> list[list[Any] | None]:
    """Return the elements of each iterable, `None` for unmapped values."""
    columns = [_elements(what, value) for value in iterables]
    if all(column is None for column in columns):
        raise KitaruUsageError(f"{what} needs at least one iterable to map over")
    return columns


def _elements(what: str, value: Any) -> list[Any] | None:
    if isinstance(value, Unmapped):
        return None
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise KitaruUsageError(
            f"{what} cannot map over {shorten(value)}; put it into a list, or wrap it in "
            "unmapped(...) to give it whole to every call"
        )
    return list(value)
