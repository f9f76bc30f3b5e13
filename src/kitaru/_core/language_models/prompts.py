"""What is asked of a language model: a text, or chat messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from kitaru._core.words.similar import shorten
from kitaru.errors import KitaruUsageError

Role = Literal["system", "user", "assistant"]
Prompt = str | Sequence[Mapping[str, str]]
_ROLES = ("system", "user", "assistant")
_SHAPE = '{"role": "user", "content": "…"}'


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat."""

    role: Role
    content: str

    def as_dict(self) -> dict[str, str]:
        """Return the message as JSON data."""
        return {"role": self.role, "content": self.content}


def messages(prompt: object, system: object = None) -> tuple[Message, ...]:
    """Return the chat that `prompt` stands for, the system message first.

    Raises:
        KitaruUsageError: If it is neither text nor messages, or nothing is asked.
    """
    chat = _chat(prompt)
    if system is not None:
        chat = (Message("system", _text("llm(system=…)", system)), *chat)
    if chat[-1].role != "user":
        raise KitaruUsageError(
            f"llm(): the last message is of the role {chat[-1].role!r}; a model answers "
            "what the user said last"
        )
    return chat


def _chat(prompt: object) -> tuple[Message, ...]:
    if isinstance(prompt, str):
        return (Message("user", _text("llm(prompt)", prompt)),)
    if not isinstance(prompt, list | tuple):
        raise KitaruUsageError(
            f"llm() takes a text or a list of messages {_SHAPE}, got {shorten(prompt)}"
        )
    if not prompt:
        raise KitaruUsageError("llm([]): a chat needs at least one message")
    return tuple(_message(number, item) for number, item in enumerate(prompt, 1))


def _message(number: int, item: object) -> Message:
    what = f"llm(): message {number}"
    if not isinstance(item, Mapping) or set(item) != {"role", "content"}:
        raise KitaruUsageError(f"{what} must look like {_SHAPE}, got {shorten(item)}")
    fields = cast(Mapping[str, Any], item)
    if fields["role"] not in _ROLES:
        raise KitaruUsageError(
            f"{what} has the role {shorten(fields['role'])}; use one of "
            f"{', '.join(_ROLES)}"
        )
    return Message(fields["role"], _text(f"the content of {what}", fields["content"]))


def _text(what: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise KitaruUsageError(
            f"{what} must be a text that is not empty, got {shorten(value)}"
        )
    return value
