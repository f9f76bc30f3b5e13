"""Say where things are, which settings hold, and what is broken."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kitaru._core.secrecy import masking
from kitaru._core.secrecy.redaction import HIDDEN
from kitaru._core.settings.settings import KEYS, Resolved
from kitaru._engine.journal import health as journal_health
from kitaru._engine.open import current_engine, describe_store, engine_in_use
from kitaru._engine.output import log_folders
from kitaru._engine.port.engine import ExecutionQuery
from kitaru._engine.settings import configuration, folders
from kitaru._ops import analytics, notices, packages
from kitaru._ops.analytics import AnalyticsPreference
from kitaru.errors import KitaruError, KitaruUsageError
from kitaru.models import ExecutionStatus, Record
from kitaru.version import __version__

_OURS = ("KITARU_", "ZENML_")
_TOLD_ELSEWHERE = ("zenml_version", "config_folder", "journal")
_LOCAL_STORE = "sqlite:///"


class SettingInForce(Record):
    """One setting that a new execution would get, and the place that says it."""

    key: str
    value: str
    said_by: str


class JournalState(Record):
    """What there is of the journal; counts are `None` if it cannot be read."""

    exists: bool
    size: int = 0
    executions: int | None = None
    calls: int | None = None
    unprojected: int | None = None


class Diagnosis(Record):
    """What to say in a bug report; secrets are left out.

    `problems` is what does not work; everything else was gathered all the same.
    """

    problems: tuple[str, ...]
    versions: dict[str, str]
    extras: dict[str, str]
    connection: dict[str, Any]
    journal: JournalState
    paths: dict[str, str]
    settings: tuple[SettingInForce, ...]
    environment: dict[str, str]
    analytics: AnalyticsPreference
    packages: dict[str, str] | None = None


def status() -> dict[str, Any]:
    """Return connection, stack, versions, paths, and how many executions need somebody."""
    engine = current_engine()
    counts = {
        state.value: engine.find(ExecutionQuery(status=state, size=1)).total
        for state in (ExecutionStatus.RUNNING, ExecutionStatus.WAITING)
    }
    shown = {
        key: masking.shown(value) if isinstance(value, str) else value
        for key, value in engine.describe().items()
    }
    late = len(notices.undelivered())
    return {"kitaru_version": __version__, **shown, **counts, "undelivered": late}


def info(*, all_packages: bool = False) -> Diagnosis:
    """Return everything that explains a fault, however much of it is broken.

    Args:
        all_packages: All installed packages, too.
    """
    problems: list[str] = []
    # First: whoever opens ZenML sets variables of its own.
    variables = _environment()
    connection = _connection(problems)
    return Diagnosis(
        versions=packages.versions(),
        extras=packages.extras(),
        connection=connection,
        journal=_journal(problems),
        paths=_paths(problems),
        settings=_settings(problems),
        environment=variables,
        analytics=analytics.preference(),
        packages=packages.installed() if all_packages else None,
        problems=tuple(problems),
    )


def _connection(problems: list[str]) -> dict[str, Any]:
    if engine_in_use() is None and not folders.is_set_up():
        return {"connection": "none yet: the first execution sets a local store up"}
    try:
        facts = current_engine().describe()
    except KitaruError as error:
        problems.append(masking.shown(str(error)))
        try:
            facts = describe_store()
        except KitaruError:
            # For the same reason, most likely.
            return {"connection": "broken"}
    store = str(facts.get("store"))
    if store.startswith(_LOCAL_STORE):
        health = journal_health.check(Path(store.removeprefix(_LOCAL_STORE)))
        if health.problem:
            problems.append(f"the store {store} {_ailing(health)}")
    return {
        key: masking.shown(value) if isinstance(value, str) else value
        for key, value in facts.items()
        if key not in _TOLD_ELSEWHERE
    }


def _journal(problems: list[str]) -> JournalState:
    path = folders.journal_path()
    health = journal_health.check(path)
    is_told = any(str(path) in problem for problem in problems)
    if health.problem and not is_told:
        advice = (
            "; move it away to start afresh, what ZenML has already stays available"
        )
        problems.append(
            f"the journal {path} {_ailing(health)}{advice if health.is_damaged else ''}"
        )
    counts = journal_health.journal_counts(path) if health.exists else None
    return JournalState(
        exists=health.exists,
        size=health.size,
        executions=counts.executions if counts else None,
        calls=counts.calls if counts else None,
        unprojected=counts.unprojected if counts else None,
    )


def _ailing(health: journal_health.DatabaseHealth) -> str:
    word = "is damaged" if health.is_damaged else "cannot be read"
    return f"{word}: {health.problem}"


def _paths(problems: list[str]) -> dict[str, str]:
    project = configuration.nearest_pyproject()
    folder = folders.config_folder()
    if not _is_writable(folder):
        problems.append(
            f"the configuration folder {folder} cannot be written; make it writable, or "
            "set KITARU_CONFIG_PATH to one that is"
        )
    return {
        "configuration": str(folder),
        "journal": str(folders.journal_path()),
        "logs": _log_folder(problems),
        "pyproject.toml": str(project) if project else "none",
        "kitaru": str(Path(__file__).parents[1]),
    }


def _is_writable(folder: Path) -> bool:
    """Whether a folder can be written, or made."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return os.access(there, os.W_OK | os.X_OK)


def _log_folder(problems: list[str]) -> str:
    try:
        return str(log_folders.folders()[0])
    except KitaruError as error:
        problems.append(str(error))
        return str(log_folders.default_folder())


def _settings(problems: list[str]) -> tuple[SettingInForce, ...]:
    try:
        return _listed(configuration.in_force())
    except KitaruUsageError as error:
        problems.append(f"new executions are refused: {error}")
        return ()


def _listed(resolved: Resolved) -> tuple[SettingInForce, ...]:
    values: dict[str, object] = {
        key: getattr(resolved.settings, key) for key in KEYS if key != "image"
    }
    if resolved.settings.image is not None:
        said = resolved.settings.image.said()
        if "environment" in said:
            # Names explain enough; values may be secrets whatever their names are.
            said["environment"] = dict.fromkeys(said["environment"], HIDDEN)
        values |= {f"image.{field}": value for field, value in said.items()}
    return tuple(
        SettingInForce(
            key=key,
            value=masking.shown(str(value)),
            said_by=resolved.origins[key],
        )
        for key, value in values.items()
        if value is not None
    )


def _environment() -> dict[str, str]:
    """Return the variables that mean us, secrets hidden."""
    return {
        name: _image(value) if name == "KITARU_IMAGE" else masking.setting(name, value)
        for name, value in sorted(os.environ.items())
        if name.startswith(_OURS)
    }


def _image(text: str) -> str:
    """Hide settings of an image: they hold variables; fields are listed elsewhere."""
    return HIDDEN if text.lstrip().startswith("{") else masking.shown(text)
