"""Executions that wait and are left alone: `waiting.py COUNT`."""

from __future__ import annotations

import sys

import kitaru
from kitaru import flow


@flow
def waiting(number: int) -> int:
    kitaru.wait(schema=bool, question=f"Go on with {number}?", timeout=0)
    return number


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        waiting.run(number)
