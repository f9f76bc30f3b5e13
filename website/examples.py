"""An extension of griffe: what docstrings have below `Example:` is shown as code."""

from __future__ import annotations

import re
from typing import Any

import griffe

_HEADING = re.compile(r"^( *)Example:$", re.MULTILINE)


class Examples(griffe.Extension):
    """Griffe knows the heading in the plural only."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rename the heading."""
        if obj.docstring:
            obj.docstring.value = _HEADING.sub(r"\1Examples:", obj.docstring.value)
