from __future__ import annotations

import threading
from typing import Any

import pytest

from kitaru._core.calls import failures
from kitaru._core.calls.records import StoredFailure
from kitaru.models import FailureOrigin


class RateLimitError(Exception):
    """Takes other arguments than it gives to its base, as SDK errors do."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class CodedError(Exception):
    """Builds its message in `__init__`."""

    def __init__(self, code: int) -> None:
        super().__init__(f"code {code}")


class DetailedError(Exception):
    def __init__(self, message: str, detail: object = None) -> None:
        super().__init__(message)
        self.detail = detail


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def stored(error: BaseException) -> StoredFailure:
    try:
        raise error
    except BaseException as raised:
        return failures.store(raised, FailureOrigin.USER_CODE)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ValueError("no", 1), id="arguments"),
        pytest.param(FileNotFoundError(2, "gone", "a.txt"), id="os error"),
        pytest.param(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), id="unicode"),
        pytest.param(DetailedError("no", {"a": (1,)}), id="own attributes"),
        pytest.param(KeyError("a"), id="key error"),
        pytest.param(RateLimitError("slow down", status=429), id="other arguments"),
        pytest.param(CodedError(5), id="message built twice"),
        pytest.param(KeyboardInterrupt(), id="base exception"),
        pytest.param(ExceptionGroup("two", [ValueError(1), KeyError(2)]), id="group"),
    ],
)
def test_an_exception_comes_back_with_type_and_contents(error: BaseException) -> None:
    back = failures.rebuild(stored(error))

    assert type(back) is type(error)
    assert str(back) == str(error)
    assert repr(vars(back)) == repr(vars(error))


def test_a_class_defined_inside_a_function_comes_back() -> None:
    class LocalError(Exception):
        pass

    back: Any = failures.rebuild(stored(LocalError("here")))

    assert back.args == ("here",)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ValueError("no", threading.Lock()), id="holds a lock"),
    ],
)
def test_an_exception_that_would_come_back_changed_is_only_described(
    error: Exception,
) -> None:
    failure = stored(error)

    assert failure.message == str(error)
    assert failures.rebuild(failure) is None


def test_a_broken_str_does_not_hide_the_failure() -> None:
    failure = stored(MuteError())

    assert failure.message == "<MuteError without a readable message>"
    assert failure.exception_type.endswith(".MuteError")


def test_the_traceback_shows_the_chain() -> None:
    error = ValueError("outer")
    error.__cause__ = KeyError("inner")

    failure = stored(error)

    assert "KeyError: 'inner'" in failure.traceback
    assert "direct cause" in failure.traceback
    assert failure.traceback.rstrip().endswith("ValueError: outer")


def test_a_damaged_pickle_cannot_be_rebuilt() -> None:
    failure = StoredFailure(
        "no", "builtins.ValueError", "", "user_code", "Z2FyYmFnZQ=="
    )

    assert failures.rebuild(failure) is None


@pytest.mark.parametrize("traceback", ["", "Traceback: …"])
def test_users_see_message_type_traceback_and_origin(traceback: str) -> None:
    info = failures.describe(
        StoredFailure("no", "builtins.ValueError", traceback, "runtime")
    )

    assert info.model_dump() == {
        "message": "no",
        "exception_type": "builtins.ValueError",
        "traceback": traceback or None,
        "origin": FailureOrigin.RUNTIME,
    }
