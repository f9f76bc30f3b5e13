"""Start the flow that `module_or_path:flow` names, if its file is below one folder."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kitaru._core.calls import breakpoints
from kitaru._core.flows import inputs as rules
from kitaru._core.settings import labels, options, settings
from kitaru._core.settings.labels import Labels
from kitaru._core.words.similar import did_you_mean
from kitaru._engine import flow_loading
from kitaru._engine.code import unpacked
from kitaru._engine.flow_loading import Declared
from kitaru._engine.open import current_engine
from kitaru._engine.port.engine import Launch
from kitaru._engine.settings import configuration
from kitaru._ops import executions, keys
from kitaru._ops.replays import Started
from kitaru.errors import KitaruUsageError

_EXAMPLES = "it looks like: flows/research.py:research_agent or my_package.flows:main"
# Where installers put packages; Debian has a name of its own for it.
_NOT_OURS = ("site-packages", "dist-packages")


@dataclass(frozen=True, slots=True)
class Target:
    """A file of the project, how it is imported, and the name of a flow in it."""

    file: Path
    module: str
    root: Path
    flow: str


def start_elsewhere(
    target: str,
    *,
    project: Path,
    inputs: Mapping[str, Any] | None = None,
    stack: str | None = None,
    budget: Mapping[str, Any] | None = None,
    found_by: Mapping[str, Any] | None = None,
    break_before: Sequence[str] = (),
) -> Started:
    """Start a new execution of a flow in a process of its own.

    Args:
        target: `module_or_path:flow`.
        project: The folder the flow's file has to be in.
        inputs: Arguments of the flow by name, as JSON data.
        stack: Stack to run on; the flow's own or the active one by default.
        budget: What it may spend on language models before it asks.
        found_by: Its `key`, `tags` and `attributes`.
        break_before: Checkpoints and calls before which it is to stop.

    Raises:
        KitaruUsageError: For a target outside the folder, an unknown flow, or arguments
            that do not fit; nothing was started.
        KitaruRuntimeError: If the file cannot be loaded.
    """
    wanted = found_by or {}
    options.check(wanted, options.LABELS, "run")
    stops = breakpoints.checked(break_before, "break_before")
    found = load(target, project=project)
    said = settings.check({"stack": stack, "budget": budget}, configuration.CALL)
    given = settings.merge(found.given, said)
    launch = Launch(
        flow=found.flow,
        inputs=rules.complete(found.flow, (), rules.named(inputs, "args")),
        options=configuration.for_launch(found.settings, given),
        labels=labels.merge(found.labels, Labels.from_dict(wanted)),
        break_before=stops,
    )
    return keys.start_elsewhere(
        launch.labels.key,
        found.flow.name,
        lambda: current_engine().launch_elsewhere(launch),
    )


def load(target: str, *, project: Path) -> Declared:
    """Return the flow of a target, as its file is now.

    Raises:
        KitaruUsageError: For a target outside the folder, or an unknown flow.
        KitaruRuntimeError: If the file cannot be loaded.
    """
    root = project.resolve()
    wanted = find(target, project=root)
    with _folder_kept():
        module = flow_loading.load_afresh(
            wanted.module, wanted.file, wanted.root, what=f"target {target!r}"
        )
    found = flow_loading.declared(getattr(module, wanted.flow, None))
    if found is None:
        known = [
            name for name, value in vars(module).items() if flow_loading.declared(value)
        ]
        raise KitaruUsageError(
            f"{wanted.file} has no flow {wanted.flow!r}"
            f"{did_you_mean(wanted.flow, known)} (flows: {', '.join(known) or 'none'})"
        )
    source = found.flow.source
    if not source.is_loadable:
        raise KitaruUsageError(
            f"flow {source.reference} is not defined at the top level of a file, so no "
            "other process can run it; move it there"
        )
    _check_inside(Path(source.file).resolve(), root, f"target {target!r}")
    return found


def check_execution(exec_id: str, *, project: Path) -> None:
    """Refuse to let code of an execution run whose flow is outside a folder.

    Whoever may only run flows of one project may neither retry nor answer nor replay
    those of another: each of these loads the flow's file. A deployed version was made to
    be run by everybody who can reach it, wherever it came from.

    Raises:
        KitaruUsageError: If the flow's file, or the folder it imports from, is outside.
    """
    root = project.resolve()
    full_id = executions.resolve(exec_id)
    source = current_engine().flow_source(full_id)
    if not source.is_loadable:
        return  # No file: only the process that defined it can run it.
    if unpacked.is_here(source):
        return
    _check_is_project(root)
    what = f"the flow of execution {full_id}"
    _check_inside(Path(source.file).resolve(), root, what)
    imports_from = Path(source.root).resolve()
    if not (imports_from.is_relative_to(root) or root.is_relative_to(imports_from)):
        _check_inside(imports_from, root, what)


def find(target: str, *, project: Path) -> Target:
    """Return where a target is, without loading anything.

    Raises:
        KitaruUsageError: If it names no file of the project.
    """
    _check_is_project(project)
    place, _, flow = target.strip().rpartition(":")
    if not place or not flow.isidentifier():
        raise KitaruUsageError(
            f"target {target!r} names no flow of a file; {_EXAMPLES}"
        )
    if place.endswith(".py") or "/" in place or os.sep in place:
        file = _file_of_path(place, project)
    else:
        file = _file_of_module(place, project)
    real = file.resolve()
    _check_inside(real, project, f"target {target!r}")
    module, root = _importable_as(real, project)
    return Target(real, module, root, flow)


def _check_is_project(project: Path) -> None:
    if project == Path(project.anchor):
        raise KitaruUsageError(
            "there is no project folder to run flows from; start the server in one, or "
            "with: kitaru-mcp --project DIR"
        )


def _check_inside(file: Path, project: Path, what: str) -> None:
    if not file.is_relative_to(project):
        raise KitaruUsageError(
            f"{what} is {file}, which is outside the project folder "
            f"{project}; only flows below it may be run"
        )
    if not set(_NOT_OURS).isdisjoint(file.relative_to(project).parts):
        raise KitaruUsageError(
            f"{what} is {file}, which belongs to an installed package; only "
            "the project's own flows may be run"
        )


def _file_of_path(place: str, project: Path) -> Path:
    file = project / place
    # Whether something exists outside is nobody's business.
    _check_inside(file.resolve(), project, f"target {place!r}")
    if file.is_file():
        return file
    beside = file.parent.glob("*.py") if file.parent.is_dir() else ()
    known = [str(found.relative_to(project)) for found in beside]
    raise KitaruUsageError(
        f"there is no file {place!r} in {project}{did_you_mean(place, known)}"
    )


def _file_of_module(name: str, project: Path) -> Path:
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        raise KitaruUsageError(f"{name!r} is no module name; {_EXAMPLES}")
    for folder in (project, project / "src"):
        stem = folder.joinpath(*parts)
        for file in (stem.with_suffix(".py"), stem / "__init__.py"):
            if file.is_file():
                return file
    if parts[0] in sys.modules or importlib.util.find_spec(parts[0]) is not None:
        raise KitaruUsageError(
            f"module {name!r} is not in the project folder {project}; only flows below "
            "it may be run, not those of installed packages"
        )
    known = [file.stem for file in project.glob("*.py")]
    raise KitaruUsageError(
        f"there is no module {name!r} in {project}{did_you_mean(name, known)}"
    )


def _importable_as(file: Path, project: Path) -> tuple[str, Path]:
    """Return the module name of a file, and the folder from which it is imported.

    A file outside a package goes by its own name, as when Python runs it.
    """
    parts = [] if file.name == "__init__.py" else [file.stem]
    folder = file.parent
    while (folder / "__init__.py").is_file() and folder != project:
        parts.insert(0, folder.name)
        folder = folder.parent
    if len(parts) > 1:
        return ".".join(parts), folder
    # A dot would make `v1.2.py` look like a module of a package.
    return (parts[0] if parts else folder.name).replace(".", "_"), folder


@contextmanager
def _folder_kept() -> Iterator[None]:
    """Stay in the folder of this process, whatever a module does when it is loaded."""
    before = Path.cwd()
    try:
        yield
    finally:
        os.chdir(before)
