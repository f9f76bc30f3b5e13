"""A process in which executions go on without a terminal.

`python -m kitaru._engine.programs.runner EXECUTION_ID POOL` goes on with one
execution, and then with those that queue for a process of its pool.
"""

from __future__ import annotations

import sys
from pathlib import Path

from kitaru._core.secrecy import masking
from kitaru._engine.flow_loading import only_loading
from kitaru._engine.output.log_capture import without_terminal
from kitaru._engine.output.streams import say
from kitaru.errors import KitaruError


def main() -> int:
    """Go on with the execution named on the command line, then with others."""
    from kitaru._engine.local.engine import LocalEngine
    from kitaru._engine.open import current_engine
    from kitaru._engine.programs.worker import Worker

    without_terminal()
    only_loading()
    sys.path.append(str(Path.cwd()))
    execution_id, pool = sys.argv[1:]
    try:
        engine = current_engine()
        assert isinstance(engine, LocalEngine)  # no other is opened by a process
        Worker(engine, pool).run(execution_id)
    except KitaruError as error:
        # stdout is the execution's log.
        say(masking.text(f"{type(error).__name__}: {error}"))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
