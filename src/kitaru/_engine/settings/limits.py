"""Whole numbers that users set with an environment variable."""

from __future__ import annotations

import os

from kitaru.errors import KitaruUsageError


def number(variable: str, default: int, *, least: int, meaning: str) -> int:
    """Return what a variable says, or the default where it is unset or empty.

    Args:
        variable: Its name.
        default: What holds without it.
        least: The smallest number that makes sense.
        meaning: What it says, for the error: "how many …".

    Raises:
        KitaruUsageError: If it is no such number; names variable, value and meaning.
    """
    text = os.environ.get(variable, "")
    if not text:
        return default
    if not text.isdecimal() or int(text) < least:
        raise KitaruUsageError(
            f"{variable} is {text!r}; set it to {meaning}, {least} or more"
        )
    return int(text)
