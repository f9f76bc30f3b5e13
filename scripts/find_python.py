"""Print the path of a Python interpreter of a version such as 3.13."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


def candidates(version: str) -> Iterator[str]:
    """Yield places where that version may be, the PATH first."""
    found = shutil.which(f"python{version}")
    if found:
        yield found
    root = os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))
    for folder in sorted(Path(root).glob(f"versions/{version}.*/bin/python")):
        yield str(folder)


def runs(python: str, version: str) -> bool:
    """Whether it is an interpreter of that version; shims may be empty."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    result = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return result.returncode == 0 and result.stdout.strip() == version


def main() -> int:
    """Print the first one that runs."""
    version = sys.argv[1]
    for python in candidates(version):
        if runs(python, version):
            print(python)
            return 0
    print(
        f"no Python {version} found; install it, or put it on the PATH", file=sys.stderr
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
