"""Look at stacks, choose one, create, check and delete them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from kitaru._core.words.paging import cut
from kitaru._engine.open import current_engine
from kitaru._ops import stack_credentials
from kitaru.errors import KitaruUsageError
from kitaru.models import DeletedStack, Page, Stack, StackReport
from kitaru.stacks import files, specs
from kitaru.stacks.local import LocalSpec

MAX_NAME_LENGTH = 200
MAX_SECONDS = 600
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
    activate: bool = True,
    labels: Mapping[str, str] | None = None,
) -> Stack:
    """Create a local stack, all of it or nothing.

    Raises:
        KitaruUsageError: If the name is taken or not valid.
        KitaruStateError: If it cannot become the active one.
    """
    checked = {str(key): str(value) for key, value in (labels or {}).items()}
    spec = LocalSpec(name=check_name(name), labels=checked)
    return current_engine().stacks.create(spec.recipe(), activate=activate)


def create_from(
    settings: Mapping[str, object],
    *,
    place: str,
    activate: bool,
    only_named_credentials: bool = False,
) -> Stack:
    """Create a stack of any type, all of it or nothing.

    Args:
        settings: `type`, `name` and what the type knows, as in a file.
        place: Where they stand, for messages.
        activate: Also use it.
        only_named_credentials: Refuse credentials that are no secret and no connector.

    Raises:
        KitaruUsageError: If a setting is missing, unknown or wrong, or the name taken.
        KitaruStackIntegrationDependencyError: If packages for it are missing.
        KitaruStateError: If it cannot become the active one.
    """
    if only_named_credentials:
        stack_credentials.check_named(settings, place)
    specs.check_kind(settings, place)
    spec = specs.read(stack_credentials.fetched(settings, place), place)
    check_name(spec.name)
    return current_engine().stacks.create(spec.recipe(), activate=activate)


def settings_of(
    file: Path | None, given: Mapping[str, object | None], place: str
) -> tuple[dict[str, object], str]:
    """Return the settings of a file with those given beside it, and where they stand.

    What is given replaces what the file says. Without a file and a type it is a local
    stack.

    Raises:
        KitaruUsageError: If the file cannot be read or is no YAML.
    """
    said = {key: value for key, value in given.items() if value is not None}
    if file is None:
        return {"type": LOCAL, **said}, place
    text = stack_credentials.text_of(file, "the file of a stack")
    return {**files.parse(text, str(file)), **said}, str(file)


def verify(name: str, *, seconds: float) -> StackReport:
    """Check credentials and reachability of each component of a stack.

    Raises:
        KitaruUsageError: If there is none of that name, or no time is given.
    """
    if not 0 < seconds <= MAX_SECONDS:
        raise KitaruUsageError(
            f"--timeout {seconds:g} is not possible: use more than 0 and up to "
            f"{MAX_SECONDS} seconds"
        )
    return current_engine().stacks.verify(check_name(name), seconds=seconds)


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
