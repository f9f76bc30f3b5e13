"""Where settings come from: pyproject.toml, the environment, and this process.

Nothing is read before an execution starts or the engine opens.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kitaru._core.settings import settings
from kitaru._core.settings.pyproject import kitaru_table
from kitaru._core.settings.settings import Layer, Place, Resolved, Settings
from kitaru._core.words.similar import shorten
from kitaru.errors import KitaruUsageError

FILE = "pyproject.toml"


def _variable(key: str) -> str:
    return f"KITARU_{key.upper()}"


DECORATOR = Place("@flow", "@flow({}=...)".format)
CALL = Place("call", "run({}=...)".format)
_ENVIRONMENT = Place("environment", _variable)
_CONFIGURE = Place("configure()", "configure({}=...)".format)
_BOOLEANS = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(
    ("0", "false", "no", "off"), False
)
# What `configure()` has said in this process.
_process = Settings()


def for_launch(declared: Settings, given: Settings) -> Resolved:
    """Return the settings of a new execution.

    Args:
        declared: What the decorator says.
        given: What the call says.

    Raises:
        KitaruUsageError: If pyproject.toml or the environment says what cannot be.
    """
    return settings.resolve([*layers(), Layer(DECORATOR, declared), Layer(CALL, given)])


def for_replay(recorded: Settings, given: Settings, *, source: str) -> Resolved:
    """Return the settings of a replay: those of its source, and what the call says."""
    place = Place(
        source,
        lambda key: (
            f"execution {source}, whose settings a replay keeps; in Python, "
            f".replay(..., {key}=...) gives another"
        ),
    )
    return settings.resolve([Layer(place, recorded), Layer(CALL, given)])


def in_force() -> Resolved:
    """Return what an execution of a bare `@flow` would get now."""
    return settings.resolve(layers())


def project() -> tuple[str | None, str]:
    """Return the project this process is to work in, and the place that says so.

    Nothing else is read or checked: who looks at executions, or goes on with one, must
    not be stopped by a setting for new ones.
    """
    if _process.project:
        return _process.project, _CONFIGURE.key("project")
    variable = _variable("project")
    if name := os.environ.get(variable, "").strip():
        return name, variable
    path, table = _nearest_table()
    wanted = {"project": table["project"]} if "project" in table else {}
    place = _file(path)
    return settings.check(wanted, place).project, place.key("project")


def layers() -> list[Layer]:
    """Return what the places outside the code say, lowest first."""
    return [
        *_pyproject(),
        Layer(_ENVIRONMENT, from_environment(os.environ)),
        Layer(_CONFIGURE, _process),
    ]


def configured() -> Settings:
    """Return what `configure()` has said in this process."""
    return _process


def restore(before: Settings) -> None:
    """Take back what `configure` changed."""
    global _process
    _process = before


def configure(values: Mapping[str, object]) -> None:
    """Change what this process says: `None` takes a setting back.

    Raises:
        KitaruUsageError: For unknown keys and wrong values; nothing was changed.
    """
    global _process
    checked = settings.check(values, _CONFIGURE)
    kept = {
        key: getattr(checked if key in values else _process, key)
        for key in settings.KEYS
    }
    _process = Settings(**kept)


def nearest_pyproject() -> Path | None:
    """Return the pyproject.toml that counts for this process."""
    try:
        return find_pyproject(Path.cwd())
    except FileNotFoundError:
        # The folder was removed under the process; there is no project any more.
        return None


def find_pyproject(start: Path) -> Path | None:
    """Return the nearest pyproject.toml, from a folder upwards."""
    for folder in (start, *start.parents):
        path = folder / FILE
        if path.is_file():
            return path
    return None


def read_pyproject(path: Path) -> Mapping[str, Any] | None:
    """Return the table `[tool.kitaru]` of a file, `None` if it has none.

    Raises:
        KitaruUsageError: If the file cannot be read, is no TOML, or holds something
            else under that name.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KitaruUsageError(f"{path} cannot be read: {error}") from error
    return kitaru_table(text, path=path)


def from_environment(variables: Mapping[str, str]) -> Settings:
    """Return what `KITARU_STACK` and its like say; empty ones say nothing.

    Raises:
        KitaruUsageError: If a value does not fit; names the variable.
    """
    values: dict[str, object] = {}
    for key in settings.KEYS:
        text = variables.get(_variable(key), "").strip()
        if text:
            values[key] = _PARSERS.get(key, str)(text)
    return settings.check(values, _ENVIRONMENT)


def _pyproject() -> list[Layer]:
    path, table = _nearest_table()
    place = _file(path)
    return [Layer(place, settings.check(table, place))]


def _nearest_table() -> tuple[Path, Mapping[str, Any]]:
    """Return the nearest pyproject.toml, and `[tool.kitaru]` in it."""
    path = nearest_pyproject()
    if path is None:
        return Path(FILE), {}
    return path, read_pyproject(path) or {}


def _file(path: Path) -> Place:
    return Place(f"{path} [tool.kitaru]", lambda key: f"{path}: tool.kitaru.{key}")


def _boolean(text: str) -> object:
    return _BOOLEANS.get(text.lower(), text)


def _number(text: str) -> object:
    try:
        return int(text)
    except ValueError:
        return text


def _image(text: str) -> object:
    if not text.startswith(("{", "[", '"')):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise KitaruUsageError(
            "KITARU_IMAGE is neither the name of an image nor JSON "
            f"({error.msg} at character {error.pos}): {shorten(text)}"
        ) from None


def _budget(text: str) -> object:
    try:
        said = json.loads(text)
    except json.JSONDecodeError:
        return text
    # A number alone means dollars.
    return said if isinstance(said, dict) else {"usd": said}


def _notify(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        # The address of a webhook.
        return text


_PARSERS = {
    "cache": _boolean,
    "retries": _number,
    "image": _image,
    "budget": _budget,
    "notify": _notify,
}
