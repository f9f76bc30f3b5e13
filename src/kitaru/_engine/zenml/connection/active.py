"""Which ZenML stack and project the code of this process works with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from zenml.client import Client
from zenml.constants import ENV_ZENML_ACTIVE_STACK_ID
from zenml.models import ProjectResponse

from kitaru._core.words.similar import did_you_mean
from kitaru._engine.zenml.connection import scoped
from kitaru._engine.zenml.setup.errors import translated
from kitaru.errors import KitaruUsageError


@contextmanager
def stack(stack_id: str | None) -> Iterator[None]:
    """Make a stack the active one of this context while the `with` body runs.

    Other threads, and the user's own choice in the configuration, are not touched.
    `None` leaves the stack as it is.
    """
    if stack_id is None or stack_id == str(Client().active_stack_model.id):
        yield
        return
    with translated("looking for the stack"):
        model = Client().get_stack(UUID(stack_id))
    with scoped.on_stack(model):
        yield


def stack_environment() -> dict[str, str]:
    """Return what a process of this context needs to work with the same stack."""
    chosen = scoped.stack()
    return {ENV_ZENML_ACTIVE_STACK_ID: str(chosen.id)} if chosen is not None else {}


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


def use_project(name: str | None, *, said_by: str) -> None:
    """Make this process work in a project.

    The user's own choice in the configuration is not touched; `None` goes back to it.

    Raises:
        KitaruUsageError: If there is none of that name or id; lists those there are.
    """
    scoped.use_project(None if name is None else _project(name, said_by))


def project_id() -> str:
    """Return the id of the project this process works in."""
    with translated("looking for the project"):
        return str(Client().active_project.id)


def _project(name: str, said_by: str) -> ProjectResponse:
    with translated("looking for the project"):
        try:
            return Client().get_project(name, allow_name_prefix_match=False)
        except KeyError:
            known = [project.name for project in Client().list_projects(size=100)]
    raise KitaruUsageError(
        f"there is no project {name!r}{did_you_mean(name, known)} "
        f"(known: {', '.join(sorted(known))}); it is named by {said_by}"
    )
