"""Compare JSON with what is kept in tests/golden, apart from ids, times and places.

`UPDATE_GOLDEN=1 pytest tests/contract/test_json_shapes.py` writes the files anew.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent.parent / "golden"
_CHANGING = (
    (re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)"), "<time>"),
    (re.compile(r"https?://[\w.:]+"), "<url>"),
    (re.compile(r"(?<![\w<])(?:/[\w.+-]+){2,}"), "<path>"),
    (re.compile(r"\b[0-9a-f]{8}\b"), "<short id>"),
    (re.compile(r"\b\d+\.\d+\.\d+\b"), "<version>"),
)
_NUMBERS = re.compile(r"pid|size|bytes|port|seconds|line")


def assert_golden(name: str, data: Any) -> None:
    """Fail unless `data` is what tests/golden/NAME.json holds."""
    path = GOLDEN / f"{name}.json"
    text = json.dumps(steady(data), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"see {path.name}"


def shape(data: Any) -> Any:
    """Return the keys of data, with the kinds of their values."""
    if isinstance(data, dict):
        return {name: shape(value) for name, value in data.items()}
    if isinstance(data, list):
        return [shape(value) for value in data[:1]]
    return type(data).__name__


def steady(data: Any, key: str = "") -> Any:
    """Return data with everything that changes from run to run put as `<what it is>`."""
    if isinstance(data, dict) and key != "packages":
        return {name: steady(value, name) for name, value in data.items()}
    if isinstance(data, list):
        return [steady(value, key) for value in data]
    if key in ("traceback", "token", "key", "code", "uri", "packages") and data:
        return f"<{key}>"
    if key in ("answered_by", "created_by", "deployed_by") and data:
        return "<person>"
    if isinstance(data, str):
        for pattern, mark in _CHANGING:
            data = pattern.sub(mark, data)
        return data
    if isinstance(data, int | float) and not isinstance(data, bool):
        return f"<{key}>" if _NUMBERS.search(key) else data
    return data
