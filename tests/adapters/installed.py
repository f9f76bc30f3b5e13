"""What an adapter says without its framework."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def refusal(framework: str, source: str | None, adapter: str, folder: Path) -> str:
    """Return the error of importing an adapter, its last line.

    Args:
        framework: Name of the framework's package.
        source: What that consists of; `None`: it is not installed.
        adapter: The module of the adapter.
        folder: An empty one.
    """
    lines = ["import sys"]
    if source is None:
        lines.append(f"sys.modules[{framework!r}] = None")
    else:
        (folder / framework).mkdir()
        (folder / framework / "__init__.py").write_text(source)
        lines.append(f"sys.path.insert(0, {str(folder)!r})")
    lines.append(f"import {adapter}")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("kitaru.errors.KitaruFeatureNotAvailableError")
    return last
