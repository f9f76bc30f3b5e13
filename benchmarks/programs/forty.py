"""Forty checkpoints that leave a line each; one stands still while a file exists."""

from __future__ import annotations

import os
import time
from pathlib import Path

from kitaru import checkpoint, flow

HERE = Path(os.environ["ZENML_CONFIG_PATH"])


@checkpoint
def step(n: int) -> int:
    with (HERE / "bodies").open("a") as file:
        file.write(f"{n}\n")
    while n == 38 and (HERE / "stand-still").exists():
        time.sleep(0.01)
    return n * n


@flow
def forty() -> int:
    return sum(step(n) for n in range(1, 41))


if __name__ == "__main__":
    forty.run()
