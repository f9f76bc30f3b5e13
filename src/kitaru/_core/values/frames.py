"""What arrays of numpy and tables of pandas consist of, to compare two of them.

Neither package is imported here: only their values are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Pairs = Iterable[tuple[object, object]]


def columns_of(one: Any, other: Any) -> Pairs | bool | None:
    """Return what two values of numpy or pandas have to share.

    Both are of one type. The answer is whether they are equal where that is known, and
    `None` for values of other packages and for what compares well as it is.
    """
    package = type(one).__module__.partition(".")[0]
    if package == "numpy":
        return _numpy(one, other)
    if package != "pandas":
        return None
    parts = _PANDAS.get(_family(type(one)))
    return None if parts is None else parts(one, other)


def _numpy(one: Any, other: Any) -> Pairs | bool | None:
    name = type(one).__name__
    if name == "ndarray":
        return _array(one, other)
    if name == "MaskedArray":
        return [
            (one.data, other.data),
            (one.mask, other.mask),
            (one.fill_value, other.fill_value),
        ]
    is_scalar = hasattr(one, "tobytes") and not hasattr(one, "__len__")
    if is_scalar or name == "str_":
        return bool(one.dtype == other.dtype and one.tobytes() == other.tobytes())
    return None


def _array(one: Any, other: Any) -> Pairs | bool:
    kind = one.dtype
    if kind != other.dtype or kind.metadata != other.dtype.metadata:
        return False
    if one.shape != other.shape:
        return False
    if kind.names:
        return [(one[name], other[name]) for name in kind.names]
    if kind.kind in "OT":
        return zip(one.ravel().tolist(), other.ravel().tolist(), strict=True)
    return bool(one.tobytes() == other.tobytes())


def _family(kind: type) -> str:
    """Return which of the classes of pandas a class is or derives from."""
    names = [base.__name__ for base in kind.__mro__ if _is_of_pandas(base)]
    return next((name for name in names if name in _PANDAS), "")


def _is_of_pandas(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "pandas"


def _frame(one: Any, other: Any) -> Pairs:
    yield one.shape, other.shape
    yield one.attrs, other.attrs
    yield _flags(one), _flags(other)
    yield one.columns, other.columns
    yield one.index, other.index
    for index in range(one.shape[1]):
        yield one.iloc[:, index].array, other.iloc[:, index].array


def _series(one: Any, other: Any) -> Pairs:
    yield one.name, other.name
    yield one.attrs, other.attrs
    yield _flags(one), _flags(other)
    yield one.index, other.index
    yield one.array, other.array


def _flags(value: Any) -> bool:
    return bool(value.flags.allows_duplicate_labels)


def _range(one: Any, other: Any) -> Pairs:
    yield one.name, other.name
    yield (one.start, one.stop, one.step), (other.start, other.stop, other.step)


def _levels(one: Any, other: Any) -> Pairs:
    yield list(one.names), list(other.names)
    yield [x.dtype for x in one.levels], [x.dtype for x in other.levels]
    yield one.tolist(), other.tolist()


def _index(one: Any, other: Any) -> Pairs:
    yield one.name, other.name
    yield getattr(one, "freq", None), getattr(other, "freq", None)
    yield one.array, other.array


def _categories(one: Any, other: Any) -> Pairs:
    yield one.ordered, other.ordered
    yield one.categories, other.categories
    yield one.codes, other.codes


def _plain_array(one: Any, other: Any) -> Pairs:
    yield one.to_numpy(), other.to_numpy()


def _extension_array(one: Any, other: Any) -> bool:
    return bool(one.dtype == other.dtype and one.equals(other))


# The nearest one of the classes a value derives from decides.
_PANDAS: dict[str, Any] = {
    "DataFrame": _frame,
    "Series": _series,
    "RangeIndex": _range,
    "MultiIndex": _levels,
    "Index": _index,
    "Categorical": _categories,
    "NumpyExtensionArray": _plain_array,
    "ExtensionArray": _extension_array,
}
