"""Fail if a Python file is longer than 600 lines."""

from __future__ import annotations

import sys
from pathlib import Path

HARD = 600
FOLDERS = ("src", "tests", "examples", "scripts", "benchmarks", "website")


def main() -> int:
    """Count lines below the project's folders."""
    root = Path(__file__).parent.parent
    status = 0
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > HARD:
                print(f"{path.relative_to(root)}: {lines} lines, more than {HARD}")
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
