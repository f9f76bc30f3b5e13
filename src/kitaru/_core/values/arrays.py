"""Values of numpy and pandas, where these are installed, in their own open formats."""

from __future__ import annotations

import importlib
import importlib.util
import io
from typing import Any

NUMPY = "numpy"
PARQUET = "parquet"
# Kinds of numbers and times: what `.npy` holds exactly.
_PLAIN_KINDS = "biufcmM"
# What Parquet and pandas' notes in it hold exactly.
_PLAIN_COLUMNS = frozenset(
    [
        *("bool", "float32", "float64"),
        *(f"{sign}int{size}" for sign in ("", "u") for size in (8, 16, 32, 64)),
    ]
)


def encode(value: Any) -> tuple[str, bytes, bool] | None:
    """Return serializer and bytes of an array or a data frame, `None` for the rest.

    The third is whether they are known to give the value back as it is. Arrays of Python
    objects and frames that Parquet refuses are no matter for here.
    """
    root = type(value).__module__.partition(".")[0]
    if root == "numpy":
        return _encode_array(value)
    if root == "pandas" and type(value).__name__ == "DataFrame":
        return _encode_frame(value)
    return None


def decode(serializer: str, payload: bytes) -> Any:
    """Return the value written by `encode`."""
    if serializer == NUMPY:
        array = read(payload)
        # An array without dimensions is how numpy stores a scalar.
        return array if array.ndim else array[()]
    return importlib.import_module("pandas").read_parquet(io.BytesIO(payload))


def is_single(value: Any) -> bool:
    """Whether a value of numpy has no dimensions."""
    if type(value).__module__.partition(".")[0] != "numpy":
        return False
    return getattr(value, "ndim", None) == 0 and _is_storable(value)


def is_plain(value: Any) -> bool:
    """Whether `.npy` is known to hold a value of numpy exactly."""
    return value.dtype.kind in _PLAIN_KINDS


def is_scalar(value: Any) -> bool:
    """Whether a value of numpy is a number and no array without dimensions."""
    return type(value) is not importlib.import_module("numpy").ndarray


def write(value: Any) -> bytes:
    """Return an array or a scalar as `.npy`."""
    buffer = io.BytesIO()
    importlib.import_module("numpy").save(buffer, value, allow_pickle=False)
    return buffer.getvalue()


def read(payload: bytes) -> Any:
    """Return an array written by `write`; a scalar as an array without dimensions."""
    return importlib.import_module("numpy").load(
        io.BytesIO(payload), allow_pickle=False
    )


def _encode_array(value: Any) -> tuple[str, bytes, bool] | None:
    if not _is_storable(value) or (value.ndim == 0 and not is_scalar(value)):
        return None
    return NUMPY, write(value), is_plain(value)


def _is_storable(value: Any) -> bool:
    numpy = importlib.import_module("numpy")
    if type(value) is not numpy.ndarray and not isinstance(value, numpy.generic):
        return False
    kind = value.dtype
    return not kind.hasobject and kind.kind != "T" and kind.metadata is None


def _encode_frame(value: Any) -> tuple[str, bytes, bool] | None:
    if importlib.util.find_spec("pyarrow") is None:
        return None
    buffer = io.BytesIO()
    try:
        value.to_parquet(buffer)
    # pyarrow raises errors of its own, which need pyarrow to be named.
    except Exception:  # noqa: BLE001
        return None
    return PARQUET, buffer.getvalue(), _is_plain_frame(value)


def _is_plain_frame(value: Any) -> bool:
    """Whether a frame has but numbers, in columns named by text, and counts its rows."""
    index, columns = value.index, value.columns
    return (
        not value.attrs
        and bool(value.flags.allows_duplicate_labels)
        and type(index).__name__ == "RangeIndex"
        and index.name is None
        and type(columns).__name__ == "Index"
        and columns.name is None
        and columns.dtype == type(columns)(list(columns)).dtype
        and all(type(name) is str for name in columns)
        and all(str(dtype) in _PLAIN_COLUMNS for dtype in value.dtypes)
    )
