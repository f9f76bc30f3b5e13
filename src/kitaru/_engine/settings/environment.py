"""What ZenML finds in the environment when this process, or its user's code, imports it."""

from __future__ import annotations

import os
from pathlib import Path

from kitaru._engine.settings import analytics, folders
from kitaru.errors import KitaruUsageError


def prepare() -> None:
    """Let ZenML work in our folder, quietly and without analytics.

    Raises:
        KitaruUsageError: If the folder is none.
    """
    set_folder()
    analytics.enforce()
    if not folders.is_on("KITARU_DEBUG"):
        os.environ.setdefault("ZENML_LOGGING_VERBOSITY", "ERROR")
        os.environ.setdefault("ZENML_ENABLE_RICH_TRACEBACK", "false")


def set_folder() -> bool:
    """Tell ZenML which folder KITARU_CONFIG_PATH names; return whether it names one.

    Raises:
        KitaruUsageError: If it is none.
    """
    folder = os.environ.get("KITARU_CONFIG_PATH")
    if not folder:
        return False
    path = Path(folder).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise KitaruUsageError(
            f"KITARU_CONFIG_PATH is {folder!r}, which is not a folder; set it to a "
            "folder that exists or can be made"
        )
    os.environ["ZENML_CONFIG_PATH"] = str(path)
    return True
