"""Find a flow by its recorded source: in this process, or by loading its module."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.machinery import SourceFileLoader
from pathlib import Path
from weakref import WeakValueDictionary

from kitaru._core import sources
from kitaru._core.signals import LoadingStopped
from kitaru._core.similar import did_you_mean
from kitaru._core.sources import FlowSource
from kitaru._core.specs import CheckpointSpec, FlowSpec
from kitaru.errors import KitaruRuntimeError

_known: WeakValueDictionary[str, FlowSpec] = WeakValueDictionary()
_checkpoints: WeakValueDictionary[str, CheckpointSpec] = WeakValueDictionary()
_lock = threading.Lock()
_only_loading = False
_loads: list[str] = []
_loading: ContextVar[bool] = ContextVar("kitaru_loading", default=False)


def register(spec: FlowSpec) -> None:
    """Remember a flow of this process."""
    with _lock:
        _known[spec.source.reference] = spec


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


def find(source: FlowSource) -> FlowSpec:
    """Return the flow that `source` names, loading its module if need be.

    Raises:
        KitaruRuntimeError: If it cannot be loaded; says what is missing.
    """
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


def _load(source: FlowSource) -> bool:
    """Load the module of a flow; return whether a top-level `.run()` stopped it."""
    path = Path(source.file)
    if not path.is_file():
        raise KitaruRuntimeError(
            f"flow {source.reference} came from {path}, which does not exist any more; "
            "restore the file, then retry"
        )
    _check_free(source, path)
    if source.root not in sys.path:
        sys.path.insert(0, source.root)
    with _loading_only():
        try:
            _execute(source.module, path)
        except LoadingStopped:
            return True
        # The module is user code: whatever it raises while loading is the reason. A
        # script that checks its arguments at the top level exits.
        except (Exception, SystemExit) as error:
            sys.modules.pop(source.module, None)
            raise KitaruRuntimeError(
                f"flow {source.reference} cannot be loaded: {path} raised "
                f"{type(error).__name__}: {error}; fix it, then retry"
            ) from error
    return False


def load_script(name: str, path: Path) -> None:
    """Import a script under a module name, up to its first top-level `.run()`."""
    with _loading_only():
        try:
            _execute(name, path)
        except LoadingStopped:
            return


def _check_free(source: FlowSource, path: Path) -> None:
    """Refuse to take another module of the same name for the flow's."""
    loaded = getattr(sys.modules.get(source.module), "__file__", None)
    if loaded is not None and Path(loaded).resolve() != path.resolve():
        raise KitaruRuntimeError(
            f"flow {source.reference} cannot be loaded: {loaded} is loaded under the "
            f"name {source.module!r} already; rename {path.name} and run it again"
        )


def _execute(name: str, path: Path) -> None:
    """Import a module under `name`, keeping what it had when loading was stopped."""
    if name in sys.modules:
        return
    parent, _, leaf = name.rpartition(".")
    if parent:
        importlib.import_module(parent)
    # The loader is given because a script may have no `.py` ending to tell it by.
    loader = SourceFileLoader(name, str(path))
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


def has_changed(recorded: FlowSource, now: FlowSource) -> bool:
    """Whether the file of a flow differs from when the execution began."""
    return (
        bool(recorded.code_hash and now.code_hash)
        and recorded.code_hash != now.code_hash
    )


def main_is_interactive() -> bool:
    """Whether this process runs no file: a REPL, a notebook, `python -c`."""
    return sources.main_module_name() == "__main__"
