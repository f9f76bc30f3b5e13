"""Whether ZenML may send analytics: no, unless the user says yes.

ZenML's own default is yes, so its variable is set in every process of ours, and a
choice made with Kitaru is written into ZenML's configuration for `zenml` itself.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from kitaru.errors import KitaruBackendError

VARIABLE = "KITARU_ANALYTICS_OPT_IN"
ZENML_VARIABLE = "ZENML_ANALYTICS_OPT_IN"
_KEY = "analytics_opted_in"
_YES = ("1", "true", "yes", "on")
# What ZenML's variable is because of us; the user has not said that.
_ours: list[str] = []


@dataclass(frozen=True, slots=True)
class Preference:
    """Whether analytics may be sent, and the place that says so."""

    opted_in: bool
    said_by: str


def preference() -> Preference:
    """Return what holds: the variables, then the stored choice, then no."""
    for variable in (VARIABLE, ZENML_VARIABLE):
        text = os.environ.get(variable, "").strip()
        if text and not (variable == ZENML_VARIABLE and text in _ours):
            return Preference(text.lower() in _YES, variable)
    # Not at the top: the file lies in the folder that `environment` names.
    from kitaru._engine.settings import settings_file

    try:
        stored = settings_file.read().get(_KEY)
    except KitaruBackendError:
        # What cannot be read is no yes.
        stored = False
    if stored is None:
        return Preference(opted_in=False, said_by="default")
    return Preference(stored is True, str(settings_file.path()))


def enforce() -> None:
    """Tell ZenML in this process, and in those it starts."""
    text = str(preference().opted_in).lower()
    if os.environ.get(ZENML_VARIABLE, "").strip().lower() != text:
        os.environ[ZENML_VARIABLE] = text
        _ours[:] = [text]


def store(*, opted_in: bool) -> None:
    """Keep a choice.

    Raises:
        KitaruBackendError: If it cannot be written.
    """
    from kitaru._engine.settings import settings_file

    def change(settings: dict[str, Any]) -> None:
        settings[_KEY] = opted_in

    settings_file.change(change)
