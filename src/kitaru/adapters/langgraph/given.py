"""Values without what the flow brings along each time it runs.

The output of a graph holds its input, often a prompt; the flow makes that again, so it
is not stored. In its place stands where it was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.messages.utils import convert_to_messages

_PLACE = "$given"


class Given:
    """The input of a run, to be left out of what is stored.

    Args:
        input: The input of the graph.
    """

    def __init__(self, input: Any) -> None:
        self._values = dict(input) if isinstance(input, Mapping) else {}
        self._messages = {
            name: _messages_of(value) for name, value in self._values.items()
        }

    def left_out(self, values: Any) -> Any:
        """Return the values of channels, with places for what was given."""
        if not isinstance(values, dict):
            return values
        return {name: self._left_out(name, value) for name, value in values.items()}

    def _left_out(self, name: Any, value: Any) -> Any:
        if name not in self._values:
            return value
        messages = self._messages[name]
        if messages and isinstance(value, list):
            return [_place_among(messages, name, item) for item in value]
        # Of other objects nothing is known of what it means to be equal.
        is_plain = isinstance(value, str | list | dict) and bool(value)
        return {_PLACE: [name]} if is_plain and value == self._values[name] else value

    def put_back(self, stored: Any) -> Any:
        """Return the values with what was given in its places."""
        if not isinstance(stored, dict):
            return stored
        return {name: self._put_back(value) for name, value in stored.items()}

    def _put_back(self, stored: Any) -> Any:
        if _is_place(stored):
            return self._values.get(stored[_PLACE][0])
        if not isinstance(stored, list):
            return stored
        return [self._message(item) if _is_place(item) else item for item in stored]

    def _message(self, place: dict[str, Any]) -> BaseMessage:
        name, index, message_id = place[_PLACE]
        given: BaseMessage = self._messages[name][index]
        found: BaseMessage = given.model_copy(update={"id": message_id})
        return found


def _is_place(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {_PLACE}


def _messages_of(value: Any) -> list[BaseMessage]:
    """Return what a graph makes of an input of messages; nothing of another input."""
    items = value if isinstance(value, list) else [value]
    if not items or not all(_is_message_like(item) for item in items):
        return []
    try:
        return convert_to_messages(items)
    except (ValueError, NotImplementedError):
        return []


def _is_message_like(item: Any) -> bool:
    if isinstance(item, tuple):
        return len(item) == 2 and all(isinstance(part, str) for part in item)
    return isinstance(item, BaseMessage | str) or (
        isinstance(item, dict) and "content" in item
    )


def _place_among(messages: list[BaseMessage], name: str, item: Any) -> Any:
    """Return the place of a message among those given; the message if it is none."""
    if not isinstance(item, BaseMessage):
        return item
    for index, message in enumerate(messages):
        if message.model_copy(update={"id": item.id}) == item:
            return {_PLACE: [name, index, item.id]}
    return item
