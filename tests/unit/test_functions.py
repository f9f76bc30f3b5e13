"""Functions are told apart by what they do."""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from kitaru._core.values import functions
from tests.support import rules

LIMIT = 3
LOCK = threading.Lock()
WORDS = re.compile("a+")
CONFIG = {"mode": "a"}


@dataclass
class Options:
    factor: int = 2

    def times(self, x: int) -> int:
        return x * self.factor


def scaled_by(factor: object) -> Callable[[int], Any]:
    def scale(x: int) -> Any:
        return x * factor  # type: ignore[operator]

    return scale


def with_default(limit: object) -> Callable[..., Any]:
    def cut(x: int, limit: object = limit) -> Any:
        return x, limit

    return cut


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def inner(*args: Any) -> Any:
        return function(*args)

    return inner


def doubled(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def inner(*args: Any) -> Any:
        return function(*args) * 2

    return inner


def plain(x: int) -> int:
    return x + 1


def uses_limit(x: int) -> int:
    return min(x, LIMIT)


def helper(x: int) -> int:
    return x + LIMIT


def uses_helper(x: int) -> int:
    return helper(x)


def uses_lock(x: int) -> int:
    with LOCK:
        return x


def uses_words(x: str) -> bool:
    return bool(WORDS.match(x))


def uses_options(x: int) -> int:
    return Options(3).times(x)


OPTIONS = Options(3)


def uses_an_object(x: int) -> int:
    return OPTIONS.times(x)


def uses_a_module(x: int) -> Any:
    return rules, x


def collects(x: int) -> int:
    CONFIG[str(x)] = "seen"
    return x


def imports_later(x: int) -> Any:
    from tests.support import polling

    return polling, x


def imports_installed(x: int) -> Any:
    import sqlite3

    return sqlite3, x


one, two = (lambda x: x + 1), (lambda x: x + 2)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(scaled_by(2), scaled_by(3), id="closure"),
        pytest.param(
            scaled_by(Options(2)), scaled_by(Options(3)), id="object in a closure"
        ),
        pytest.param(scaled_by(plain), scaled_by(helper), id="function in a closure"),
        pytest.param(with_default(1), with_default(2), id="default"),
        pytest.param(logged(plain), doubled(plain), id="wrapper"),
        pytest.param(logged(plain), logged(helper), id="wrapped"),
        pytest.param(one, two, id="lambdas on one line"),
        pytest.param(lambda x: x == 1, lambda x: x == 1.0, id="type of a constant"),
        pytest.param(lambda x: x == 1, lambda x: x == True, id="bool constant"),  # noqa: E712
        pytest.param(
            functools.partial(plain, 1), functools.partial(plain, 2), id="partial"
        ),
    ],
)
def test_functions_that_compute_otherwise_have_other_fingerprints(
    first: Any, second: Any
) -> None:
    assert functions.fingerprint(first) != functions.fingerprint(second)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: scaled_by(2), id="closure"),
        pytest.param(lambda: scaled_by([1, {"a": Options()}]), id="value in a closure"),
        pytest.param(lambda: with_default(("a",)), id="default"),
        pytest.param(lambda: doubled(plain), id="wrapper"),
        pytest.param(lambda: uses_options, id="class of the module"),
        pytest.param(lambda: uses_words, id="pattern"),
        pytest.param(lambda: uses_an_object, id="object of the module"),
        pytest.param(lambda: imports_installed, id="import of an installed module"),
    ],
)
def test_a_function_that_is_made_again_has_the_same_fingerprint(make: Any) -> None:
    assert functions.fingerprint(make()) == functions.fingerprint(make())


@pytest.mark.parametrize("function", [uses_limit, uses_helper, helper])
def test_a_global_that_changes_changes_the_fingerprint(
    function: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = functions.fingerprint(function)
    monkeypatch.setitem(globals(), "LIMIT", 4)

    assert functions.fingerprint(function) != before


def test_a_helper_that_changes_changes_the_fingerprint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = functions.fingerprint(uses_helper)
    monkeypatch.setitem(globals(), "helper", plain)

    assert functions.fingerprint(uses_helper) != before


def test_a_method_of_an_object_that_changes_changes_the_fingerprint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = functions.fingerprint(uses_an_object)
    monkeypatch.setattr(Options, "times", lambda self, x: x)

    assert functions.fingerprint(uses_an_object) != before


def test_a_function_of_no_known_module_is_told_by_its_code() -> None:
    made = []
    for factor in (2, 3):
        names: dict[str, Any] = {"__name__": "nowhere"}
        exec(f"def scale(x): return x * {factor}", names)
        made.append(functions.fingerprint(names["scale"]))

    assert made[0] != made[1]


def test_what_a_function_collects_does_not_change_it() -> None:
    before = functions.fingerprint(collects)
    collects(1)

    assert functions.fingerprint(collects) == before


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        pytest.param(uses_lock, "'LOCK', which .*uses_lock uses,", id="lock"),
        pytest.param(
            scaled_by(object()), "'factor', which .* closes over", id="object"
        ),
        pytest.param(uses_a_module, "'rules', which .* as a whole", id="module"),
        pytest.param(imports_later, "imports 'tests.support'", id="late import"),
    ],
)
def test_in_doubt_there_is_a_reason_instead(function: Any, reason: str) -> None:
    with pytest.raises(functions.UnknownFunctionError, match=reason):
        functions.fingerprint(function)
