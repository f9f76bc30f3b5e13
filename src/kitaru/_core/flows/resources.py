"""What the pod of an isolated checkpoint asks its platform for."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, ConfigDict, ValidationError

from kitaru._core.words.similar import did_you_mean, shorten
from kitaru.errors import KitaruUsageError
from kitaru.models import Record

_MEMORY = re.compile(r"0*[1-9][0-9]*[KMGTP]i?B")


def _cores(value: float) -> float:
    if value <= 0 or not math.isfinite(value):
        raise ValueError
    return value


def _count(value: int) -> int:
    if value < 0:
        raise ValueError
    return value


def _bytes(value: str) -> str:
    if not _MEMORY.fullmatch(value):
        raise ValueError
    return value


class Resources(Record):
    """What an isolated checkpoint needs; `None`: what the stack gives by itself.

    Attributes:
        cpu: Processor cores; `0.5` is half of one.
        gpu: Graphics processors, a whole number; 0 asks for none.
        memory: A whole number of bytes with a unit (KB, MB, GB, TB, PB, or KiB, MiB,
            GiB, TiB, PiB), such as `"4GB"` or `"512MiB"`.

    Raises:
        KitaruUsageError: For an unknown field or a value that is none of these.
    """

    # Neither `True` nor `"2"` is a number of cores.
    model_config = ConfigDict(strict=True)

    cpu: Annotated[float, AfterValidator(_cores)] | None = None
    gpu: Annotated[int, AfterValidator(_count)] | None = None
    memory: Annotated[str, AfterValidator(_bytes)] | None = None

    if not TYPE_CHECKING:
        # Type checkers know the fields; users see our errors, not pydantic's.
        def __init__(self, **fields: Any) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as error:
                raise KitaruUsageError(_SAYER + _problem(error)) from None

    def said(self) -> dict[str, Any]:
        """Return the fields that say something."""
        return self.model_dump(exclude_none=True)


_SAYER = "Resources: "
_FIELDS = tuple(Resources.model_fields)
_EXPECTED = {
    "cpu": "a number of cores above 0",
    "gpu": "a whole number, 0 or more",
    "memory": (
        "a whole number with a unit (KB, MB, GB, TB, PB or KiB, MiB, GiB, TiB, PiB), such "
        "as '4GB'"
    ),
}


def read(value: object, *, place: str) -> Resources:
    """Return checked resources.

    Args:
        value: A `Resources` or a mapping of its fields.
        place: Where the value was found, for errors.

    Raises:
        KitaruUsageError: If it is anything else, or says nothing; names place, field
            and value.
    """
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        try:
            value = Resources(**value)
        except KitaruUsageError as error:
            problem = str(error).removeprefix(_SAYER)
            raise KitaruUsageError(f"{place}: {problem}") from None
    if not isinstance(value, Resources) or not value.said():
        raise KitaruUsageError(
            f"{place} must say at least one of {', '.join(_FIELDS)}, as Resources(...) or "
            f"a mapping, got {shorten(value)}"
        )
    return value


def _problem(error: ValidationError) -> str:
    first = error.errors()[0]
    field = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return (
            f"unknown field {field!r}{did_you_mean(field, _FIELDS)} "
            f"(known: {', '.join(_FIELDS)})"
        )
    return f"{field} must be {_EXPECTED[field]}, got {shorten(first['input'])}"
