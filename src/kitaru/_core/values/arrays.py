"""Values of numpy and pandas, where these are installed, in their own open formats."""

from __future__ import annotations

import importlib
import importlib.util
import io
from typing import Any

NUMPY = "numpy"
PARQUET = "parquet"


def encode(value: Any) -> tuple[str, bytes] | None:
    """Return serializer and bytes of an array or a data frame, `None` for the rest.

    Arrays of Python objects and frames that Parquet refuses are no matter for here.
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
        # An array without dimensions is how numpy stores a scalar.
        array = importlib.import_module("numpy").load(
            io.BytesIO(payload), allow_pickle=False
        )
        return array if array.ndim else array[()]
    return importlib.import_module("pandas").read_parquet(io.BytesIO(payload))


def _encode_array(value: Any) -> tuple[str, bytes] | None:
    numpy = importlib.import_module("numpy")
    if type(value) is not numpy.ndarray and not isinstance(value, numpy.generic):
        return None
    if numpy.asarray(value).dtype.hasobject:
        return None
    buffer = io.BytesIO()
    numpy.save(buffer, value, allow_pickle=False)
    return NUMPY, buffer.getvalue()


def _encode_frame(value: Any) -> tuple[str, bytes] | None:
    if importlib.util.find_spec("pyarrow") is None:
        return None
    buffer = io.BytesIO()
    try:
        value.to_parquet(buffer)
    # pyarrow raises errors of its own, which need pyarrow to be named.
    except Exception:  # noqa: BLE001
        return None
    return PARQUET, buffer.getvalue()
