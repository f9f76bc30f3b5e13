from __future__ import annotations

import base64
import threading
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from kitaru._core.calls import failures
from kitaru._core.calls.records import StoredFailure
from kitaru._core.values.tagging import anything
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
    back = failures.rebuild(stored(error), anything)

    assert type(back) is type(error)
    assert str(back) == str(error)
    assert repr(vars(back)) == repr(vars(error))


def test_a_class_defined_inside_a_function_comes_back() -> None:
    class LocalError(Exception):
        pass

    back: Any = failures.rebuild(stored(LocalError("here")), anything)

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
    assert failures.rebuild(failure, anything) is None


def chained() -> ValueError:
    try:
        try:
            raise RateLimitError("slow down", status=429)
        except RateLimitError as error:
            raise KeyError("page") from error
    except KeyError:
        outer = ValueError("outer")
        outer.add_note("seen twice")
        try:
            raise outer
        except ValueError as raised:
            return raised


def test_an_exception_keeps_what_it_came_from_and_its_notes() -> None:
    back = failures.rebuild(stored(chained()), anything)

    assert isinstance(back, ValueError)
    assert back.__notes__ == ["seen twice"]
    assert back.__cause__ is None
    assert not back.__suppress_context__
    assert isinstance(back.__context__, KeyError)
    inner = back.__context__.__cause__
    assert isinstance(inner, RateLimitError)
    assert inner.status == 429
    assert back.__context__.__suppress_context__


def test_the_members_of_a_group_keep_type_attributes_and_cause() -> None:
    limited = RateLimitError("slow down", status=429)
    limited.__cause__ = OSError(2, "gone", "a.txt")

    back: Any = failures.rebuild(
        stored(ExceptionGroup("two", [limited, KeyError(1)])), anything
    )

    assert back.exceptions[0].status == 429
    assert str(back.exceptions[0].__cause__) == "[Errno 2] gone: 'a.txt'"
    assert isinstance(back.exceptions[1], KeyError)


def test_an_exception_in_a_circle_comes_back() -> None:
    error = DetailedError("round")
    error.detail = [error]

    back: Any = failures.rebuild(stored(error), anything)

    assert back.detail[0] is back


def test_what_cannot_be_stored_costs_an_exception_that_part_only() -> None:
    error = DetailedError("no", threading.Lock())
    error.more = [1]  # type: ignore[attr-defined]  # as user code does
    error.__cause__ = ValueError("held", threading.Lock())

    back: Any = failures.rebuild(stored(error), anything)

    assert type(back) is DetailedError
    assert back.more == [1]
    assert not hasattr(back, "detail")
    assert str(back.__cause__).startswith("builtins.ValueError: ('held', <unlocked")


def test_an_error_of_pydantic_comes_back() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(int).validate_python("x")

    back: Any = failures.rebuild(stored(caught.value), anything)

    assert back.errors() == caught.value.errors()


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

    assert failures.rebuild(failure, anything) is None


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


def test_what_an_exception_hides_is_not_stored() -> None:
    try:
        try:
            raise LookupError("Authorization: Bearer abc")
        except LookupError:
            raise ValueError("refused") from None
    except ValueError as error:
        stored = failures.store(error, FailureOrigin.USER_CODE)

    again = failures.rebuild(stored, anything)
    assert again is not None
    assert again.__context__ is None
    assert stored.pickled is not None
    assert b"Bearer abc" not in base64.b64decode(stored.pickled)
