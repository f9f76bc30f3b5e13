"""How much the suite asks for: little in the gate, all of it with ENDURANCE=full."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

IS_FULL = os.environ.get("ENDURANCE") == "full"


@dataclass(frozen=True)
class Sizes:
    """How many of each."""

    waits: int
    checkpoints: int
    executions: int
    rounds: int
    journal_bytes: int


GATE = Sizes(
    waits=16,
    checkpoints=200,
    # Exactly a page of what `clean` reads.
    executions=50,
    rounds=5,
    journal_bytes=40_000_000,
)
FULL = Sizes(
    waits=200,
    checkpoints=10_000,
    executions=1000,
    rounds=60,
    journal_bytes=1_000_000_000,
)


@pytest.fixture
def sizes() -> Sizes:
    return FULL if IS_FULL else GATE


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Full sizes take minutes each."""
    if IS_FULL:
        for item in items:
            item.add_marker(pytest.mark.timeout(3600))


class Figures:
    """What a test measured; printed with `-s`, and kept beside each other in a file."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._found: dict[str, Any] = {}

    def add(self, **values: Any) -> None:
        self._found.update(values)

    def write(self) -> None:
        print(f"\n{self._name}: {json.dumps(self._found)}")
        target = os.environ.get("ENDURANCE_FIGURES")
        if target:
            with Path(target).open("a") as file:
                file.write(json.dumps({"test": self._name, **self._found}) + "\n")


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    """Durations, CPU seconds of this process and its children, and what a test adds."""
    found = Figures(request.node.name)
    begun, cpu = time.monotonic(), _cpu()
    yield found
    found.add(seconds=round(time.monotonic() - begun, 1), cpu=round(_cpu() - cpu, 1))
    found.write()


def _cpu() -> float:
    used = [
        resource.getrusage(who)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    return sum(one.ru_utime + one.ru_stime for one in used)
