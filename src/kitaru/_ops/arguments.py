"""Fit given arguments to the parameters of a flow."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from kitaru._core.flows import typing_rules
from kitaru._core.flows.specs import FlowSpec
from kitaru._core.words.similar import did_you_mean
from kitaru.errors import KitaruUsageError


def fitted(flow: FlowSpec, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by name as the annotations of a flow ask for them.

    Raises:
        KitaruUsageError: For a name that is no parameter, or a value that does not fit.
    """
    known = inspect.signature(flow.function).parameters
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in known.values())
    for name in given:
        if name not in known and not takes_any:
            raise KitaruUsageError(
                f"flow {flow.name!r} has no input {name!r}{did_you_mean(name, known)} "
                f"(it has: {', '.join(known) or 'none'})"
            )
    return {
        name: typing_rules.fit(
            flow.function, name, value, what=f"input {name!r} of flow {flow.name!r}"
        )
        for name, value in given.items()
    }


def complete(flow: FlowSpec, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a new execution.

    Raises:
        KitaruUsageError: If one is missing, unknown, or does not fit its annotation.
    """
    inputs = fitted(flow, given)
    signature = inspect.signature(flow.function)
    try:
        signature.bind(**inputs)
    except TypeError as error:
        raise KitaruUsageError(
            f"flow {flow.name!r} cannot be run with these arguments: {error}; it takes "
            f"{signature}"
        ) from None
    return inputs
