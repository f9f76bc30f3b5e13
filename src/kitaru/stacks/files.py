"""Read the file of a stack. What stands in it may be secret, so errors quote nothing."""

from __future__ import annotations

import yaml

from kitaru.errors import KitaruUsageError


def parse(text: str, place: str) -> dict[str, object]:
    """Return the settings in a YAML text.

    Raises:
        KitaruUsageError: If it is no YAML, or not a mapping; says where.
    """
    where = ""
    try:
        found = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" in line {mark.line + 1}" if mark is not None else ""
        found = None
    except yaml.YAMLError:
        where = ": a character in it is not allowed"
        found = None
    if where:
        raise KitaruUsageError(f"{place} is not YAML{where}. Nothing was created")
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise KitaruUsageError(
            f"{place} is not a list of settings, such as type: kubernetes. Nothing was "
            "created"
        )
    return found
