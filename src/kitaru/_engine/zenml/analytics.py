"""Whether ZenML may send analytics: no, unless the user says yes.

ZenML's own default is yes, so its variable is set in every process of ours, and a
choice made with Kitaru is written into ZenML's configuration for `zenml` itself.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from kitaru.errors import KitaruBackendError

VARIABLE = "KITARU_ANALYTICS_OPT_IN"
ZENML_VARIABLE = "ZENML_ANALYTICS_OPT_IN"
_FILE = "analytics.json"
_YES = ("1", "true", "yes", "on")
# What ZenML's variable is because of us; the user has not said that.
_ours: list[str] = []


@dataclass(frozen=True, slots=True)
class Preference:
    """Whether analytics may be sent, and the place that says so."""

    opted_in: bool
    said_by: str


def preference(own_folder: Path) -> Preference:
    """Return what holds: the variables, then the stored choice, then no."""
    for variable in (VARIABLE, ZENML_VARIABLE):
        text = os.environ.get(variable, "").strip()
        if text and not (variable == ZENML_VARIABLE and text in _ours):
            return Preference(text.lower() in _YES, variable)
    stored = _stored(own_folder / _FILE)
    if stored is not None:
        return Preference(stored, str(own_folder / _FILE))
    return Preference(opted_in=False, said_by="default")


def enforce(own_folder: Path) -> None:
    """Tell ZenML in this process, and in those it starts."""
    text = str(preference(own_folder).opted_in).lower()
    if os.environ.get(ZENML_VARIABLE, "").strip().lower() != text:
        os.environ[ZENML_VARIABLE] = text
        _ours[:] = [text]


def store(own_folder: Path, *, opted_in: bool) -> None:
    """Keep a choice.

    Raises:
        KitaruBackendError: If it cannot be written.
    """
    path = own_folder / _FILE
    try:
        own_folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"opted_in": opted_in}) + "\n", encoding="utf-8")
    except OSError as error:
        raise KitaruBackendError(
            f"{path} cannot be written: {error}; check the permissions of the folder"
        ) from error


def _stored(path: Path) -> bool | None:
    """Return the stored choice; what cannot be read is no yes."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))["opted_in"] is True
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError):
        return False
