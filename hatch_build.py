"""What a wheel gets beside the source: the pages with their references written out."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Pages(BuildHookInterface[Any]):
    """Puts pages, `llms.txt`, `llms-full.txt` and skills where the package reads them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the files, and say where they go; an editable install has the sources."""
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root, "src")))
        from kitaru.shipped import pages

        included = build_data["force_include"]
        for folder, pattern in (
            ("docs", "**/*.svg"),
            ("docs", "pictures/*.png"),
            ("skills", "**/*.md"),
            ("examples", "*/*.py"),
            ("examples", "*/*.md"),
        ):
            for path in Path(self.root, folder).glob(pattern):
                name = path.relative_to(self.root).as_posix()
                included[str(path)] = f"kitaru/shipped/{name}"
        self._folder = tempfile.TemporaryDirectory()
        for name, text in pages.written(self.metadata.version, Path(self.root, "docs")):
            path = Path(self._folder.name, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            included[str(path)] = f"kitaru/shipped/docs/{name}"

    def finalize(self, *_: object) -> None:
        """Remove what was written for the wheel."""
        folder = getattr(self, "_folder", None)
        if folder is not None:
            folder.cleanup()
