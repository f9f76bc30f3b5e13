"""Ids of the calls an agent makes: the same each time its flow runs.

| call | id |
|---|---|
| a run of an agent | `researcher.r1` |
| its second model request | `researcher.r1.s2.model` |
| the first tool call of its first answer | `researcher.r1.s1.t0.search` |
| the same tool call done again, after an approval | `researcher.r1.s1.t0.search.2` |
| a run inside a tool that is no checkpoint | `researcher.r1.s1.t0.ask/helper.r1` |

The order in which parallel calls start or end is different each time; it is nowhere in
an id. Their place in the model's answer is, and that answer is a stored result.
"""

from __future__ import annotations

import hashlib
import re
import threading

from kitaru._core.calls.names import MAX_NAME_LENGTH

_NOT_ALLOWED = re.compile(r"[^\w.:\-\[\] ]+")
# Room for a step, a tool and a count behind the longest id of a run.
_LONGEST_RUN = MAX_NAME_LENGTH - 100
_LONGEST_PART = 60
# Room for a count.
_LONGEST_CALL = MAX_NAME_LENGTH - 10


def clean(name: str) -> str:
    """Return a name of the user's or the framework's as it may stand in an id."""
    text = _NOT_ALLOWED.sub("_", name).strip() or "_"
    return _shortened(text, _LONGEST_PART)


def run(agent: str, ordinal: int, *, within: str = "") -> str:
    """Return the id of a run: the how-manieth of that agent, and where."""
    place = f"{within}/" if within else ""
    return _shortened(f"{place}{clean(agent)}.r{ordinal}", _LONGEST_RUN)


def step(run_id: str, number: int, operation: str) -> str:
    """Return the id of something a run does once in a step, such as `model`."""
    return f"{run_id}.s{number}.{operation}"


def tool_call(run_id: str, number: int, *, index: int | None, tool: str) -> str:
    """Return the id of a tool call by its place in the model's answer."""
    place = "t" if index is None else f"t{index}"
    return f"{run_id}.s{number}.{place}.{clean(tool)}"


def repeated(call_id: str, occurrence: int) -> str:
    """Return the id of a call that is made more than once."""
    return call_id if occurrence == 1 else f"{call_id}.{occurrence}"


def shortened(call_id: str) -> str:
    """Return an id made of other names, cut to what an id of a call may be long."""
    return _shortened(call_id, _LONGEST_CALL)


class Ordinals:
    """Counts how often each key was asked for; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}

    def next(self, key: str) -> int:
        """Return 1 for the first time, 2 for the second."""
        with self._lock:
            count = self._counts[key] = self._counts.get(key, 0) + 1
            return count


def _shortened(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    return f"{text[: limit - 11]}-{digest}"
