"""Text that UTF-8 cannot hold, such as half of an emoji: half of a surrogate pair.

Python keeps it in a `str`; no file, database or server takes it. It is refused where it
comes in.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from kitaru._core.checking.problems import Path, Problem, shown

EXPECTED = "text that UTF-8 can hold (no half of a surrogate pair)"


def is_whole(text: str) -> bool:
    """Whether UTF-8 can hold a text."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def broken(value: object) -> Problem | None:
    """Return the first place of a value with text that UTF-8 cannot hold.

    Looks into lists, tuples, sets, mappings, dataclasses and pydantic models.
    """
    return next(_broken(value, (), set()), None)


def _broken(value: object, path: Path, above: set[int]) -> Iterator[Problem]:
    if isinstance(value, str):
        if not is_whole(value):
            yield Problem(path, EXPECTED, shown(value), "text")
        return
    parts = _parts(value)
    if parts is None or id(value) in above:
        return
    above.add(id(value))
    for key, part in parts:
        name = key if isinstance(key, int) else str(key)
        if isinstance(name, str) and not is_whole(name):
            yield Problem(path, f"an object whose keys are {EXPECTED}", shown(name))
            return
        yield from _broken(part, (*path, name), above)
    above.discard(id(value))


def _parts(value: object) -> Iterator[tuple[object, object]] | None:
    """Return what a container holds, each with its key or position."""
    if isinstance(value, Mapping):
        return iter(list(value.items()))
    if isinstance(value, list | tuple | set | frozenset):
        return iter(enumerate(value))
    if isinstance(value, BaseModel):
        return iter(list(value.__dict__.items()))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return iter([(name, getattr(value, name, None)) for name in names])
    return None
