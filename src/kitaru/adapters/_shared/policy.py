"""What is kept of an agent's calls beside the results that a rerun needs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pydantic_core import to_jsonable_python

from kitaru._core.flows import scope
from kitaru._core.secrecy import masking
from kitaru._core.secrecy.redaction import HIDDEN
from kitaru._core.settings import options
from kitaru.primitives import SaveType, save

_OPTIONS = {
    **dict.fromkeys(
        ("prompts", "responses", "tool_arguments", "tool_results", "usage"),
        options.FLAG,
    ),
    "redact": options.FUNCTION.or_none(),
}
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class CapturePolicy:
    """What to keep for people to look at, as artifacts of each call.

    Results that a retry or a replay needs are always kept, exactly as they are: the
    model's answers and what tools returned. This is about the rest. Secrets are taken
    out of it first.

    Attributes:
        prompts: What is new in the messages sent to a model.
        responses: The model's answer as text, beside the exact one.
        tool_arguments: What a tool was called with.
        tool_results: What it returned, once more and without secrets.
        usage: Tokens and cost, summed up in `Execution.usage`.
        redact: Further redaction: gets JSON data, returns what may be kept; `None` for
            no more than Kitaru's own.

    Example:
        >>> CapturePolicy(prompts=False).prompts
        False
    """

    prompts: bool = True
    responses: bool = True
    tool_arguments: bool = True
    tool_results: bool = False
    usage: bool = True
    redact: Callable[[Any], Any] | None = None

    if not TYPE_CHECKING:
        # Type checkers know the fields; the generated `__init__` refuses without a word
        # about names that are nearly right.
        def __new__(cls, **given: Any) -> Self:
            """Refuse an option that is unknown, or a value that one does not take."""
            options.check(given, _OPTIONS, "CapturePolicy")
            return super().__new__(cls)

    def keep(self, name: str, value: object, *, type: SaveType) -> None:
        """Save a value beside the result of the running checkpoint, without secrets."""
        here = scope.current()
        if here is None or here.call is None:
            return
        # A further attempt of a sub-agent's call may come to the same name.
        if all(artifact.name != name for artifact in here.call.artifacts):
            save(name, self.cleaned(value), type=type)

    def cleaned(self, value: object) -> Any:
        """Return a value as JSON data without secrets."""
        plain = masking.recorded(to_jsonable_python(value, fallback=_described))
        if self.redact is None:
            return plain
        try:
            return to_jsonable_python(self.redact(plain), fallback=_described)
        # A mistake in the user's hook must neither end the run nor leak the value.
        except Exception:
            _LOGGER.exception("the redact hook of a CapturePolicy failed")
            return HIDDEN


def _described(value: object) -> str:
    return f"<{type(value).__qualname__}>"
