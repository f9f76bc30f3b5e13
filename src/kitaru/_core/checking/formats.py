"""Formats of texts in JSON schemas: read as pydantic will, when the flow gets them."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from functools import cache
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from typing import Any
from uuid import UUID

from pydantic import AnyUrl, TypeAdapter, ValidationError

# What reads a format, what it is in words, and an example.
_KNOWN: dict[str, tuple[Any, str, str]] = {
    "date": (date, "a date", "2026-01-31"),
    "date-time": (datetime, "a date and time", "2026-01-31T09:30:00Z"),
    "time": (time, "a time of day", "09:30:00"),
    "duration": (timedelta, "a duration", "PT30M"),
    "uuid": (UUID, "a UUID", "123e4567-e89b-12d3-a456-426614174000"),
    "uri": (AnyUrl, "a URL", "https://example.com/"),
    "ipv4": (IPv4Address, "an IPv4 address", "192.0.2.1"),
    "ipv6": (IPv6Address, "an IPv6 address", "2001:db8::1"),
    "ipv4network": (IPv4Network, "an IPv4 network", "192.0.2.0/24"),
    "ipv6network": (IPv6Network, "an IPv6 network", "2001:db8::/32"),
    "ipv4interface": (IPv4Interface, "an IPv4 interface", "192.0.2.1/24"),
    "ipv6interface": (IPv6Interface, "an IPv6 interface", "2001:db8::1/32"),
}
_EMAIL = ("email", "an email address", "name@example.com")


def is_readable(name: object, text: str) -> bool:
    """Whether a text has a format; what is not known here is left to the flow."""
    reader = _reader(str(name))
    if reader is None:
        return True
    try:
        reader.validate_json(json.dumps(text), strict=True)
    except ValidationError:
        return False
    return True


def described(name: str) -> str:
    """Return a format in words, with an example: `a date such as "2026-01-31"`."""
    if name == _EMAIL[0]:
        return f'{_EMAIL[1]} such as "{_EMAIL[2]}"'
    if name not in _KNOWN:
        return f"text of the format {name!r}"
    _, words, text = _KNOWN[name]
    return f'{words} such as "{text}"'


def example(name: object) -> str | None:
    """Return a text of a format, `None` if the format is not known here."""
    if name == _EMAIL[0]:
        return _EMAIL[2]
    known = _KNOWN.get(str(name))
    return known and known[2]


@cache
def _reader(name: str) -> TypeAdapter[Any] | None:
    if name == _EMAIL[0]:
        return _email_reader()
    known = _KNOWN.get(name)
    return None if known is None else TypeAdapter(known[0])


def _email_reader() -> TypeAdapter[Any] | None:
    from pydantic import EmailStr

    try:
        return TypeAdapter(EmailStr)
    except ImportError:
        return None  # The package that reads addresses is not installed.
