"""Pickles that know a script's classes by name.

A script's classes belong to `__main__` while it runs and to a module named after its
file when another process loads it. cloudpickle would copy such a class, and a copy is
no longer the same class for `isinstance`. Here they are looked up by their stable name,
and copied only where there is none.
"""

from __future__ import annotations

import importlib
import io
from typing import Any

from kitaru._core import sources


def dumps(value: object) -> bytes:
    """Return a pickle of anything cloudpickle takes."""
    cloudpickle: Any = importlib.import_module("cloudpickle")

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # an untyped base
        """Names classes of scripts instead of copying them."""

        def reducer_override(self, obj: Any) -> Any:
            reference = _script_class(obj)
            if reference is not None:
                return find_class, (reference, cloudpickle.dumps(obj))
            return super().reducer_override(obj)

    buffer = io.BytesIO()
    Pickler(buffer).dump(value)
    return buffer.getvalue()


def loads(data: bytes) -> Any:
    """Return the value of a pickle."""
    return importlib.import_module("cloudpickle").loads(data)


def find_class(reference: str, copy: bytes) -> Any:
    """Return the class of that name if its module is loaded, else a copy of it."""
    module, _, qualname = reference.partition(":")
    found: Any = sources.loaded_module(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else loads(copy)


def _script_class(value: Any) -> str | None:
    """Return `module:qualname` of a class that a script defines at its top level."""
    if not isinstance(value, type) or "<locals>" in value.__qualname__:
        return None
    module = value.__module__
    if module != "__main__" and module not in sources.script_modules:
        return None
    return f"{sources.stable_module(module)}:{value.__qualname__}"
