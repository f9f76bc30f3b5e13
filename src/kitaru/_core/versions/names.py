"""Numbers and tags of deployed versions, as stores and people write them."""

from __future__ import annotations

import re
from uuid import UUID

from kitaru.errors import KitaruUsageError

DEFAULT = "default"
# Of all snapshots that are versions, so that they can be filtered in ZenML.
MARKS = ("kitaru", "kitaru-version")
_NAME = re.compile(r"v([1-9][0-9]*)(-deleted)?")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LIKE_A_VERSION = re.compile(r"v?[0-9]+")


def name_of(number: int) -> str:
    """Return the name of a version: `v3`."""
    return f"v{number}"


def mark_of(number: int) -> str:
    """Return the name that keeps a number, once its version was deleted, from being used."""
    return f"v{number}-deleted"


def read(name: str | None) -> tuple[int, bool] | None:
    """Return number and whether it was deleted; `None` for a name of somebody else's."""
    found = _NAME.fullmatch(name or "")
    return (int(found[1]), found[2] is not None) if found else None


def checked_tag(tag: object) -> str:
    """Return a tag that a version may have.

    Raises:
        KitaruUsageError: If it has other characters, is reserved, or looks like a number
            or an id.
    """
    if not isinstance(tag, str) or not _TAG.fullmatch(tag):
        raise KitaruUsageError(
            f"tag {tag!r} is not possible: a tag has up to 100 letters, digits, dots, "
            "dashes and underscores, and begins with a letter or digit, such as 'staging'"
        )
    if tag.lower().startswith("kitaru"):
        raise KitaruUsageError(
            f"tag {tag!r} is reserved: names that begin with 'kitaru' are Kitaru's own"
        )
    if _LIKE_A_VERSION.fullmatch(tag) or _is_id(tag):
        raise KitaruUsageError(
            f"tag {tag!r} looks like a version's number or id; choose a name, such as "
            "'staging'"
        )
    return tag


def checked_number(number: object) -> int:
    """Return the number of a version.

    Raises:
        KitaruUsageError: If it is none.
    """
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise KitaruUsageError(
            f"version {number!r} is not possible: versions are numbers from 1"
        )
    return number


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
