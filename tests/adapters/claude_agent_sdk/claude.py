"""Options for the stand-in of Claude Code, and what it left."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from claude_agent_sdk import ClaudeAgentOptions

from kitaru.adapters.claude_agent_sdk import KitaruClaudeRunner
from tests.support import claude_code

MODEL = Path(__file__).parent / "model.py"


class Claude:
    """The CLI in a folder, each invocation with a fresh home: nothing is left there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._homes = itertools.count(1)
        self.project = folder / "project"
        self.project.mkdir()
        self._cli = claude_code.installed(folder, MODEL)

    def options(self, **more: Any) -> ClaudeAgentOptions:
        """Return options with another empty home."""
        home = self._folder / f"home{next(self._homes)}"
        home.mkdir()
        return ClaudeAgentOptions(
            cli_path=self._cli,
            cwd=self.project,
            env=claude_code.environment(home),
            **more,
        )

    def runner(self, name: str = "claude", **settings: Any) -> KitaruClaudeRunner:
        """Return a runner; what is no setting of it is an option of the SDK."""
        own = {
            key: settings.pop(key)
            for key in ("permissions", "capture", "checkpoint_config")
            if key in settings
        }
        return KitaruClaudeRunner(
            name=name, options_factory=lambda: self.options(**settings), **own
        )

    @property
    def made(self) -> list[str]:
        """What Bash left, in order."""
        return self._lines("made")

    @property
    def requests(self) -> int:
        """How often the model was asked."""
        return len(self._lines("asked"))

    def _lines(self, name: str) -> list[str]:
        file = self.project / name
        return file.read_text().split() if file.exists() else []
