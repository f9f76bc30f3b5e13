"""References to flows and classes: `module:qualname`, stable across processes.

A script is called `__main__` while it runs and by its file's name when another
process loads it. Stored references always use the latter.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
import sysconfig
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any


@dataclass(frozen=True, slots=True)
class FlowSource:
    """Where a flow comes from.

    `file` is empty for code that no other process can load: a REPL, a notebook,
    `python -c`, or a flow defined inside a function.
    """

    module: str
    qualname: str
    file: str = ""
    root: str = ""
    code_hash: str = ""

    @property
    def is_loadable(self) -> bool:
        """Whether another process can import the flow."""
        return bool(self.file) and "<" not in self.qualname

    @property
    def reference(self) -> str:
        """`module:qualname`."""
        return f"{self.module}:{self.qualname}"

    def to_dict(self) -> dict[str, str]:
        """Return plain JSON data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> FlowSource:
        """Return the source written by `to_dict`."""
        return cls(**{key: str(value) for key, value in data.items()})


# Names of scripts that this process has loaded as modules.
script_modules: set[str] = set()
# Classes of scripts that are not loaded here, by reference: values brought copies along.
class_copies: dict[str, type] = {}
_main_stands_for: list[str] = []
_hashed: dict[str, str] = {}


def main_stands_for(name: str) -> None:
    """Say that what came from `__main__` here belongs to the main script `name`.

    A process that runs a part of another one has a main module of its own.
    """
    _main_stands_for[:] = [name]


def main_module_name() -> str:
    """Return the name other processes know this process's main script by."""
    if _main_stands_for:
        return _main_stands_for[0]
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name and spec.name != "__main__":
        name: str = spec.name
        return name
    file = getattr(main, "__file__", None)
    if not file or file == "<stdin>":
        return "__main__"
    path = Path(file)
    # A folder or an archive that is run goes by its own name.
    stem = path.parent.name if path.name == "__main__.py" else path.stem
    # A dot would make `v1.2.py` look like a module of a package.
    return stem.replace(".", "_")


def stable_module(name: str) -> str:
    """Return the module name to store for a class or function of module `name`."""
    return main_module_name() if name == "__main__" else name


def loaded_module(name: str) -> ModuleType | None:
    """Return the already imported module a stored name means, if there is one."""
    if name in sys.modules:
        return sys.modules[name]
    if name == main_module_name():
        return sys.modules.get("__main__")
    return None


def known_class(reference: str) -> type | None:
    """Return the class `module:qualname` as far as it is loaded or was copied."""
    module, _, qualname = reference.partition(":")
    found: object = loaded_module(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else class_copies.get(reference)


@cache
def is_installed(file: str) -> bool:
    """Whether a file is of the standard library, of an installed package, or ours."""
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = [Path(sysconfig.get_path(kind)) for kind in kinds]
    own = Path(__file__).parents[1]
    return any(Path(file).is_relative_to(folder) for folder in (*folders, own))


def code_hash(function: object) -> str:
    """Return a hash of a function's source, or an empty string without source."""
    text = code_of(function)
    if not text:
        return ""
    found = hashlib.sha256(text.encode()).hexdigest()[:16]
    _hashed[found] = text
    return found


def hashed(code: str | None) -> str | None:
    """Return the source that this process made a hash of."""
    return _hashed.get(code) if code else None


def code_of(function: object) -> str:
    """Return a function's source, or an empty string without source."""
    try:
        return inspect.getsource(function)  # type: ignore[arg-type]  # any callable
    except (OSError, TypeError):
        return ""


def file_hash(file: Path) -> str:
    """Return a hash of a source file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def describe(function: Any) -> FlowSource:
    """Return where `function` comes from, as far as another process could use it."""
    module = stable_module(function.__module__)
    file = _file_of(function)
    return FlowSource(
        module=module,
        qualname=function.__qualname__,
        file=str(file) if file else "",
        root=str(_root_of(module, file)) if file else "",
        code_hash=file_hash(file) if file else code_hash(function),
    )


def _file_of(function: Any) -> Path | None:
    module = sys.modules.get(function.__module__)
    name = getattr(module, "__file__", None) or ""
    path = Path(name) if name else None
    return path.resolve() if path and path.is_file() else None


def _root_of(module: str, file: Path) -> Path:
    """Return the folder from which `module` is imported."""
    parents = module.count(".") + (1 if file.name == "__init__.py" else 0)
    root = file.parent
    for _ in range(parents):
        root = root.parent
    return root
