"""`configure`: settings for the executions of this process."""

from __future__ import annotations

from collections.abc import Mapping
from types import EllipsisType
from typing import Any, Never

from kitaru._core.settings.budgets import Budget
from kitaru._core.settings.images import ImageSettings as ImageSettings
from kitaru._core.settings.notify import Told
from kitaru._core.settings.settings import Recover
from kitaru._ops import settings
from kitaru._ops.capabilities import SDK, Op, exposes


@exposes(Op.CONFIGURE, on=SDK)
def configure(
    *,
    stack: str | EllipsisType | None = ...,
    image: ImageSettings | Mapping[str, Any] | str | EllipsisType | None = ...,
    cache: bool | EllipsisType | None = ...,
    retries: int | EllipsisType | None = ...,
    project: str | EllipsisType | None = ...,
    budget: Budget | Mapping[str, Any] | EllipsisType | None = ...,
    recover: Recover | EllipsisType | None = ...,
    notify: Told | EllipsisType | None = ...,
    **unknown: Never,
) -> None:
    """Set defaults for the executions that this process starts from now on.

    They win over `pyproject.toml` and the environment; `@flow(...)` and the call win
    over them. What is left out stays as it is, `None` takes a setting back. Executions
    that exist already keep their settings.

    Args:
        stack: Stack to run on.
        image: Container image, for remote stacks; its fields merge with what other
            places say.
        cache: Default of `cache` for checkpoints.
        retries: Default of `retries` for checkpoints.
        project: ZenML project that this process works in; the stored choice stays.
        budget: What an execution may spend on language models before it asks.
        recover: `auto`: an execution goes on by itself after its process died.
        notify: Who is told of waits and ends, as in `@flow(notify=...)`.
        **unknown: Refused.

    Raises:
        KitaruUsageError: For an unknown setting or a value that does not fit; nothing
            was changed. For a project that does not exist, at first use if nothing
            was used yet.

    Example:
        >>> import kitaru
        >>> kitaru.configure(retries=2, cache=False)
        >>> kitaru.configure(retries=None, cache=None)
    """
    given: dict[str, Any] = {
        "stack": stack,
        "image": image,
        "cache": cache,
        "retries": retries,
        "project": project,
        "budget": budget,
        "recover": recover,
        "notify": notify,
        **unknown,
    }
    settings.configure({key: v for key, v in given.items() if v is not ...})
