"""Flows named `article`, of which recordings are made and replayed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from kitaru.flows import Flow

ran: list[str] = []


@dataclass(frozen=True)
class Note:
    text: str
    due: date


@checkpoint
def gather(topic: str) -> list[Note]:
    ran.append("gather")
    return [Note(topic, date(2026, 11, 29))]


@checkpoint
def draft(notes: list[Note]) -> str:
    ran.append("draft")
    return f"{notes[0].text} by {notes[0].due:%B}"


@checkpoint
def publish(text: str, api_key: str = "") -> dict[str, str]:
    ran.append("publish")
    if "broken" in text:
        raise ConnectionError("no route")
    return {"text": text, "api_key": "sk-not-for-files"}


def made(body: Callable[[str], Any]) -> Flow[..., Any]:
    """A flow named `article` that goes on in this process, as nobody else can load it."""

    @flow
    def article(topic: str) -> Any:
        return body(topic)

    return article


def as_it_was(topic: str) -> str:
    text = draft(gather(topic))
    if not kitaru.wait(schema=bool, name="approve", timeout=0):
        return "dropped"
    try:
        return publish(text)["text"]
    except ConnectionError as error:
        return f"not published: {error}"


def recorded(client: KitaruClient, folder: Path, topic: str = "whales") -> Path:
    """The file of an execution that has completed."""
    article = made(as_it_was)
    exec_id = article.run(topic).exec_id
    client.executions.input(exec_id, value=True)
    path = folder / "recording.json"
    client.executions.export(exec_id, path)
    ran.clear()
    return path


def fewer(topic: str) -> str:
    return draft(gather(topic))
