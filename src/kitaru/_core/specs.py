"""What a decorated function asks for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from kitaru._core import sources

Runtime = Literal["inline", "isolated"]


@dataclass(frozen=True)
class CheckpointSpec:
    """A checkpoint as declared."""

    name: str
    function: Callable[..., Any]
    retries: int = 0
    type: str | None = None
    runtime: Runtime = "inline"
    cache: bool = False

    @cached_property
    def signature(self) -> inspect.Signature:
        """The signature of the user's function."""
        return inspect.signature(self.function)

    @cached_property
    def code_hash(self) -> str:
        """A hash of the user's source."""
        return sources.code_hash(self.function)


@dataclass(frozen=True)
class CallOptions:
    """What one call adds: an id of its own, and calls it comes after."""

    id: str | None = None
    after: tuple[object, ...] = ()


@dataclass(frozen=True)
class FlowSpec:
    """A flow as declared."""

    name: str
    function: Callable[..., Any]
    source: sources.FlowSource

    @property
    def is_async(self) -> bool:
        """Whether the body is an `async def`."""
        return inspect.iscoroutinefunction(self.function)


@dataclass(frozen=True)
class WaitRequest:
    """What `wait()` was called with."""

    schema: object = None
    name: str | None = None
    question: str | None = None
    timeout: float = 600.0
    metadata: dict[str, Any] = field(default_factory=dict)
