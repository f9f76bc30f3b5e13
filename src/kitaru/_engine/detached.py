"""Let an execution go on in a process of its own, without a terminal.

`python -m kitaru._engine.detached EXECUTION_ID` is that process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from kitaru.errors import KitaruBackendError, KitaruError

_MODULE = "kitaru._engine.detached"


def spawn(
    execution_id: str,
    *,
    recorded: Mapping[str, Any],
    log: Path,
    environment: Mapping[str, str],
) -> int:
    """Start the process and return its pid.

    Args:
        execution_id: The execution to go on with.
        recorded: `python` and `cwd` of the process that started it, if known.
        log: The execution's log; output past Python's own streams goes there too.
        environment: Variables that differ from those of this process.

    Raises:
        KitaruBackendError: If the system cannot start it.
    """
    python = recorded.get("python")
    if not python or not Path(python).exists():
        python = sys.executable
    folder = recorded.get("cwd")
    if not folder or not Path(folder).is_dir():
        folder = str(Path.cwd())
    try:
        with _opened(log) as output:
            process = subprocess.Popen(
                # -P: its folder comes last, so that a file in it cannot pass for a module
                # of Python or of a package.
                [python, "-P", "-m", _MODULE, execution_id],
                cwd=folder,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
    except OSError as error:
        raise KitaruBackendError(
            f"no process could be started for execution {execution_id}: {error}; "
            f"try again with: kitaru executions resume {execution_id}"
        ) from error
    return process.pid


def _opened(log: Path) -> BinaryIO:
    """Open the log; an execution goes on even if its log cannot be written."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        return log.open("ab")
    except OSError:
        return Path(os.devnull).open("ab")


def main() -> int:
    """Go on with the execution named on the command line."""
    from kitaru._engine.flows import only_loading
    from kitaru._engine.logs import without_terminal
    from kitaru._engine.open import current_engine

    without_terminal()
    only_loading()
    sys.path.append(str(Path.cwd()))
    execution_id = sys.argv[1]
    try:
        current_engine().continue_here(execution_id)
    except KitaruError as error:
        # stdout is the execution's log.
        sys.stdout.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
