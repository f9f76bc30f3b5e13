"""Look at stacks, choose one, create and delete local ones."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kitaru._core.paging import cut
from kitaru._engine.open import current_engine
from kitaru.errors import KitaruFeatureNotAvailableError, KitaruUsageError
from kitaru.models import DeletedStack, Page, Stack

MAX_NAME_LENGTH = 200
LOCAL = "local"
_NAME = re.compile(r"[A-Za-z0-9][\w.\- ]*", re.ASCII)


def every() -> list[Stack]:
    """Return all stacks, by name."""
    return current_engine().stacks.all()


def find(*, page: int, size: int, limit: int | None = None) -> Page[Stack]:
    """Return one page of the stacks, by name.

    Raises:
        KitaruUsageError: For a page before the first, or an impossible size.
    """
    return cut(every(), page=page, size=size, limit=limit)


def current() -> Stack:
    """Return the active stack, and what makes it that."""
    return current_engine().stacks.active()


def get(name: str) -> Stack:
    """Return a stack.

    Raises:
        KitaruUsageError: If there is none of that name.
    """
    return current_engine().stacks.get(check_name(name))


def use(name: str) -> Stack:
    """Make a stack the active one, for this project folder or this user.

    Raises:
        KitaruUsageError: If there is none of that name.
        KitaruStateError: If a variable of the environment decides.
    """
    return current_engine().stacks.use(check_name(name))


def create(
    name: str,
    *,
    kind: str = LOCAL,
    activate: bool = True,
    labels: Mapping[str, str] | None = None,
) -> Stack:
    """Create a stack, all of it or nothing.

    Raises:
        KitaruUsageError: If the name is taken or not valid.
        KitaruFeatureNotAvailableError: For another kind than `local`.
    """
    if kind != LOCAL:
        raise KitaruFeatureNotAvailableError(
            f"this version of kitaru creates {LOCAL} stacks, not {kind!r} ones; register "
            "it with: zenml stack register"
        )
    checked = {str(key): str(value) for key, value in (labels or {}).items()}
    return current_engine().stacks.create_local(
        check_name(name), activate=activate, labels=checked
    )


def delete(
    name: str, *, recursive: bool = False, force: bool = False, local_only: bool = False
) -> DeletedStack:
    """Delete a stack.

    Args:
        name: Its name.
        recursive: Also its components that no other stack uses.
        force: Even if it is active or executions ran on it.
        local_only: Refuse others than local ones.

    Raises:
        KitaruUsageError: If there is none of that name, or it is the default one.
        KitaruStateError: If it is active or has executions, and `force` is not given.
    """
    stacks = current_engine().stacks
    if local_only and not stacks.get(check_name(name)).is_local:
        raise KitaruUsageError(
            f"stack {name!r} is not a local one; delete it with: kitaru stack delete "
            f"{name}"
        )
    return stacks.delete(check_name(name), recursive=recursive, force=force)


def check_name(name: str) -> str:
    """Return `name` if a stack may be called that.

    Raises:
        KitaruUsageError: If not.
    """
    if len(name) > MAX_NAME_LENGTH or not _NAME.fullmatch(name) or name != name.strip():
        raise KitaruUsageError(
            f"stack name {name[:40]!r} is not valid: use 1 to {MAX_NAME_LENGTH} letters, "
            "digits, spaces or _ - ., beginning with a letter or digit"
        )
    return name
