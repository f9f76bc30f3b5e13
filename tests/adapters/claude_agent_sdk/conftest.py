"""A CLI that starts at once, in an empty project."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adapters.claude_agent_sdk.claude import Claude


@pytest.fixture
def claude(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Claude:
    """The stand-in of Claude Code; its project folder is the current one."""
    found = Claude(tmp_path)
    monkeypatch.chdir(found.project)
    return found
