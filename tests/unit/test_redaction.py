from __future__ import annotations

import pytest

from kitaru._core.secrecy import redaction


@pytest.mark.parametrize(
    "name",
    [
        "KITARU_AUTH_TOKEN",
        "ZENML_STORE_API_KEY",
        "ZENML_STORE_PASSWORD",
        "ZENML_SERVER_JWT_SECRET_KEY",
        "KITARU_API_KEY",
        "my_credentials",
    ],
)
def test_what_has_the_name_of_a_secret_is_hidden(name: str) -> None:
    assert redaction.value(name, "hunter2") == "***"
    assert redaction.value(name, "") == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mysql://root:hunter2@db:3306/z", "mysql://***@db:3306/z"),
        ("see https://token@host/x now", "see https://***@host/x now"),
        ("https://h/?a=1&api_key=hunter2&b=2", "https://h/?a=1&api_key=***&b=2"),
        ("sqlite:////home/me/zenml.db", "sqlite:////home/me/zenml.db"),
        ("default", "default"),
    ],
)
def test_credentials_in_urls_are_hidden_and_no_more(text: str, shown: str) -> None:
    assert redaction.value("ZENML_STORE_URL", text) == shown
