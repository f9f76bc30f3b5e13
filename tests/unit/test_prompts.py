from __future__ import annotations

import pytest

from kitaru._core.language_models import prompts
from kitaru._core.language_models.prompts import Message
from kitaru.errors import KitaruUsageError


def test_a_text_is_what_the_user_says() -> None:
    assert prompts.messages("hi") == (Message("user", "hi"),)


def test_the_system_message_comes_first() -> None:
    chat = [{"role": "user", "content": "hi"}]

    assert prompts.messages(chat, "be kind") == (
        Message("system", "be kind"),
        Message("user", "hi"),
    )


def test_a_chat_is_kept_in_order() -> None:
    chat = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "yes?"},
        {"role": "user", "content": "why"},
    ]

    assert [message.as_dict() for message in prompts.messages(chat)] == chat


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        pytest.param("", "not empty", id="empty text"),
        pytest.param(" \n", "not empty", id="blank text"),
        pytest.param(None, "got None", id="none"),
        pytest.param({"role": "user", "content": "x"}, "list of messages", id="dict"),
        pytest.param([], "at least one", id="empty chat"),
        pytest.param(["hi"], "message 1 must look like", id="no message"),
        pytest.param([{"role": "user"}], "message 1 must", id="no content"),
        pytest.param(
            [{"role": "usr", "content": "x"}], "use one of system", id="unknown role"
        ),
        pytest.param(
            [{"role": ["user"], "content": "x"}], "use one of system", id="odd role"
        ),
        pytest.param(
            [{"role": "user", "content": [{"image": "…"}]}],
            "content of .*message 1 must be a text",
            id="no text",
        ),
        pytest.param(
            [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}],
            "what the user said last",
            id="the model spoke last",
        ),
    ],
)
def test_what_is_no_prompt_is_refused(prompt: object, message: str) -> None:
    with pytest.raises(KitaruUsageError, match=message):
        prompts.messages(prompt)


def test_an_empty_system_message_is_refused() -> None:
    with pytest.raises(KitaruUsageError, match="system"):
        prompts.messages("hi", "")
