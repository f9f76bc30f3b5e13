"""A machine of a user: has the project, the server and the stack, but no pods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.rig import programs
from tests.rig.rig import Rig
from tests.support.polling import eventually
from tests.support.processes import Process
from tests.support.workspace import STORED_AS, Workspace

_POD_SECONDS = 180.0
_LOOK_EVERY = 0.1
_OVER = ("completed", "failed", "stopped", "cancelled")


class Laptop(Workspace):
    """Where one test lives, with the rig as its server."""

    def __init__(self, rig: Rig, root: Path) -> None:
        super().__init__(root, root / "config")
        self._rig = rig
        self.environment = rig.client_environment(root)

    def start(self, *command: str | Path, **options: Any) -> Process:
        """Start a process that dies with this one, as the rig does."""
        return super().start("setpriv", "--pdeathsig", "KILL", *command, **options)

    def agent(self, **inputs: object) -> str:
        """Start the flow that asks a question, and return its execution."""
        return self._start("agent", programs.AGENT, inputs)

    def steps(self, **inputs: object) -> str:
        """Start the flow of three steps, and return its execution."""
        return self._start("steps", programs.STEPS, inputs)

    def add_flows(self) -> None:
        """Write the flows into the project."""
        self.script("ring.py", programs.RING)
        self.script("agent.py", programs.AGENT)
        self.script("steps.py", programs.STEPS)

    def _start(self, name: str, text: str, inputs: dict[str, object]) -> str:
        self.script("ring.py", programs.RING)
        self.script(f"{name}.py", text)
        script = self.script("start.py", programs.START)
        return self.python(script, name, name, json.dumps(inputs)).stdout.strip()

    def reaches(self, execution_id: str, status: str) -> None:
        """Wait until the server says that the execution has a status."""
        wanted = STORED_AS[status]
        seen = ""

        def look() -> bool:
            nonlocal seen
            # A command costs seconds of a processor that pods need.
            seen = self._rig.status(execution_id)
            return seen in wanted or seen in _OVER

        eventually(
            look,
            what=lambda: self.story(execution_id),
            within=_POD_SECONDS,
            pause=_LOOK_EVERY,
        )
        assert seen in wanted, self.story(execution_id)

    def becomes(self, execution_id: str, status: str) -> dict[str, object]:
        """Wait until the execution has a status; return it as the laptop sees it."""
        self.reaches(execution_id, status)
        execution = self.execution(execution_id)
        assert execution["status"] == status, self.story(execution_id)
        return execution

    def pods_end(self, execution_id: str, count: int) -> None:
        """Wait until so many pods have run the execution, and none still does."""

        def ended() -> bool:
            phases = [pod["phase"] for pod in self._rig.pods(execution_id)]
            return len(phases) == count and not {"Pending", "Running"} & set(phases)

        eventually(
            ended,
            what=lambda: self.story(execution_id),
            within=_POD_SECONDS,
            pause=_LOOK_EVERY,
        )

    def story(self, execution_id: str) -> str:
        """Return what pods printed, for messages."""
        told = [f"execution: {self.execution(execution_id)}"]
        for pod in self._rig.pods(execution_id):
            text = self._rig.pod_log(pod["name"])[-3000:]
            told.append(f"-- {pod['name']} {pod['phase']}\n{text}")
        return "\n".join(told)
