"""A machine of a user: has the project, the server and the stack, but no pods."""

from __future__ import annotations

from pathlib import Path

from tests.rig.rig import Rig
from tests.support.polling import eventually
from tests.support.workspace import Workspace

_POD_SECONDS = 180.0


class Laptop(Workspace):
    """Where one test lives, with the rig as its server."""

    def __init__(self, rig: Rig, root: Path) -> None:
        super().__init__(root, root / "config")
        self._rig = rig
        self.environment = rig.client_environment(root)

    def becomes(self, execution_id: str, status: str) -> dict[str, object]:
        """Wait until the execution has a status; return it."""
        seen: dict[str, object] = {}

        def look() -> bool:
            seen.update(self.execution(execution_id))
            over = seen["status"] in ("failed", "cancelled", "completed")
            return seen["status"] == status or over

        eventually(look, what=lambda: self.story(execution_id), within=_POD_SECONDS)
        assert seen["status"] == status, self.story(execution_id)
        return seen

    def pods_end(self, execution_id: str, count: int) -> None:
        """Wait until so many pods have run the execution, and none still does."""

        def ended() -> bool:
            phases = [pod["phase"] for pod in self._rig.pods(execution_id)]
            return len(phases) == count and not {"Pending", "Running"} & set(phases)

        eventually(ended, what=lambda: self.story(execution_id), within=_POD_SECONDS)

    def story(self, execution_id: str) -> str:
        """Return what pods printed, for messages."""
        told = [f"execution: {self.execution(execution_id)}"]
        for pod in self._rig.pods(execution_id):
            text = self._rig.pod_log(pod["name"])[-3000:]
            told.append(f"-- {pod['name']} {pod['phase']}\n{text}")
        return "\n".join(told)
