"""Where an execution is to stop before a call, and what people can say there."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from kitaru._core.calls.names import check_name
from kitaru._core.secrecy import masking
from kitaru._core.words.similar import cut
from kitaru.errors import KitaruUsageError

# The selector that fits every call: what `step` sets.
EVERY = "*"
_PREFIX = "break:"
_FIRST = "_1"
# Characters of an argument that a breakpoint shows.
_SHOWN = 4096


class BreakAnswer(BaseModel):
    """What somebody says at a breakpoint."""

    model_config = ConfigDict(title="Breakpoint", extra="forbid")

    action: Literal["continue", "step", "override", "stop"] = Field(
        description="continue; step: stop before the next call again; override: give the "
        "call's result without running it; stop: cancel the execution"
    )
    value: Any = Field(default=None, description="The result, for override.")


def wait_name(invocation_id: str) -> str:
    """Return the name of the wait before a call."""
    return f"{_PREFIX}{invocation_id}"


def matching(
    selectors: Collection[str], name: str, invocation_id: str
) -> tuple[str, ...]:
    """Return the selectors that mean a call: all of its checkpoint, or that call."""
    meant = {name, invocation_id, EVERY}
    if name == invocation_id:
        # As for replays: the first call shares its id with the name.
        meant.add(f"{name}{_FIRST}")
    return tuple(selector for selector in selectors if selector in meant)


def checked(selectors: object, door: str) -> tuple[str, ...]:
    """Return selectors as they were given.

    Raises:
        KitaruUsageError: If they are none, or one cannot be a checkpoint or call.
    """
    if isinstance(selectors, str) or not isinstance(selectors, Sequence):
        raise KitaruUsageError(
            f"{door}={selectors!r}: give a list of checkpoints and calls, such as "
            "['analyze', 'draft_2']"
        )
    for selector in selectors:
        if not isinstance(selector, str):
            raise KitaruUsageError(f"{door}: {selector!r} is not the name of a call")
        if selector != EVERY:
            check_name("checkpoint", selector)
    return tuple(dict.fromkeys(selectors))


def shown(arguments: Mapping[str, object]) -> dict[str, Any]:
    """Return the arguments of a call as people see them, without secrets."""
    return {name: _shown(value) for name, value in arguments.items()}


def _shown(value: object) -> Any:
    data = masking.data(value)
    with suppress(TypeError, ValueError):
        if len(json.dumps(data)) <= _SHOWN:
            return data
    # Before it is cut: half a key is no key that could be found.
    return cut(masking.text(repr(value)), _SHOWN)
