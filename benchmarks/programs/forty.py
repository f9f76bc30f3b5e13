"""Forty checkpoints that leave a line each; one stands still while a file exists."""

from __future__ import annotations

import os
from pathlib import Path

from saying import forty_bodies

from kitaru import checkpoint, flow

FOLDER = Path(os.environ["BENCH_FOLDER"])


@checkpoint
def noted(n: int) -> int:
    return forty_bodies(FOLDER, n)


@flow
def forty() -> int:
    return sum(noted(n) for n in range(1, 41))


if __name__ == "__main__":
    forty.run()
