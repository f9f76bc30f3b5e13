"""Values to bytes and back.

A value keeps its exact type: a tuple comes back as a tuple, a pydantic model as that
model. Plain JSON data is stored as plain JSON, other known types as JSON with tags,
long text and bytes as they are, and everything else with cloudpickle.

| serializer | holds |
|---|---|
| `json` | None, bool, int, float, str, and lists and string-keyed dicts of them |
| `tagged` | also tuple, set, bytes, datetime, Decimal, UUID, Path, Enum, dataclass, model |
| `text` | a str longer than `LONG_TEXT` characters, as UTF-8 |
| `bytes` | bytes |
| `numpy` | arrays and scalars of numpy, as `.npy` |
| `parquet` | data frames of pandas, where pyarrow is installed |
| `pickle` | anything cloudpickle takes |
"""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import dataclass
from functools import cache

from kitaru._core import sources
from kitaru._core.values import arrays, pickling, tagging
from kitaru.errors import KitaruPickleWarning, KitaruRuntimeError, KitaruUsageError

LONG_TEXT = 65_536

# Made once: `json.dumps` makes an encoder for each call that asks for something.
_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_to_canonical_json = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":")
).encode


@dataclass(frozen=True, slots=True)
class Encoded:
    """The bytes of a value and what is needed to read them."""

    serializer: str
    type_name: str
    payload: bytes

    @property
    def content_hash(self) -> str:
        """SHA-256 of the bytes, in hex."""
        return hashlib.sha256(self.payload).hexdigest()


def type_name(value: object) -> str:
    """Return `module:qualname` of the value's type."""
    cls = type(value)
    return f"{sources.stable_module(cls.__module__)}:{cls.__qualname__}"


def encode(value: object, *, what: str = "value") -> Encoded:
    """Return the bytes of `value`.

    Args:
        value: Anything.
        what: How to name it in errors, such as `"the result of checkpoint 'plan'"`.

    Raises:
        KitaruUsageError: If no serializer takes it; names the type.
    """
    name = type_name(value)
    if type(value) is bytes:
        return Encoded("bytes", name, value)
    if type(value) is str and len(value) > LONG_TEXT:
        return Encoded("text", name, value.encode("utf-8", "surrogatepass"))
    array = arrays.encode(value)
    if array is not None:
        return Encoded(array[0], name, array[1])
    try:
        tree, plain = tagging.to_tree(value)
        text = _to_json(tree)
    except (tagging.UntaggableError, RecursionError):
        return Encoded("pickle", name, _pickle(value, name, what))
    payload = text.encode("utf-8", "surrogatepass")
    return Encoded("json" if plain else "tagged", name, payload)


def decode(serializer: str, payload: bytes) -> object:
    """Return the value written by `encode`.

    Raises:
        KitaruRuntimeError: If the bytes cannot be read with this code: a class moved
            or changed, or a package is missing.
    """
    try:
        if serializer == "bytes":
            return payload
        text_or_tree = (
            payload.decode("utf-8", "surrogatepass") if _is_text(serializer) else ""
        )
        if serializer == "text":
            return text_or_tree
        if serializer == "json":
            return json.loads(text_or_tree)
        if serializer == "tagged":
            return tagging.from_tree(json.loads(text_or_tree))
        if serializer in (arrays.NUMPY, arrays.PARQUET):
            return arrays.decode(serializer, payload)
        if serializer == "pickle":
            return pickling.loads(payload)
    # A pickle runs code of the value's class, so any exception may come out.
    except Exception as error:
        raise KitaruRuntimeError(
            f"a stored {serializer} value cannot be read with the code that is "
            f"installed now ({type(error).__name__}: {error}); restore the class it "
            "needs, or replay from a checkpoint before it"
        ) from error
    raise KitaruRuntimeError(
        f"a value was stored with the serializer {serializer!r}, which this version "
        "of kitaru does not know; upgrade kitaru"
    )


def canonical_hash(value: object) -> str | None:
    """Return a hash that is equal for equal values, or `None` where none is known.

    For text and bytes it is the content hash of `encode`.
    """
    if type(value) in (str, bytes):
        return encode(value).content_hash
    try:
        text = _to_canonical_json(tagging.to_canonical_tree(value))
    except (tagging.UntaggableError, RecursionError):
        return None
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _is_text(serializer: str) -> bool:
    return serializer in ("text", "json", "tagged")


def _pickle(value: object, name: str, what: str) -> bytes:
    try:
        payload = pickling.dumps(value)
    # Any __reduce__ or __getstate__ may run here, so any exception may come out.
    except Exception as error:
        raise KitaruUsageError(
            f"{what} is a {name.replace(':', '.')}, which cannot be stored "
            f"({type(error).__name__}: {error}); return plain data, a dataclass or a "
            "pydantic model instead"
        ) from error
    _warn_once(name)
    return payload


@cache
def _warn_once(name: str) -> None:
    warnings.warn(
        f"values of type {name.replace(':', '.')} have no portable form and are "
        "pickled; later code may be unable to read them",
        KitaruPickleWarning,
        stacklevel=2,
    )
