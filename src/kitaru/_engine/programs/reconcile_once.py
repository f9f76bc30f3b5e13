"""Reconcile once, in a process of its own: `python -m kitaru._engine.programs.reconcile_once`.

The local server starts it when it sees that somebody is forgotten; what it prints is in
the log of that server.
"""

from __future__ import annotations

import sys
from datetime import datetime

from kitaru._core.secrecy import masking
from kitaru._engine.output.streams import say
from kitaru.errors import KitaruError


def main() -> int:
    """Reconcile, and print a line for each execution that needed something."""
    from kitaru._engine.open import current_engine
    from kitaru._engine.runners import delivery, schedules

    try:
        engine = current_engine()
        delivery.deliver_quietly(engine)
        for line in schedules.fire_quietly(engine):
            _say(line)
        for item in current_engine().reconciling.reconcile(
            dry_run=False, progress=None
        ):
            _say(f"{item.flow_name} {item.exec_id}: {item.trouble}: {item.detail}")
    except KitaruError as error:
        _say(f"{type(error).__name__}: {error}")
        return 1
    return 0


def _say(text: str) -> None:
    say(f"{datetime.now():%Y-%m-%d %H:%M:%S} reconcile: {masking.text(text)}")


if __name__ == "__main__":
    sys.exit(main())
