"""A project folder and a store of its own, driven from outside as a user does."""

from __future__ import annotations

import json
import sqlite3
import sys
import textwrap
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pexpect

from tests.support import processes, programs
from tests.support.polling import DEADLINE, eventually
from tests.support.processes import Finished, Process
from tests.support.store import child_environment, kitaru_command

STORED_AS = {
    "completed": ("completed",),
    "failed": ("failed",),
    "waiting": ("paused",),
    "cancelled": ("stopped", "cancelled"),
    "running": ("running",),
}


class Workspace:
    """Where one test lives."""

    def __init__(self, root: Path, config: Path) -> None:
        self.config = config
        self.project = root / "project"
        self.project.mkdir(parents=True)
        self._outputs = root / "outputs"
        self._outputs.mkdir()
        self._started = 0
        self.environment = child_environment(config, root / "home")

    # -- processes -----------------------------------------------------------

    def script(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def start(
        self, *command: str | Path, environment: Mapping[str, str] | None = None
    ) -> Process:
        """Start a process in the project folder."""
        self._started += 1
        return Process(
            command,
            folder=self.project,
            environment=self.environment | dict(environment or {}),
            output=self._outputs / str(self._started),
        )

    def start_python(self, *arguments: str | Path, **options: Any) -> Process:
        return self.start(sys.executable, *arguments, **options)

    def python(
        self, *arguments: str | Path, code: int = 0, within: float = processes.TIMEOUT
    ) -> Finished:
        """Run Python to its end."""
        done = self.start_python(*arguments).finish(within)
        assert done.code == code, done.both
        return done

    def start_kitaru(self, *arguments: str, **options: Any) -> Process:
        return self.start(kitaru_command(), *arguments, **options)

    def kitaru(self, *arguments: str, code: int = 0, **options: Any) -> Finished:
        """Run a `kitaru` command to its end."""
        done = self.start_kitaru(*arguments, **options).finish()
        assert done.code == code, done.both
        return done

    def terminal(self, *command: str | Path) -> pexpect.spawn[str]:
        """Start a process on a terminal of its own, 100 columns wide."""
        program, *arguments = map(str, command)
        return pexpect.spawn(
            program,
            arguments,
            cwd=str(self.project),
            env=self.environment | {"TERM": "xterm"},  # type: ignore[arg-type]  # a plain dict will do
            encoding="utf-8",
            timeout=DEADLINE,
            dimensions=(50, 100),
        )

    def kitaru_terminal(self, *arguments: str) -> pexpect.spawn[str]:
        """Start a `kitaru` command on a terminal of its own."""
        return self.terminal(kitaru_command(), *arguments)

    def kitaru_item(self, *arguments: str) -> dict[str, Any]:
        """Return the `item` of a `kitaru` command."""
        item: dict[str, Any] = json.loads(self.kitaru(*arguments, "-o", "json").stdout)[
            "item"
        ]
        return item

    def kitaru_items(self, *arguments: str) -> list[dict[str, Any]]:
        """Return the `items` of a `kitaru` command."""
        found = json.loads(self.kitaru(*arguments, "-o", "json").stdout)
        assert found["count"] == len(found["items"])
        items: list[dict[str, Any]] = found["items"]
        return items

    # -- executions ----------------------------------------------------------

    def execution(self, execution_id: str) -> dict[str, Any]:
        """Return an execution as `kitaru executions get` shows it."""
        return self.kitaru_item("executions", "get", execution_id)

    def newest(self) -> str:
        """Wait for the first execution and return the id of the newest."""
        rows = eventually(
            lambda: self._rows("SELECT id FROM pipeline_run ORDER BY created DESC"),
            what="an execution",
        )
        return str(UUID(rows[0][0]))

    def reaches(
        self, execution_id: str, status: str, *, within: float = DEADLINE
    ) -> None:
        """Wait until the store says `status`, and no runner is in between."""
        wanted = STORED_AS[status]
        eventually(
            lambda: self._stored_status(execution_id) in wanted,
            what=lambda: (
                f"{execution_id} {status}, it is {self._stored_status(execution_id)}:\n"
                + self.log_text(execution_id)
            ),
            within=within,
        )

    def released(self, execution_id: str) -> None:
        """Wait until no process runs the execution."""
        eventually(
            lambda: not self._runner_pids(execution_id),
            what=f"no runner of {execution_id}",
        )

    def settles(
        self, execution_id: str, status: str, *, within: float = DEADLINE
    ) -> dict[str, Any]:
        """Wait for a status and a gone runner; return the execution."""
        self.reaches(execution_id, status, within=within)
        self.released(execution_id)
        execution = self.execution(execution_id)
        assert execution["status"] == status, execution
        return execution

    def result(self, execution_id: str) -> Any:
        """Return what an execution returned, as another process reads it."""
        script = self.script("read_result.py", programs.READ_RESULT)
        return json.loads(self.python(script, execution_id).stdout)

    def retry(self, execution_id: str) -> None:
        """Let a failed execution, or one whose runner is dead, go on."""
        self.kitaru("executions", "retry", execution_id)

    def log_text(self, execution_id: str) -> str:
        """Return the raw log file of an execution, for messages."""
        path = self.config / "kitaru" / "logs" / f"{execution_id}.jsonl"
        return path.read_text(errors="replace") if path.exists() else "(no log)"

    def lines(self, name: str) -> list[str]:
        """Return the lines of a file in the project; none if it is missing."""
        path = self.project / name
        return path.read_text().splitlines() if path.exists() else []

    def end(self) -> None:
        """Leave no process behind."""
        processes.end_all_using(self.config)

    def _stored_status(self, execution_id: str) -> str:
        # Looking with Kitaru would put right what it meets, and takes seconds.
        rows = self._rows(
            "SELECT status FROM pipeline_run WHERE id = ?", UUID(execution_id).hex
        )
        return str(rows[0][0]) if rows else "unknown"

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        return self._query(
            self.config / "local_stores" / "default_zen_store" / "zenml.db",
            query,
            *values,
        )

    def runner_pid(self, execution_id: str) -> int:
        """Wait for the process that runs the execution, and return its pid."""
        rows = eventually(
            lambda: self._runner_pids(execution_id), what=f"a runner of {execution_id}"
        )
        return int(rows[0][0])

    def journal(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        """Ask the journal itself; a command would put right what it meets."""
        return self._query(self.config / "kitaru" / "journal.db", query, *values)

    def stored(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        """Ask ZenML's store itself."""
        return self._rows(query, *values)

    def _runner_pids(self, execution_id: str) -> list[tuple[Any, ...]]:
        return self.journal(
            "SELECT pid FROM leases WHERE execution_id = ?", execution_id
        )

    def _query(self, path: Path, query: str, *values: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path, timeout=DEADLINE)) as database:
            return database.execute(query, values).fetchall()
