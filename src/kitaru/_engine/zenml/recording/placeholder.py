"""What the dashboard names as the code of a checkpoint's step run.

Kitaru runs checkpoints itself; ZenML only needs an importable source to show.
"""

from __future__ import annotations


def checkpoint() -> None:
    """Stand for the body of a checkpoint."""
