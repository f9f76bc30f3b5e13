"""Clean up: say what would go, and let it go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from kitaru._core.upkeep import retention
from kitaru._core.words import moments
from kitaru._engine.open import current_engine
from kitaru._engine.port.cleaning import GONE
from kitaru._engine.settings import configuration
from kitaru.models import Cleaned, CleanPlan, CleanScope, KeptItem


def plan_clean(
    scope: CleanScope,
    *,
    folder: Path | None = None,
    older_than: str | timedelta | None = None,
    keep: int | None = None,
) -> CleanPlan:
    """Return what cleaning would remove and what it would keep; nothing changes.

    Args:
        scope: What it is about.
        older_than: Only executions that began longer ago than this, such as `30d`.
        keep: So many of the newest stay.
        folder: The project folder for the scope `project`: that of the nearest
            pyproject.toml, else the current folder.

    Raises:
        KitaruUsageError: If one of these means nothing.
    """
    age = None
    if older_than is not None:
        age = moments.span(older_than, option="older_than")
    wanted = retention.checked(age, keep)
    return current_engine().maintenance.plan(scope, folder or project_folder(), wanted)


def clean(
    plan: CleanPlan, *, progress: Callable[[int, int], None] | None = None
) -> Cleaned:
    """Remove what a plan names, as far as nobody needs it by now.

    Args:
        plan: From `plan_clean`.
        progress: Told how many of how many are done.
    """
    maintenance = current_engine().maintenance
    # Somebody may have thought about the plan for long.
    folder = Path(plan.folder) if plan.folder else project_folder()
    now = maintenance.plan(plan.scope, folder, plan.retention)
    named = {item.exec_id for item in plan.items}
    items = [item for item in now.items if item.exec_id in named]
    kept = [item for item in now.kept if item.exec_id in named]
    removed = 0
    size = 0
    for number, item in enumerate(items, 1):
        reason = maintenance.remove(item, now)
        if reason is None:
            removed += 1
            size += item.size
        elif reason != GONE:
            kept.append(
                KeptItem(exec_id=item.exec_id, flow_name=item.flow_name, reason=reason)
            )
        if progress is not None:
            progress(number, len(items))
    stray = maintenance.remove_stray_logs() if plan.stray_logs else 0
    half_written = maintenance.remove_half_written() if plan.half_written else 0
    unused_code = maintenance.remove_unused_code() if plan.unused_code else 0
    return Cleaned(
        scope=plan.scope,
        with_runs=now.with_runs,
        removed=removed,
        stray_logs=stray,
        half_written=half_written,
        unused_code=unused_code,
        size=size,
        kept=tuple(kept),
        compacted=maintenance.compact() if removed else True,
    )


def project_folder() -> Path:
    """Return the folder of the nearest pyproject.toml, else the current one."""
    here = Path.cwd()
    found = configuration.find_pyproject(here)
    return found.parent if found else here
