"""What programs of all frameworks share: the last line, and the bodies they run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def say(**found: Any) -> None:
    """Print what was found as the last line."""
    print(json.dumps(found), flush=True)


def forty_bodies(folder: Path, n: int) -> int:
    """Leave a line; stand still in the 38th call while a file says so."""
    with (folder / "bodies").open("a") as file:
        file.write(f"{n}\n")
    while n == 38 and (folder / "stand-still").exists():
        time.sleep(0.01)
    return n


def answered(
    times: int, asked: Callable[[], None], answer: Callable[[], None]
) -> list[float]:
    """Answer so often, as a person some time after the question; return when."""
    given = []
    for _ in range(times):
        asked()
        # No multiple of any interval at which others look.
        time.sleep(0.63)
        given.append(time.monotonic())
        answer()
    return given
