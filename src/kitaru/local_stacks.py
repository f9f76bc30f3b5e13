"""Local stacks from Python: list, look, use, create, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Never

from kitaru._core.settings import options
from kitaru._ops import stacks
from kitaru._ops.capabilities import SDK, Op, exposes
from kitaru.errors import KitaruUsageError
from kitaru.models import DeletedStack, Stack


@exposes(Op.STACK_LIST, on=SDK)
def list_stacks() -> list[Stack]:
    """Return all stacks of the connected store, by name."""
    return stacks.every()


@exposes(Op.STACK_SHOW, on=SDK)
def current_stack() -> Stack:
    """Return the active stack; `active_from` and `active_place` say what makes it so."""
    return stacks.current()


@exposes(Op.STACK_USE, on=SDK)
def use_stack(name: str) -> Stack:
    """Make a stack the active one: of the `zenml init` folder, else of this user.

    Raises:
        KitaruUsageError: If there is none of that name.
        KitaruStateError: If a variable of the environment decides.
    """
    _check({"name": name}, "use_stack")
    return stacks.use(name)


@exposes(Op.STACK_CREATE, on=SDK)
def create_stack(
    name: str,
    *,
    activate: bool = True,
    labels: Mapping[str, str] | None = None,
    **unknown: Never,
) -> Stack:
    """Create a local stack with an artifact store of its own; all of it or nothing.

    Remote ones are created with `kitaru stack create --type …`, or by an assistant.

    Args:
        name: Letters, digits, spaces, `_`, `-`, `.`.
        activate: Also use it.
        labels: Shown with it.
        **unknown: Refused.

    Raises:
        KitaruUsageError: If the name is taken or not valid, or for an option that is
            unknown or takes other values.
        KitaruStateError: If it cannot become the active one.

    Example:
        >>> create_stack("experiments", labels={"team": "nlp"})  # doctest: +SKIP
    """
    given = {"name": name, "activate": activate, "labels": labels, **unknown}
    if "type" in given:
        raise KitaruUsageError(
            f"create_stack(type={given['type']!r}): Python creates local stacks; for a "
            "remote one: kitaru stack create --type …"
        )
    _check(given, "create_stack")
    return stacks.create(name, activate=activate, labels=labels)


@exposes(Op.STACK_DELETE, on=SDK)
def delete_stack(
    name: str, *, recursive: bool = False, force: bool = False, **unknown: Never
) -> DeletedStack:
    """Delete a local stack.

    Args:
        name: Its name.
        recursive: Also its components that no other stack uses.
        force: Even if it is active (the default stack becomes that) or executions ran on
            it. Executions that have not ended keep it in any case.
        **unknown: Refused.

    Raises:
        KitaruUsageError: If there is none, it is not local, or the default one.
        KitaruStateError: If it is in use.
    """
    given = {"name": name, "recursive": recursive, "force": force}
    _check({**given, **unknown}, "delete_stack")
    return stacks.delete(name, recursive=recursive, force=force, local_only=True)


def _check(given: Mapping[str, object], door: str) -> None:
    known = {name: options.STACK[name] for name in given if name in options.STACK}
    options.check(given, known, door)
