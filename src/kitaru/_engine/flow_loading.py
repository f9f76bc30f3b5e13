"""Find a flow by its recorded source: in this process, or by loading its module."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from weakref import WeakKeyDictionary, WeakValueDictionary

from kitaru._core import sources
from kitaru._core.flows.signals import LoadingStopped
from kitaru._core.flows.specs import CheckpointSpec, FlowSpec
from kitaru._core.settings.labels import Labels
from kitaru._core.settings.settings import Settings
from kitaru._core.sources import FlowSource
from kitaru._core.words.similar import did_you_mean
from kitaru._engine import flow_loading
from kitaru.errors import KitaruRuntimeError, KitaruStateError


@dataclass(frozen=True, slots=True)
class Declared:
    """A flow, the settings of its decorator, and what `with_options` says."""

    flow: FlowSpec
    settings: Settings
    given: Settings
    labels: Labels = Labels()  # noqa: RUF009  frozen


_declared: WeakKeyDictionary[object, Declared] = WeakKeyDictionary()
_known: WeakValueDictionary[str, FlowSpec] = WeakValueDictionary()
_checkpoints: WeakValueDictionary[str, CheckpointSpec] = WeakValueDictionary()
_lock = threading.Lock()
# Loading is one at a time: who comes second must find a whole module.
_one_load = threading.RLock()
_loaded: set[str] = set()
_only_loading = False
_loads: list[str] = []
_loading: ContextVar[bool] = ContextVar("kitaru_loading", default=False)


def register(owner: object, declared: Declared) -> None:
    """Remember a flow of this process, and the object that `@flow` made of it."""
    with _lock:
        _known[declared.flow.source.reference] = declared.flow
        _declared[owner] = declared


def declared(value: object) -> Declared | None:
    """Return the flow that an object of a module is, `None` if it is something else."""
    try:
        return _declared.get(value)
    except TypeError:
        return None  # What has no hash or takes no weak reference is no flow.


def register_checkpoint(spec: CheckpointSpec) -> None:
    """Remember a checkpoint of this process."""
    module = sources.stable_module(spec.function.__module__)
    with _lock:
        _checkpoints[f"{module}:{spec.name}"] = spec


def find_checkpoint(name: str, source: FlowSource) -> CheckpointSpec | None:
    """Return the checkpoint a flow calls by `name`: of its own module, or the only one."""
    own = _checkpoints.get(f"{source.module}:{name}")
    if own is not None:
        return own
    found = [spec for key, spec in _checkpoints.items() if key.endswith(f":{name}")]
    return found[0] if len(found) == 1 else None


def refuse_while_loading() -> None:
    """End the loading of a module that has reached a top-level `.run()`.

    Raises:
        LoadingStopped: If the running code is a module that is being loaded.
    """
    if _loading.get() or (_only_loading and _loads):
        raise LoadingStopped


def only_loading() -> None:
    """Say that this process starts no executions of its own while it loads a module.

    Threads that a module starts do not inherit what marks the loading one.
    """
    global _only_loading
    _only_loading = True


def find(source: FlowSource, *, fresh: bool = False) -> FlowSpec:
    """Return the flow that `source` names, loading its module if need be.

    Args:
        source: Where the flow comes from.
        fresh: Load again what this process loaded from files, which may have changed.

    Raises:
        KitaruRuntimeError: If it cannot be loaded; says what is missing.
    """
    with _one_load:
        if fresh:
            _forget_loaded()
        return _find(source)


def _find(source: FlowSource) -> FlowSpec:
    known = _known.get(source.reference)
    if known is not None:
        return known
    if not source.is_loadable:
        raise KitaruRuntimeError(
            f"flow {source.reference} was defined interactively or inside a function, so "
            "no other process can load it; define it at the top level of a file and run "
            "it again"
        )
    stopped = _load(source)
    found = _known.get(source.reference)
    if found is None and stopped:
        raise KitaruRuntimeError(
            f"flow {source.qualname!r} cannot be loaded: {source.file} starts another "
            "flow before it defines this one; move the .run(...) calls below "
            '`if __name__ == "__main__":`, then retry'
        )
    if found is None:
        names = [
            key.partition(":")[2]
            for key in _known
            if key.startswith(source.module + ":")
        ]
        raise KitaruRuntimeError(
            f"{source.file} has no flow {source.qualname!r} any more"
            f"{did_you_mean(source.qualname, names)}; restore it, then retry"
        )
    return found


def load_afresh(module: str, path: Path, root: Path, *, what: str) -> ModuleType:
    """Return the module of a file as the file is now.

    Args:
        module: The name to load it under.
        path: The file.
        root: The folder from which it imports its neighbours.
        what: What is loaded, for messages.

    Raises:
        KitaruRuntimeError: If it cannot be loaded; says why.
    """
    with _one_load:
        _forget_loaded()
        _import(module, path, str(root), what=what)
        return sys.modules[module]


def _load(source: FlowSource) -> bool:
    """Load the module of a flow; return whether a top-level `.run()` stopped it."""
    path = Path(source.file)
    if not path.is_file():
        raise KitaruRuntimeError(
            f"flow {source.reference} came from {path}, which does not exist any more; "
            "restore the file, then retry"
        )
    return _import(source.module, path, source.root, what=f"flow {source.reference}")


def _import(module: str, path: Path, root: str, *, what: str) -> bool:
    _check_free(module, path, what)
    _put_first(root)
    before = set(sys.modules)
    try:
        with _loading_only():
            _execute(module, path)
    except LoadingStopped:
        return True
    # The module is user code: whatever it raises while loading is the reason. A script
    # that checks its arguments at the top level exits.
    except (Exception, SystemExit) as error:
        sys.modules.pop(module, None)
        raise KitaruRuntimeError(
            f"{what} cannot be loaded: {path} raised "
            f"{type(error).__name__}: {error}; fix it, then retry"
        ) from error
    finally:
        _loaded.update(filter(_is_of_a_project, set(sys.modules) - before))
    return False


def _put_first(root: str) -> None:
    """Let modules of a project win over installed ones, and over those of other versions."""
    if sys.path[:1] != [root]:
        sys.path[:] = [root, *(folder for folder in sys.path if folder != root)]


def _is_of_a_project(module: str) -> bool:
    """Whether a module is of a user's project, not of an installed package."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if not file or module.partition(".")[0] == "kitaru":
        return False
    return not sources.is_installed(file)


def _forget_loaded() -> None:
    """Let the next load read the files of projects again."""
    for name in _loaded:
        sys.modules.pop(name, None)
        sources.script_modules.discard(name)
    with _lock:
        for specs in (_known, _checkpoints):
            for key in [key for key in specs if key.partition(":")[0] in _loaded]:
                specs.pop(key, None)
    _loaded.clear()
    importlib.invalidate_caches()


def load_script(name: str, path: Path) -> None:
    """Import a script under a module name, up to its first top-level `.run()`."""
    with _loading_only():
        try:
            _execute(name, path)
        except LoadingStopped:
            return


def _check_free(module: str, path: Path, what: str) -> None:
    """Refuse to take another module of the same name for the flow's."""
    loaded = getattr(sys.modules.get(module), "__file__", None)
    if loaded is not None and Path(loaded).resolve() != path.resolve():
        raise KitaruRuntimeError(
            f"{what} cannot be loaded: {loaded} is loaded under the "
            f"name {module!r} already; rename {path.name} and run it again"
        )


class _SourceLoader(SourceFileLoader):
    """Reads a file as it is now.

    Python tells by seconds and size whether cached bytecode is that of a file, which a
    quick fix may not change.
    """

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def _execute(name: str, path: Path) -> None:
    """Import a module under `name`, keeping what it had when loading was stopped."""
    if name in sys.modules:
        return
    parent, _, leaf = name.rpartition(".")
    if parent:
        importlib.import_module(parent)
    # The loader is given because a script may have no `.py` ending to tell it by.
    loader = _SourceLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None  # with a loader there always is one
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sources.script_modules.add(name)
    if parent:
        setattr(sys.modules[parent], leaf, module)
    loader.exec_module(module)


@contextmanager
def _loading_only() -> Iterator[None]:
    token = _loading.set(True)
    _loads.append("")
    try:
        yield
    finally:
        _loads.pop()
        _loading.reset(token)


def files_changed_since(moment: float) -> bool:
    """Whether a file of the user's project that this process imported is another now."""
    return any(
        _touched(module) > moment
        for name, module in list(sys.modules.items())
        if _is_of_a_project(name)
    )


def _touched(module: ModuleType) -> float:
    """Return when the file of a module was last changed, or put there."""
    try:
        status = Path(str(module.__file__)).stat()
    except OSError:
        return float("inf")
    return max(status.st_mtime, status.st_ctime)


def has_changed(recorded: FlowSource, now: FlowSource) -> bool:
    """Whether the file of a flow differs from when the execution began."""
    return (
        bool(recorded.code_hash and now.code_hash)
        and recorded.code_hash != now.code_hash
    )


def refuse_unloadable(source: FlowSource) -> None:
    """Refuse to continue a flow that only its own process has.

    Raises:
        KitaruStateError: If neither this process nor a new one can run it.
    """
    if source.is_loadable:
        return
    try:
        flow_loading.find(source)
    except KitaruRuntimeError as error:
        raise KitaruStateError(str(error)) from error
