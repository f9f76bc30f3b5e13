"""A machine of a user: has the project, the server and the stack, but no pods."""

from __future__ import annotations

from pathlib import Path

from tests.rig.rig import Rig
from tests.support.polling import eventually
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

    def becomes(self, execution_id: str, status: str) -> dict[str, object]:
        """Wait until the execution has a status; return it as the laptop sees it."""
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
