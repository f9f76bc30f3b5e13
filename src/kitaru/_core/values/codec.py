"""Values to bytes and back.

A value keeps its exact type: a tuple comes back as a tuple, a pydantic model as that
model. A form is taken only if it gives the value back as it was: by construction, or
because reading it again has shown so. Plain JSON data is stored as plain JSON, other known types as JSON with tags,
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
from kitaru._core.values import arrays, pickling, sameness, tagging
from kitaru._core.values.tagging import Permit, anything
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
        serializer, payload, sure = array
        encoded = Encoded(serializer, name, payload)
        if sure or _trouble(value, encoded) is None:
            return encoded
    return _as_tree(value, name) or _pickled(value, name, what)


def _as_tree(value: object, name: str) -> Encoded | None:
    """Return a value as JSON, `None` if that would not keep it."""
    try:
        written = tagging.to_tree(value)
        text = _to_json(written.tree)
    except (tagging.UntaggableError, RecursionError):
        return None
    payload = text.encode("utf-8", "surrogatepass")
    encoded = Encoded("json" if written.is_plain else "tagged", name, payload)
    if written.is_sure or _trouble(value, encoded) is None:
        return encoded
    return None


def decode(serializer: str, payload: bytes, permit: Permit) -> object:
    """Return the value written by `encode`.

    Args:
        serializer: Its form.
        payload: Its bytes.
        permit: Asked before code runs that the bytes name.

    Raises:
        KitaruUsageError: Whatever `permit` raises.
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
            return tagging.from_tree(json.loads(text_or_tree), permit)
        if serializer in (arrays.NUMPY, arrays.PARQUET):
            return arrays.decode(serializer, payload)
        if serializer == "pickle":
            permit("unpickling it")
            return pickling.loads(payload)
    except KitaruUsageError:
        raise  # `permit` said no
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


def runs_code(serializer: str) -> bool:
    """Whether reading a value of that form may run code that its bytes name."""
    return serializer in ("tagged", "pickle")


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


def _pickled(value: object, name: str, what: str) -> Encoded:
    """Return a value as a pickle.

    Raises:
        KitaruUsageError: If it has none, or would come back as something else.
    """
    try:
        encoded = Encoded("pickle", name, pickling.dumps(value))
    # Any __reduce__ or __getstate__ may run here, so any exception may come out.
    except Exception as error:
        raise _unstorable(what, name, f"{type(error).__name__}: {error}") from error
    trouble = _trouble(value, encoded)
    if trouble is not None:
        raise _unstorable(what, name, trouble)
    _warn_once(name)
    return encoded


def _unstorable(what: str, name: str, reason: str) -> KitaruUsageError:
    return KitaruUsageError(
        f"{what} is a {name.replace(':', '.')}, which cannot be stored ({reason}); "
        "return plain data, a dataclass or a pydantic model instead"
    )


def _trouble(value: object, encoded: Encoded) -> str | None:
    """Return why a form would not give the value back as it is, `None` if it does."""
    try:
        again = decode(encoded.serializer, encoded.payload, anything)
    except KitaruRuntimeError as error:
        cause = error.__cause__
        return f"it could not be read again: {type(cause).__name__}: {cause}"
    try:
        return sameness.difference(value, again)
    except sameness.IncomparableError as error:
        if encoded.serializer == "pickle" and _pickles_alike(again, encoded.payload):
            return None
        return f"whether it comes back as it was cannot be told: {error}"


def _pickles_alike(value: object, payload: bytes) -> bool:
    try:
        return pickling.dumps(value) == payload
    # Any __reduce__ or __getstate__ may run here, so any exception may come out.
    except Exception:  # noqa: BLE001
        return False


@cache
def _warn_once(name: str) -> None:
    warnings.warn(
        f"values of type {name.replace(':', '.')} have no portable form and are "
        "pickled; later code may be unable to read them",
        KitaruPickleWarning,
        stacklevel=2,
    )
