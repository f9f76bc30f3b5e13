"""The logs of checkpoints, so that ZenML shows each in its step."""

from __future__ import annotations

import logging
from pathlib import Path

from kitaru._engine.local.rows.store_rows import StoreRows, stored_id
from kitaru._engine.output import step_logs
from kitaru.errors import KitaruBackendError

logger = logging.getLogger(__name__)

_STEPS = """
SELECT s.name, s.id FROM step_run s LEFT JOIN logs l ON l.step_run_id = s.id
WHERE s.pipeline_run_id = ? AND s.status <> 'retried' AND l.id IS NULL
"""


def show(store: StoreRows, execution_id: str, log: Path, folder: Path) -> None:
    """Show what the checkpoints of an execution have printed and logged so far.

    Args:
        store: The store.
        execution_id: The execution.
        log: Its log.
        folder: Its folder in the artifact store.
    """
    files = step_logs.written(log, folder)
    if not files:
        return
    try:
        with store.transaction("showing the logs of checkpoints") as rows:
            found = rows.all(_STEPS, (stored_id(execution_id),))
            rows.insert(
                "logs",
                *(
                    rows.row()
                    | {
                        "uri": str(files[name]),
                        "source": step_logs.SHOWN_AS,
                        "project_id": rows.project,
                        "user_id": rows.user,
                        "step_run_id": step_id,
                        "artifact_store_id": stored_id(store.ground.artifact_store_id),
                    }
                    for name, step_id in found
                    if name in files
                ),
            )
    except KitaruBackendError as error:
        # Kitaru itself reads the log of the execution.
        logger.debug("%s", error, exc_info=True)
