"""ZenML's configuration file, shared by processes that start and die at any moment.

ZenML empties the file and writes it anew, several times in the start of each process.
Who reads meanwhile finds half of it, and who is killed meanwhile leaves it empty.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import yaml
from zenml.config.global_config import GlobalConfiguration

from kitaru._engine.disk import durable_files

_LOOKS = 20
_PAUSE = 0.05
_read = GlobalConfiguration._read_config


def keep_whole() -> None:
    """Write ZenML's configuration as a whole and only when it changes."""
    GlobalConfiguration._write_config = _write_whole  # type: ignore[method-assign]  # ZenML offers no setting
    GlobalConfiguration._read_config = _read_whole  # type: ignore[method-assign]


def _write_whole(self: GlobalConfiguration) -> None:
    if "ZENML_SERVER" in os.environ:
        return
    file = Path(self._config_file).resolve()
    text = yaml.dump(self.model_dump(mode="json", exclude_none=True), sort_keys=True)
    if text == _content(file):
        return
    durable_files.write(file, text.encode())


def _read_whole(self: GlobalConfiguration) -> dict[str, Any]:
    """Read it, again if another program is just writing."""
    for _ in range(_LOOKS):
        try:
            found = _read(self)
        except yaml.YAMLError:
            found = {}
        if found or not Path(self._config_file).exists():
            return found
        time.sleep(_PAUSE)
    return _read(self)


def _content(file: Path) -> str | None:
    try:
        return file.read_text()
    except FileNotFoundError:
        return None
