"""Work of agents that leaves lines, and can be held in its middle.

A program of the conformance suite imports this from its own folder.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOLD = Path("hold")
MADE = Path("made")


def is_held(label: str) -> bool:
    """Whether the file `hold` names this work, one label a line."""
    return HOLD.exists() and label in HOLD.read_text().splitlines()


@contextmanager
def noted(label: str) -> Iterator[None]:
    leave(f"started {label}")
    yield
    leave(f"finished {label}")


def leave(line: str) -> None:
    with MADE.open("a") as file:
        file.write(f"{line}\n")


def work(label: str) -> None:
    """Do a piece of work in a thread of its own."""
    with noted(label):
        while is_held(label):
            time.sleep(0.01)


async def awork(label: str) -> None:
    """Do a piece of work on the event loop."""
    with noted(label):
        while is_held(label):
            await asyncio.sleep(0.01)
