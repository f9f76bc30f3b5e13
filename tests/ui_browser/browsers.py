"""Which browser the tests of the page use, and how it comes here."""

from __future__ import annotations

import os
import shutil
import sys

from tests.rig import debian

PACKAGE = "chromium"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_CHOSEN = "KITARU_TEST_BROWSER"


def find() -> str | None:
    """Return the path of a Chromium, `None` if there is none."""
    chosen = os.environ.get(_CHOSEN)
    if chosen:
        return chosen
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


def main() -> int:
    """Install one if there is none: with Debian's packages, if we are root."""
    if find() is not None:
        return 0
    print("installing Chromium for the tests of the page", flush=True)
    try:
        debian.install(package=PACKAGE)
    except debian.NotInstalled as error:
        print(
            f"Chromium is not installed: {error}. Install it, or name one with "
            f"{_CHOSEN}=/path/to/chromium",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
