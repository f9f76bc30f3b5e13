"""Give a pyproject.toml its table for Kitaru, leaving everything else as it is."""

from __future__ import annotations

import tomllib
from typing import Any

from kitaru.errors import KitaruUsageError

_TABLE = """\
[tool.kitaru]
# Defaults of the executions started in this project; remove the # of what you need.
# stack = "default"
# cache = false
# retries = 0
# project = "default"
# budget = { usd = 5 }
# recover = "auto"
# notify = { webhook = "https://hooks.example.com/kitaru", secret = "hook" }
# image = { base_image = "python:3.12" }
"""


def kitaru_table(text: str, *, path: object) -> dict[str, Any] | None:
    """Return `[tool.kitaru]` of a file's text, `None` if it has none.

    Raises:
        KitaruUsageError: If it is no TOML, or holds something else under that name.
    """
    try:
        tools = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        raise KitaruUsageError(f"{path} is not valid TOML: {error}") from error
    table = tools.get("kitaru") if isinstance(tools, dict) else None
    if table is not None and not isinstance(table, dict):
        raise KitaruUsageError(
            f"{path}: tool.kitaru must be a table, got {table!r}; write [tool.kitaru]"
        )
    return table


def with_kitaru_table(text: str, *, path: object) -> str | None:
    """Return the text with the table at its end, `None` if it has one already.

    Raises:
        KitaruUsageError: If it is no TOML, or no table can be put at its end.
    """
    if kitaru_table(text, path=path) is not None:
        return None
    end = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text else end if text.endswith("\n") else end * 2
    longer = text + gap + _TABLE.replace("\n", end)
    try:
        tomllib.loads(longer)
    except tomllib.TOMLDecodeError as error:
        # `tool = {…}` in one line: such a table cannot grow.
        raise KitaruUsageError(
            f"{path} writes `tool` in a form that [tool.kitaru] cannot be added to "
            f"({error}); write its tables as [tool.NAME], then try again"
        ) from None
    return longer
