"""Who is told of waits and of how executions end: what users give, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from kitaru._core.settings import options
from kitaru._core.words.similar import did_you_mean, shorten
from kitaru.errors import KitaruUsageError

# Seconds that a receiver may take, if nobody says another number.
PATIENCE = 5.0
_SHORTEST = 1.0


@dataclass(frozen=True, slots=True)
class Notify:
    """Who is told, and how; nobody without a webhook and the alerter.

    Attributes:
        webhook: A URL that is told.
        secret: The name of the secret that its requests are signed with.
        alerter: Whether the alerter of the active stack is told.
        remind: Seconds between two reminders of an open question; `None` for none.
        timeout: Seconds that the webhook may take.
        link: What the addresses of pages of executions begin with, to be told with them.
    """

    webhook: str | None = None
    secret: str | None = None
    alerter: bool = False
    remind: float | None = None
    timeout: float = PATIENCE
    link: str | None = None

    @property
    def is_nobody(self) -> bool:
        """Whether nobody is told."""
        return self.webhook is None and not self.alerter

    def said(self) -> dict[str, Any]:
        """Return what was said, as JSON data."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        usual = Notify()
        return {k: v for k, v in found.items() if v != getattr(usual, k)}

    def __str__(self) -> str:
        told = [self.webhook] if self.webhook else []
        return " and ".join([*told, *(["the alerter"] if self.alerter else [])])


# What users give: a URL, the fields of a `Notify`, or false for nobody.
Told: TypeAlias = Notify | str | Mapping[str, Any] | Literal[False]
_KEYS = tuple(field.name for field in fields(Notify))


def read(value: object, *, place: str) -> Notify:
    """Return whom to tell, of what users give: a URL, a mapping, or false for nobody.

    Raises:
        KitaruUsageError: If that is nobody who can be told; names the place.
    """
    if isinstance(value, Notify):
        return value
    if value is False:
        return Notify()
    data = {"webhook": value} if isinstance(value, str) else value
    if not isinstance(data, Mapping):
        raise KitaruUsageError(
            f"{place} must be a URL, or a mapping such as {{'webhook': URL, 'secret': "
            f"NAME}} or {{'alerter': True}}, got {shorten(value)}"
        )
    for name in data:
        if name not in _KEYS:
            raise KitaruUsageError(
                f"{place}: unknown {name!r}{did_you_mean(str(name), _KEYS)} "
                f"(known: {', '.join(_KEYS)})"
            )
    given = {key: value for key, value in data.items() if value is not None}
    for key, value in given.items():
        wanted, fits = _RULES[key]
        if not fits(value):
            raise KitaruUsageError(
                f"{place}: {key} must be {wanted}, got {shorten(value)}"
            )
    if isinstance(given.get("remind"), timedelta):
        given["remind"] = given["remind"].total_seconds()
    found = Notify(**given)
    if found.is_nobody:
        raise KitaruUsageError(f"{place}: give a webhook, or alerter = true")
    return found


def _is_url(text: object) -> bool:
    if not isinstance(text, str):
        return False
    try:
        parts = urlsplit(text)
        # A port that is none is found by asking for it.
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
        )
    except ValueError:
        return False


def _is_pause(value: Any) -> bool:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    return options.SECONDS.fits(seconds) and bool(seconds >= _SHORTEST)


def _is_patience(value: Any) -> bool:
    return options.SECONDS.fits(value) and bool(0 < value <= 60)


_RULES = {
    "webhook": ("an http or https URL", _is_url),
    "secret": ("the name of a secret", options.TEXT.fits),
    "alerter": ("True or False", options.FLAG.fits),
    "remind": ("seconds or a timedelta, 1 s or more, at most a year", _is_pause),
    "timeout": ("seconds, more than 0, at most 60", _is_patience),
    "link": ("an http or https URL", _is_url),
}
