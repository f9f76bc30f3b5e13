"""Which ZenML stack the code of this process works with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from zenml.client import Client
from zenml.constants import ENV_ZENML_ACTIVE_STACK_ID

from kitaru._core.similar import did_you_mean
from kitaru._engine.zenml.errors import translated
from kitaru.errors import KitaruUsageError


@contextmanager
def stack(stack_id: str | None) -> Iterator[None]:
    """Make a stack the active one while the `with` body runs; `None`: leave it.

    The user's own choice in the configuration is not touched.
    """
    if stack_id is None or stack_id == str(Client().active_stack_model.id):
        yield
        return
    before = os.environ.get(ENV_ZENML_ACTIVE_STACK_ID)
    os.environ[ENV_ZENML_ACTIVE_STACK_ID] = stack_id
    try:
        yield
    finally:
        if before is None:
            del os.environ[ENV_ZENML_ACTIVE_STACK_ID]
        else:
            os.environ[ENV_ZENML_ACTIVE_STACK_ID] = before


def stack_id(name: str) -> str:
    """Return the id of a stack.

    Raises:
        KitaruUsageError: If there is none of that name; lists the closest.
    """
    with translated("listing stacks"):
        known = {found.name: str(found.id) for found in Client().list_stacks(size=500)}
    if name not in known:
        raise KitaruUsageError(
            f"there is no stack {name!r}{did_you_mean(name, known)} "
            f"(known: {', '.join(sorted(known))})"
        )
    return known[name]
