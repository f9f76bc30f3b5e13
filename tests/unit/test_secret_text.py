"""Text that looks like a secret, whatever this process knows."""

from __future__ import annotations

import pytest

from kitaru._core.secrecy import masking
from kitaru._core.secrecy.redaction import HIDDEN

# Put together here, so that no scanner takes them for real ones.
OPENAI = "sk-" + "proj-" + "a1B2" * 8
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
GITHUB = "ghp_" + "x" * 36
SLACK = "xoxb-" + "1234567890-abcdef"
JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0" + ".c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mysql://root:hunter2@db:3306/z", "mysql://***@db:3306/z"),
        ("see https://token@host/x now", "see https://***@host/x now"),
        ("https://h/?a=1&api_key=hunter2&b=2", "https://h/?a=1&api_key=***&b=2"),
        ("https://h/?X-Amz-Signature=hunter2", "https://h/?X-Amz-Signature=***"),
        ("https://h/?key=hunter2&max_tokens=5", "https://h/?key=***&max_tokens=5"),
        ("sqlite:////home/me/zenml.db", "sqlite:////home/me/zenml.db"),
        ("default", "default"),
    ],
)
def test_credentials_in_urls_are_hidden_and_no_more(text: str, shown: str) -> None:
    assert masking.shown(text) == shown
    assert masking.setting("ZENML_STORE_URL", text) == shown


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
def test_what_looks_like_one_is_left_out_of_prompts(text: str, kept: str) -> None:
    assert masking.recorded(text) == kept
    assert masking.recorded({"messages": [text]}) == {"messages": [kept]}


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
    assert masking.recorded(text) == text
