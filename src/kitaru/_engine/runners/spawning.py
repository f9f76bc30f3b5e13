"""Start the process in which executions go on without a terminal.

It goes on with one execution, and then with those that queue for a process of its pool.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kitaru import _recorded_names as recorded_names
from kitaru._core.flows.facts import LocalFacts
from kitaru._engine.disk import private
from kitaru._engine.journal.leases import pid_space
from kitaru.errors import KitaruBackendError

# What differs from one command to the next, and what a flow has no use for.
_FLEETING = frozenset({"_", "OLDPWD", "PWD", "SHLVL", "COLUMNS", "LINES"})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an execution finds in a process: Python, folder, variables, store."""

    python: str
    folder: str
    variables: Mapping[str, str]
    store: str

    @classmethod
    def of(
        cls, recorded: LocalFacts, changes: Mapping[str, str], store: str
    ) -> Surroundings:
        """Return those of the process that started an execution, where still there.

        Args:
            recorded: What is noted of the execution: interpreter and folder, if known.
            changes: Variables that differ from those of this process.
            store: The id of the store.
        """
        python, folder = recorded.python, recorded.cwd
        if not python or not Path(python).exists():
            python = sys.executable
        if not folder or not Path(folder).is_dir():
            folder = str(Path.cwd())
        return cls(python, folder, os.environ | changes, store)

    @property
    def pool(self) -> str:
        """A name for all processes with the same."""
        seen = {k: v for k, v in self.variables.items() if k not in _FLEETING}
        parts = [
            socket.gethostname(),
            pid_space(),
            self.python,
            self.folder,
            self.store,
            seen,
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def spawn(
    execution_id: str, surroundings: Surroundings, *, pool: str, log: Path
) -> int:
    """Start the process and return its pid.

    Args:
        execution_id: The execution to go on with.
        surroundings: What the process is started with.
        pool: The pool it is in.
        log: The execution's log; output past Python's own streams goes there too.

    Raises:
        KitaruBackendError: If the system cannot start it.
    """
    # -P: its folder comes last, so that a file in it cannot pass for a module of Python or
    # of a package.
    command = [surroundings.python, "-P", "-m", recorded_names.RUNNER]
    command += [execution_id, pool]
    try:
        with opened(log) as output:
            process = subprocess.Popen(
                command,
                cwd=surroundings.folder,
                env=surroundings.variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
    except OSError as error:
        raise KitaruBackendError(
            f"no process could be started for execution {execution_id}: {error}; "
            f"try again with: kitaru executions retry {execution_id}"
        ) from error
    return process.pid


def opened(log: Path) -> BinaryIO:
    """Open the log; an execution goes on even if its log cannot be written."""
    try:
        private.make_folder(log.parent)
        return open(log, "ab", opener=private.opener)
    except OSError:
        return Path(os.devnull).open("ab")
