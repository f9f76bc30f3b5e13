"""Tell what is to be told, in a process of its own that may import ZenML:
`python -m kitaru._engine.programs.deliver_once`.

A flow starts it that has something to tell the alerter of its stack.
"""

from __future__ import annotations

import sys

from kitaru.errors import KitaruError


def main() -> int:
    """Try everything that is due, once."""
    from kitaru._engine.local.engine import LocalEngine
    from kitaru._engine.open import current_engine
    from kitaru._engine.runners import delivery

    try:
        engine = current_engine()
        assert isinstance(engine, LocalEngine)  # no other is opened by a process
        delivery.deliver(engine.through_zenml)
    except KitaruError:
        # Whoever looks next tries again.
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
