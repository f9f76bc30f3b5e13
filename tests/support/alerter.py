"""An alerter for ZenML stacks that writes what it is told into a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from zenml.alerter.base_alerter import (
    BaseAlerter,
    BaseAlerterConfig,
    BaseAlerterFlavor,
)

FILE = "KITARU_TESTS_ALERTS"


class FileAlerter(BaseAlerter):
    """Refuses while its file is a folder."""

    def post(self, message: str, params: Any = None) -> bool:
        with Path(os.environ[FILE]).open("a", encoding="utf-8") as file:
            file.write(f"{message}\n--\n")
        return True


class FileAlerterFlavor(BaseAlerterFlavor):
    """What ZenML knows it by."""

    @property
    def name(self) -> str:
        return "file_alerter"

    @property
    def config_class(self) -> type[BaseAlerterConfig]:
        return BaseAlerterConfig

    @property
    def implementation_class(self) -> type[FileAlerter]:
        return FileAlerter
