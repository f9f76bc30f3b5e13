"""What decorators, calls and adapters can be told: every option, and what it takes.

The same word takes the same values wherever it stands; a door says which words it knows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kitaru._core.words.similar import closest, shorten
from kitaru.errors import KitaruUsageError

_ATTRIBUTE = re.compile(r"[A-Za-z_][\w.-]{0,99}", re.ASCII)
_NO_ID = re.compile(r"[^0-9a-fA-F-]")
# More is a mistake in the unit, and more than timers of the system can take.
MOST_SECONDS = 366.0 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Option:
    """What an option takes, in words for people and as a test."""

    wanted: str
    fits: Callable[[Any], bool]

    def or_none(self) -> Option:
        """Return the same option where `None` says that nothing is said."""
        return Option(
            f"{self.wanted}, or None", lambda value: value is None or self.fits(value)
        )


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and -math.inf < value < math.inf


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_seconds(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= MOST_SECONDS


def _is_patience(value: Any) -> bool:
    """Whether somebody can wait so long; without an end, too."""
    return value == math.inf or (_is_number(value) and value >= 0)


def _is_span_or_moment(value: Any) -> bool:
    if isinstance(value, datetime):
        return value.utcoffset() is not None
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    return _is_seconds(seconds)


def _is_later(value: Any) -> bool:
    """Whether it can be later than now; of a moment nobody knows that yet."""
    return _is_span_or_moment(value) and value not in (0, timedelta(0))


def _are_exceptions(value: object) -> bool:
    return isinstance(value, tuple) and all(
        isinstance(kind, type) and issubclass(kind, Exception) for kind in value
    )


def _are_labels(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(part, str) for item in value.items() for part in item
    )


def _is_key(value: object) -> bool:
    return _is_text(value) and isinstance(value, str) and len(value) <= 250


def _are_tags(value: object) -> bool:
    return isinstance(value, list | tuple | set | frozenset) and all(
        _is_text(tag) and _is_tag(tag) for tag in value
    )


def _is_tag(tag: str) -> bool:
    # ZenML refuses ids, and `kitaru` is what it knows executions by.
    is_id = len(tag.replace("-", "")) == 32 and not _NO_ID.search(tag)
    return len(tag) <= 100 and tag.strip().lower() != "kitaru" and not is_id


def _are_attributes(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str)
        and _ATTRIBUTE.fullmatch(name)
        and not name.startswith("kitaru_")
        and (isinstance(one, bool | str) or _is_number(one))
        and len(str(one)) <= 1000
        for name, one in value.items()
    )


def one_of(*names: str) -> Option:
    """Return an option that takes one of some words."""
    wanted = " or ".join(repr(name) for name in names)
    return Option(wanted, lambda value: isinstance(value, str) and value in names)


TEXT = Option("a text that is not empty", _is_text)
FLAG = Option("True or False", lambda value: isinstance(value, bool))
SECONDS = Option("seconds, 0 or more, at most a year", _is_seconds)
MAPPING = Option("a mapping", lambda value: isinstance(value, Mapping))
FUNCTION = Option("a function", callable)

EXECUTION: Mapping[str, Option] = {
    "stack": Option("the name of a stack", _is_text),
    "project": Option("the name of a project", _is_text),
    "cache": Option("true or false", lambda value: isinstance(value, bool)),
    "retries": Option("a whole number, 0 or more", _is_count),
    "recover": one_of("ask", "auto"),
}
# Their rules, which name the field that is wrong, have files of their own.
_IMAGE = Option("an image", lambda value: True)
_BUDGET = Option("a budget", lambda value: True)
_NOTIFY = Option("whom to tell", lambda value: True)
FLOW: Mapping[str, Option] = {
    "stack": EXECUTION["stack"],
    "image": _IMAGE,
    "cache": EXECUTION["cache"],
    "retries": EXECUTION["retries"],
    "budget": _BUDGET,
    "recover": EXECUTION["recover"],
    "notify": _NOTIFY,
}
# What an execution is found by; see `_core/settings/labels`.
LABELS: Mapping[str, Option] = {
    "key": Option("a text of at most 250 characters", _is_key).or_none(),
    "tags": Option(
        "a list of texts of at most 100 characters, not 'kitaru' and no ids", _are_tags
    ).or_none(),
    "attributes": Option(
        "a mapping from names (letters, digits, _ . -) to texts, numbers, True or False",
        _are_attributes,
    ).or_none(),
}
# How a call is run as a checkpoint, by whomever it is made.
CALL: Mapping[str, Option] = {
    "retries": EXECUTION["retries"],
    "retry_delay": SECONDS,
    "retry_backoff": Option(
        "a number, 1 or more", lambda value: _is_number(value) and value >= 1
    ),
    "retry_on": Option("a tuple of exception classes", _are_exceptions),
    "timeout": Option(
        "seconds, more than 0, at most a year",
        lambda value: _is_seconds(value) and value > 0,
    ).or_none(),
    "type": TEXT,
}
CHECKPOINT: Mapping[str, Option] = {
    **CALL,
    "type": TEXT.or_none(),
    "runtime": one_of("inline", "isolated").or_none(),
    # Likewise.
    "resources": Option("resources", lambda value: True),
    "cache": FLAG.or_none(),
}
_ANY = Option("anything", lambda value: True)
_TEXT_OR_EMPTY = Option("a text", lambda value: isinstance(value, str))
EXPIRES = Option(
    "seconds, a timedelta, or a datetime with a time zone; more than 0, at most a year",
    _is_later,
)
WAIT: Mapping[str, Option] = {
    # What pydantic can describe is for pydantic to say.
    "schema": _ANY,
    "name": TEXT.or_none(),
    "question": _TEXT_OR_EMPTY.or_none(),
    "timeout": Option("seconds, 0 or more", _is_patience).or_none(),
    "metadata": MAPPING.or_none(),
    "expires": EXPIRES.or_none(),
    # Whether it fits is for the schema to say.
    "default": _ANY,
    # What a webhook is, is the rule of notices.
    "notify": _ANY,
}
SLEEP: Mapping[str, Option] = {
    "until": Option(
        "seconds or a timedelta, 0 or more and at most a year, or a datetime with a "
        "time zone",
        _is_span_or_moment,
    ),
    "timeout": Option("seconds, 0 or more", _is_patience).or_none(),
}
LLM: Mapping[str, Option] = {
    # These are told by the rules of models.
    "model": _ANY,
    "temperature": _ANY,
    "max_tokens": _ANY,
    "system": _TEXT_OR_EMPTY.or_none(),
    "name": TEXT.or_none(),
}
STACK: Mapping[str, Option] = {
    # What a name looks like, an empty one too, is the rule of stacks.
    "name": Option("the name of a stack", lambda value: isinstance(value, str)),
    "activate": FLAG,
    "labels": Option("a mapping from names to texts", _are_labels).or_none(),
    "recursive": FLAG,
    "force": FLAG,
}
REPLAY: Mapping[str, Option] = {
    "exec_id": Option("the id of an execution", _is_text),
    "from_": Option("a checkpoint: its name, invocation id or call id", _is_text),
    "reuse_waits": FLAG,
}


def refuse_positional(
    given: Sequence[object], known: Mapping[str, Option], door: str
) -> None:
    """Refuse options that were given without their names.

    Raises:
        KitaruUsageError: If there are any; says how options are given.
    """
    if given:
        shown = ", ".join(shorten(value, 30) for value in given)
        raise KitaruUsageError(
            f"{door}({shown}): options are given by name, as {door}({next(iter(known))}="
            f"…) (known: {', '.join(known)})"
        )


def check(
    given: Mapping[str, object],
    known: Mapping[str, Option],
    door: str,
    *,
    is_call: bool = True,
) -> None:
    """Refuse an option that a door does not know, or a value that it does not take.

    Args:
        given: What somebody said, by option.
        known: The options of the door.
        door: What was called, such as `checkpoint`, or what holds the options.
        is_call: Whether it was called.

    Raises:
        KitaruUsageError: For the first that is wrong; names door, option, value and
            what is right.
    """
    for name, value in given.items():
        where = f"{door}({name}={shorten(value, 30)})" if is_call else door
        option = known.get(name)
        if option is None:
            # One at most: of several, the first is what was meant.
            near = closest(str(name), known, limit=1)
            hint = (
                f"; did you mean {near[0]!r}?"
                if near
                else f" (known: {', '.join(known)})"
            )
            raise KitaruUsageError(f"{where}: unknown option {name!r}{hint}")
        if not option.fits(value):
            raise KitaruUsageError(
                f"{where}: {name} must be {option.wanted}, got {shorten(value)}"
            )
