"""Which ZenML stack and project the code of this process works with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from zenml.client import Client
from zenml.constants import ENV_ZENML_ACTIVE_PROJECT_ID, ENV_ZENML_ACTIVE_STACK_ID

from kitaru._core.words.similar import did_you_mean
from kitaru._engine.zenml.setup.errors import translated
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


def stack_id(name: str, *, said_by: str | None = None) -> str:
    """Return the id of a stack.

    Args:
        name: Its name.
        said_by: The place that names it, for errors.

    Raises:
        KitaruUsageError: If there is none of that name; lists the closest.
    """
    with translated("listing stacks"):
        known = {found.name: str(found.id) for found in Client().list_stacks(size=500)}
    if name not in known:
        raise KitaruUsageError(
            f"there is no stack {name!r}{did_you_mean(name, known)} "
            f"(known: {', '.join(sorted(known))}); see them with: kitaru stack list"
            f"{f'; it is named by {said_by}' if said_by else ''}"
        )
    return known[name]


# The variable as the user had it, once a project of ours stands there.
_project_before: list[str | None] = []


def use_project(name: str | None, *, said_by: str) -> None:
    """Make this process, and those it starts, work in a project.

    The user's own choice in the configuration is not touched; `None` goes back to it.

    Raises:
        KitaruUsageError: If there is none of that name or id; lists those there are.
    """
    if name is not None:
        found = _project_id(name, said_by)
        if not _project_before:
            _project_before.append(os.environ.get(ENV_ZENML_ACTIVE_PROJECT_ID))
        os.environ[ENV_ZENML_ACTIVE_PROJECT_ID] = found
    elif _project_before:
        before = _project_before.pop()
        os.environ.pop(ENV_ZENML_ACTIVE_PROJECT_ID, None)
        if before is not None:
            os.environ[ENV_ZENML_ACTIVE_PROJECT_ID] = before


def project_id() -> str:
    """Return the id of the project this process works in."""
    with translated("looking for the project"):
        return str(Client().active_project.id)


def _project_id(name: str, said_by: str) -> str:
    with translated("looking for the project"):
        try:
            return str(Client().get_project(name, allow_name_prefix_match=False).id)
        except KeyError:
            known = [project.name for project in Client().list_projects(size=100)]
    raise KitaruUsageError(
        f"there is no project {name!r}{did_you_mean(name, known)} "
        f"(known: {', '.join(sorted(known))}); it is named by {said_by}"
    )
