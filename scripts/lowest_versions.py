"""Print the lowest supported versions of the agent frameworks, as pip takes them.

They are the floors of the extras in pyproject.toml.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

EXTRAS = ("pydantic-ai", "openai-agents", "langgraph", "claude-agent-sdk")
# A framework, not a package beside it that has a floor of its own for another reason.
BESIDE = ("genai-prices",)
FLOOR = re.compile(r"([\w-]+)(?:\[[\w,]+\])?>=([\d.]+)")


def lowest(pyproject: str) -> list[str]:
    """Return the pins that the extras of a `pyproject.toml` begin with."""
    extras = tomllib.loads(pyproject)["project"]["optional-dependencies"]
    floors = [
        match.groups()
        for extra in EXTRAS
        for requirement in extras[extra]
        if (match := FLOOR.match(requirement))
    ]
    return [f"{name}=={floor}" for name, floor in floors if name not in BESIDE]


if __name__ == "__main__":
    print(*lowest(Path("pyproject.toml").read_text(encoding="utf-8")))
