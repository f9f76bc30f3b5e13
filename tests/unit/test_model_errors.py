from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from pydantic_ai import exceptions as foreign

from kitaru._core.values.tagging import anything
from kitaru._ops.language_models import errors
from kitaru.errors import (
    KitaruFeatureNotAvailableError,
    KitaruModelError,
    KitaruModelUnavailableError,
    KitaruUsageError,
)

KEY = "sk-very-secret-12345"


def raised(error: Exception, *secrets: str) -> Exception:
    with (
        pytest.raises(Exception) as caught,  # noqa: PT011  any of ours
        errors.translated("openai/gpt", secrets),
    ):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (foreign.ModelHTTPError(429, "m"), "rate_limit"),
        (foreign.ModelHTTPError(408, "m"), "timeout"),
        (foreign.ModelHTTPError(500, "m"), "server"),
        (foreign.ModelHTTPError(599, "m"), "server"),
        (foreign.ModelHTTPError(503, "m"), "overloaded"),
        (foreign.ModelOverloadedError("m", "busy"), "overloaded"),
        (foreign.ModelTimeoutError("m", "slow"), "timeout"),
        (foreign.ModelConnectionError("m", "gone"), "connection"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_may_pass_is_unavailable(error: Exception, reason: str) -> None:
    found = raised(error)

    assert isinstance(found, KitaruModelUnavailableError)
    assert found.reason == reason
    assert "retry" in str(found)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (foreign.ModelHTTPError(401, "m"), "authentication"),
        (foreign.ModelHTTPError(403, "m"), "authentication"),
        (foreign.ModelHTTPError(404, "m"), "unknown_model"),
        (foreign.ModelHTTPError(400, "m"), "rejected"),
        (foreign.ModelQuotaExceededError("m", "broke"), "quota"),
        (foreign.ModelContextWindowExceededError("m", "long"), "too_long"),
        (foreign.ContentFilterError("no"), "content_filter"),
        (foreign.UnexpectedModelBehavior("what"), "unexpected"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_does_not_pass_is_no_reason_to_ask_again(
    error: Exception, reason: str
) -> None:
    found = raised(error)

    assert type(found) is KitaruModelError
    assert found.reason == reason


def test_the_providers_words_and_its_waiting_time_are_told() -> None:
    error = foreign.ModelHTTPError(
        429, "m", {"error": {"message": "Slow down."}}, headers={"Retry-After": "20"}
    )

    found = raised(error)

    assert "HTTP 429: Slow down;" in str(found)
    assert "wait 20 s" in str(found)
    assert isinstance(found, KitaruModelUnavailableError)
    assert found.retry_after == 20


@pytest.mark.parametrize("place", ["environment", "secret"])
def test_credentials_are_cut_out_and_no_cause_can_tell_them(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "environment":
        monkeypatch.setenv("SOME_API_KEY", KEY)

    found = raised(
        foreign.ModelHTTPError(401, "m", f"bad key {KEY}"),
        *([KEY] if place == "secret" else []),
    )

    assert "bad key ***" in str(found)
    assert found.__cause__ is None
    assert found.__suppress_context__


@pytest.mark.parametrize(
    "key", ["sk-with-line-break\n", "sk-schlüssel-1", "sk-a/b+c=d"]
)
@pytest.mark.parametrize("quoted", [repr, json.dumps, quote, str.encode])
def test_quoted_credentials_are_cut_out(key: str, quoted: Callable[[str], Any]) -> None:
    found = raised(ValueError(f"illegal header {quoted(key)!s}"), key)

    assert "illegal header" in str(found)
    assert "***" in str(found)
    assert "sk-" not in str(found)


def test_other_errors_of_a_client_are_ours() -> None:
    found = raised(UnicodeEncodeError("ascii", f"Bearer {KEY}", 0, 1, "no"))

    assert type(found) is KitaruModelError
    assert found.reason == "unexpected"
    assert not hasattr(found, "object")


def test_exceptions_of_a_users_own_model_are_the_users() -> None:
    error = ValueError("mine")

    with (
        pytest.raises(ValueError, match="mine") as caught,
        errors.translated("function/x", users_own=True),
    ):
        raise error
    assert caught.value is error


def test_a_long_answer_is_shortened() -> None:
    found = raised(foreign.ModelHTTPError(400, "m", {"message": "x" * 10_000}))

    assert len(str(found)) < 700


def test_a_missing_package_names_the_command_to_install_it() -> None:
    from pydantic_ai.models import infer_model

    with (
        pytest.raises(KitaruFeatureNotAvailableError, match="pip install") as caught,
        errors.translated("groq/x"),
    ):
        infer_model("groq:x")
    assert "groq/x" in str(caught.value)


def test_missing_credentials_are_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from pydantic_ai.models import infer_model

    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    with (
        pytest.raises(KitaruUsageError, match="OPENAI_API_KEY") as caught,
        errors.translated("openai/gpt"),
    ):
        infer_model("openai:gpt")
    assert "Agent(" not in str(caught.value)


def test_errors_survive_being_stored() -> None:
    from kitaru._core.calls import failures
    from kitaru.models import FailureOrigin

    found = raised(foreign.ModelHTTPError(429, "m", headers={"Retry-After": "3"}))

    back = failures.rebuild(failures.store(found, FailureOrigin.USER_CODE), anything)

    assert isinstance(back, KitaruModelUnavailableError)
    assert (str(back), back.retry_after) == (str(found), 3)
