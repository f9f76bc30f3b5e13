"""Settings of requests to language models: which there are, and what fits each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from kitaru._core.words.similar import did_you_mean, shorten
from kitaru.errors import KitaruUsageError


@dataclass(frozen=True, slots=True)
class _Rule:
    fits: Callable[[object], bool]
    expected: str


def _whole(least: int) -> _Rule:
    return _Rule(
        lambda value: (
            isinstance(value, int) and not isinstance(value, bool) and value >= least
        ),
        f"a whole number from {least}",
    )


def _between(least: float, most: float) -> _Rule:
    return _Rule(
        lambda value: _is_number(value) and least <= value <= most,  # type: ignore[operator]  # a number
        f"a number from {least} to {most}",
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_ANYTHING = _Rule(lambda value: value is not None, "a value")
_SECONDS = _Rule(
    lambda value: _is_number(value) and value > 0,  # type: ignore[operator]  # a number
    "a number of seconds above 0",
)
_RULES = {
    "frequency_penalty": _between(-2, 2),
    "logit_bias": _ANYTHING,
    "max_retries": _whole(0),
    "max_tokens": _whole(1),
    "presence_penalty": _between(-2, 2),
    "request_timeout": _SECONDS,
    "seed": _Rule(lambda value: type(value) is int, "a whole number"),
    "service_tier": _ANYTHING,
    "stop_sequences": _ANYTHING,
    "temperature": _between(0, 2),
    "thinking": _ANYTHING,
    "timeout": _SECONDS,
    "top_k": _whole(1),
    "top_p": _between(0, 1),
}
# Options of one provider, such as `openai_reasoning_effort`.
_OF_PROVIDER = re.compile(
    r"(openai|anthropic|google|groq|mistral|bedrock|cohere|openrouter|xai)_[a-z0-9_]+"
)
_CREDENTIAL = re.compile(
    r"api_?key|_key$|_token$|secret|password|headers|^key$|^token$"
)


def check(name: str, value: object) -> None:
    """Check a setting of an alias.

    Raises:
        KitaruUsageError: For a name that is not known or may hold a credential, and
            for a value that no model takes.
    """
    if _CREDENTIAL.search(name):
        raise KitaruUsageError(
            f"model setting {name!r} may hold a credential; those belong into a secret, "
            "which the alias names: --secret NAME"
        )
    if name not in _RULES and not _OF_PROVIDER.fullmatch(name):
        raise KitaruUsageError(
            f"model setting {name!r} is not known{did_you_mean(name, _RULES)}; known "
            f"are {', '.join(_RULES)} and those of a provider, such as "
            "openai_reasoning_effort"
        )
    if value is None:
        raise KitaruUsageError(f"model setting {name!r} has no value")
    if expected := unfit(name, value):
        raise KitaruUsageError(
            f"model setting {name!r} must be {expected}, got {shorten(value)}"
        )


def unfit(name: str, value: object) -> str | None:
    """Return what a value of that setting must be; `None` if this one fits."""
    rule = _RULES.get(name, _ANYTHING)
    return None if rule.fits(value) else rule.expected
