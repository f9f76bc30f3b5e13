"""Metadata of runs, steps, artifacts and waits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kitaru._engine.local.rows.store_rows import Transaction, new_id

# What ZenML has a type for; the rest is shown as text.
_TYPES = {
    str: "str",
    int: "int",
    float: "float",
    bool: "bool",
    dict: "dict",
    list: "list",
    tuple: "tuple",
    set: "set",
}


def attach(
    rows: Transaction, values: Mapping[str, Any], *those: tuple[str, str]
) -> None:
    """Note metadata with some resources.

    Args:
        rows: What is being written.
        values: The metadata by key.
        those: Ids of the resources, each with ZenML's name for its kind.
    """
    for key, value in values.items():
        kind = _TYPES.get(type(value))
        text = json.dumps(value, default=_plain)
        made = rows.row() | {
            "user_id": rows.user,
            "project_id": rows.project,
            "key": key,
            "value": text if kind else json.dumps(text),
            "type": kind or "str",
        }
        rows.insert("run_metadata", made)
        rows.insert(
            "run_metadata_resource",
            *(
                {
                    "id": new_id(),
                    "resource_id": resource,
                    "resource_type": of,
                    "run_metadata_id": made["id"],
                }
                for resource, of in those
            ),
        )


def _plain(value: object) -> object:
    return list(value) if isinstance(value, set | tuple) else str(value)
