"""Set defaults for the executions of this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kitaru._engine.open import engine_in_use
from kitaru._engine.settings import configuration


def configure(values: Mapping[str, Any]) -> None:
    """Change what this process says; `None` takes a setting back.

    Raises:
        KitaruUsageError: For unknown keys, wrong values, or a project that does not
            exist; nothing was changed.
    """
    before = configuration.configured()
    configuration.configure(values)
    engine = engine_in_use()
    if "project" not in values or engine is None:
        return
    try:
        project, said_by = configuration.project()
        engine.use_project(project, said_by=said_by)
    except BaseException:
        configuration.restore(before)
        raise
