from __future__ import annotations

import pytest
import requests

from kitaru._core.secrecy.redaction import HIDDEN
from kitaru.adapters._shared import redaction

# Put together here, so that no scanner takes them for real ones.
OPENAI = "sk-" + "proj-" + "a1B2" * 8
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
GITHUB = "ghp_" + "x" * 36
SLACK = "xoxb-" + "1234567890-abcdef"
JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0" + ".c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param(f"use {OPENAI} now", f"use {HIDDEN} now", id="OpenAI"),
        pytest.param(f"id={AWS}", f"id={HIDDEN}", id="AWS"),
        pytest.param(GITHUB, HIDDEN, id="GitHub"),
        pytest.param(SLACK, HIDDEN, id="Slack"),
        pytest.param(f"token {JWT}", f"token {HIDDEN}", id="JWT"),
        pytest.param(
            "Authorization: Bearer abc.def-123",
            f"Authorization: Bearer {HIDDEN}",
            id="bearer",
        ),
        pytest.param(
            "postgres://me:s3cret@host/db",
            f"postgres://me:{HIDDEN}@host/db",
            id="address",
        ),
        pytest.param(
            "My password is hunter2, ok",
            f"My password is {HIDDEN}, ok",
            id="said in words",
        ),
        pytest.param("API_KEY='abcdef'", f"API_KEY='{HIDDEN}'", id="assignment"),
        pytest.param(
            '{"password": "hunter2"}', f'{{"password": "{HIDDEN}"}}', id="JSON text"
        ),
    ],
)
def test_secrets_in_text_are_replaced(text: str, kept: str) -> None:
    assert redaction.redact_text(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "The secretary passed the keyboard.",
        "max_tokens=100, input_tokens: 12",
        "a task-force of asks",
        "https://example.com/page",
        "",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert redaction.redact_text(text) == text


def test_values_under_keys_that_name_a_secret_are_replaced() -> None:
    given = {
        "api_key": "x",
        "Authorization": "y",
        "nested": [{"db_password": "z", "name": "n"}],
        "max_tokens": 5,
        "input_tokens": "many",
        "author": "me",
    }

    assert redaction.redact(given) == {
        "api_key": HIDDEN,
        "Authorization": HIDDEN,
        "nested": [{"db_password": HIDDEN, "name": "n"}],
        "max_tokens": 5,
        "input_tokens": "many",
        "author": "me",
    }


def test_credentials_of_the_environment_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACME_API_KEY", "no-known-shape")
    monkeypatch.setenv("SHORT_TOKEN", "short")
    monkeypatch.setenv("ACME_REGION", "somewhere")

    cleaned = redaction.redact(["key no-known-shape, short, somewhere"])

    assert cleaned == [f"key {HIDDEN}, short, somewhere"]


class ProviderError(Exception):
    def __init__(self, message: str, body: object) -> None:
        super().__init__(message)
        self.body = body


def test_an_exception_keeps_its_type_and_loses_its_secrets() -> None:
    error = ProviderError(f"wrong key {OPENAI}", {"api_key": OPENAI, "code": 401})
    error.__cause__ = ConnectionError(401, f"refused {OPENAI}")
    group = ExceptionGroup("both", [error, ValueError(3)])

    redaction.clean_error(group)

    assert str(error) == f"wrong key {HIDDEN}"
    assert error.body == {"api_key": HIDDEN, "code": 401}
    assert str(error.__cause__) == f"[Errno 401] refused {HIDDEN}"
    assert group.exceptions[1].args == (3,)


def test_the_request_that_an_exception_holds_loses_its_credentials() -> None:
    request = requests.Request(
        "GET", "https://example.com", headers={"Authorization": f"Bearer {OPENAI}"}
    ).prepare()
    response = requests.Response()
    response.status_code, response.request = 401, request
    response.headers["Set-Cookie"] = OPENAI
    error = requests.HTTPError("refused", request=request, response=response)

    redaction.clean_error(error)

    assert error.response is not None
    assert error.response.status_code == 401
    assert request.headers["Authorization"] == HIDDEN
    assert response.headers["Set-Cookie"] == HIDDEN
