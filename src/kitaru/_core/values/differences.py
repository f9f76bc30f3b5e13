"""Where two values differ, told as places in their JSON data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import islice, zip_longest
from typing import Any

from kitaru.models import ValueChange

ROOT = "$"
MOST = 100
# Deeper, and in longer lists, what differs is told as a whole.
_DEEPEST = 50
_LONGEST = 1000
_PLAIN_KEY = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_MISSING = object()


def of(before: Any, after: Any) -> list[ValueChange]:
    """Return the first `MOST` places at which JSON data differ; none if they do not.

    Example:
        >>> [change.path for change in of({"n": [1, 2]}, {"n": [1, 3], "m": 0})]
        ['$.n[1]', '$.m']
    """
    return list(islice(_changes(ROOT, before, after, _DEEPEST), MOST))


def as_text(value: Any) -> str:
    """Return JSON data as people read it: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else as_json(value)


def as_json(value: Any, *, indent: int | None = None) -> str:
    """Return JSON data as JSON, with letters of all languages as they are."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _changes(path: str, before: Any, after: Any, depth: int) -> Iterator[ValueChange]:
    if before is _MISSING:
        yield ValueChange(path=path, kind="added", after=after)
    elif after is _MISSING:
        yield ValueChange(path=path, kind="removed", before=before)
    elif _text(before) == _text(after):
        return
    elif depth and isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            inner = f"{path}{_step(key)}"
            one, other = before.get(key, _MISSING), after.get(key, _MISSING)
            yield from _changes(inner, one, other, depth - 1)
    elif depth and isinstance(before, list) and isinstance(after, list):
        yield from _in_lists(path, before, after, depth - 1)
    else:
        yield ValueChange(path=path, kind="changed", before=before, after=after)


def _in_lists(
    path: str, before: list[Any], after: list[Any], depth: int
) -> Iterator[ValueChange]:
    if max(len(before), len(after)) > _LONGEST:
        yield ValueChange(path=path, kind="changed", before=before, after=after)
        return
    # What was put in or taken out moves everything behind it, and changes none of that.
    texts = [_text(item) for item in before], [_text(item) for item in after]
    blocks = SequenceMatcher(None, *texts, autojunk=False).get_opcodes()
    for tag, i, i_end, j, j_end in blocks:
        if tag == "equal":
            continue
        pairs = zip_longest(before[i:i_end], after[j:j_end], fillvalue=_MISSING)
        for n, (one, other) in enumerate(pairs):
            index = j + n if one is _MISSING else i + n
            yield from _changes(f"{path}[{index}]", one, other, depth)


def _text(value: Any) -> str:
    """Return what tells values apart: 1 and true and 1.0 are three of them."""
    return json.dumps(value, sort_keys=True)


def _step(key: str) -> str:
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{json.dumps(key)}]"
