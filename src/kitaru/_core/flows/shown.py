"""What an execution was given and gave back, as people see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kitaru._core.calls.records import StoredValue
from kitaru._core.flows.deployed import DeployedCode
from kitaru._core.secrecy import masking
from kitaru._core.settings.labels import Labels
from kitaru._core.settings.settings import Settings
from kitaru._core.values import plain_data
from kitaru._core.values.tagging import UntaggableError
from kitaru.errors import KitaruError


def details(
    inputs: StoredValue,
    result: StoredValue | None,
    settings: Settings,
    deployed: DeployedCode | None,
    labels: Labels,
    read: Callable[[StoredValue], bytes],
) -> dict[str, Any]:
    """Return the fields of an `Execution` that say so.

    Args:
        inputs: The arguments of the flow.
        result: What it returned, if it has completed.
        settings: Those that it was started with.
        deployed: The version whose code it runs.
        labels: What it is found by.
        read: Returns the bytes of a value.
    """
    said = {
        "retries": settings.retries,
        "cache": settings.cache,
        "image": settings.image.said() if settings.image else None,
        "budget": settings.budget.said() if settings.budget else None,
        "recover": settings.recover,
        "notify": settings.notify.said() if settings.notify else None,
    }
    known = {name: value for name, value in said.items() if value is not None}
    return {
        "inputs": _data(inputs, read),
        "result": None if result is None else _data(result, read),
        "settings": masking.data(known),
        "version": deployed.number if deployed else None,
        "key": labels.key,
        "tags": labels.tags,
        "attributes": masking.data(dict(labels.attributes)),
    }


def _data(value: StoredValue, read: Callable[[StoredValue], bytes]) -> Any:
    try:
        return masking.data(plain_data.of(value.serializer, read(value)))
    except (KitaruError, UntaggableError):
        # Gone or damaged, which loading it says, or readable by its classes alone.
        return None
