"""Settings of executions: what each place says, and which place wins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias

from kitaru._core.settings import budgets, images, notify
from kitaru._core.settings.budgets import Budget
from kitaru._core.settings.images import ImageSettings
from kitaru._core.settings.notify import Notify
from kitaru._core.settings.options import EXECUTION
from kitaru._core.words.similar import did_you_mean, shorten
from kitaru.errors import KitaruUsageError

# Whether an execution whose process died waits for a person, or goes on by itself.
Recover: TypeAlias = Literal["ask", "auto"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What one place says, or what all of them come to; `None`: nothing."""

    stack: str | None = None
    image: ImageSettings | None = None
    cache: bool | None = None
    retries: int | None = None
    project: str | None = None
    budget: Budget | None = None
    recover: Recover | None = None
    notify: Notify | None = None


KEYS = tuple(found.name for found in fields(Settings))


@dataclass(frozen=True, slots=True)
class Place:
    """Where settings are written, and what a key is called there."""

    name: str
    key: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Layer:
    """What one place says."""

    place: Place
    settings: Settings


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings in force, and the place that said each.

    `origins` has the keys of `Settings`; for image and budget, `image.<field>`.
    """

    settings: Settings = field(default_factory=Settings)
    origins: Mapping[str, str] = field(default_factory=dict)


def check(values: Mapping[str, object], place: Place) -> Settings:
    """Return checked settings; `None` says nothing.

    Raises:
        KitaruUsageError: For an unknown key, with the closest known one, or a wrong
            value; names place, key, value and what is expected.
    """
    for key in values:
        if key not in KEYS:
            raise KitaruUsageError(
                f"{place.name}: unknown setting {key!r}{did_you_mean(key, KEYS)} "
                f"(known: {', '.join(KEYS)})"
            )
    checked: dict[str, Any] = {}
    for key, value in values.items():
        if value is None:
            continue
        if key == "image":
            checked[key] = images.read(value, place=place.key(key))
            continue
        if key == "budget":
            checked[key] = budgets.read(value, place=place.key(key))
            continue
        if key == "notify":
            checked[key] = notify.read(value, place=place.key(key))
            continue
        option = EXECUTION[key]
        if not option.fits(value):
            raise KitaruUsageError(
                f"{place.key(key)} must be {option.wanted}, got {shorten(value)}"
            )
        checked[key] = value
    return Settings(**checked)


def merge(lower: Settings, upper: Settings) -> Settings:
    """Return what both say: the upper scalars replace, image fields merge."""
    nowhere = Place("", str)
    return resolve([Layer(nowhere, lower), Layer(nowhere, upper)]).settings


def resolve(layers: Iterable[Layer]) -> Resolved:
    """Return what all places come to, lowest first."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in layers:
        for key in KEYS:
            value = getattr(layer.settings, key)
            if value is None:
                continue
            place = layer.place.key(key)
            if isinstance(value, ImageSettings):
                origins |= {f"image.{field}": place for field in value.said()}
                value = images.merge(values.get(key), value)
            elif isinstance(value, Budget):
                origins |= {f"budget.{field}": place for field in value.said()}
                value = budgets.merge(values.get(key), value)
            else:
                origins[key] = place
            values[key] = value
    return Resolved(Settings(**values), origins)
