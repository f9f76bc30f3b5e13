"""Show and set whether anonymous usage data may be sent."""

from __future__ import annotations

from kitaru._engine.settings import analytics
from kitaru._engine.zenml.setup import importing
from kitaru.models import Record


class AnalyticsPreference(Record):
    """Whether analytics may be sent, and the place that says so."""

    opted_in: bool
    said_by: str


def preference() -> AnalyticsPreference:
    """Return what holds now."""
    found = analytics.preference()
    return AnalyticsPreference(opted_in=found.opted_in, said_by=found.said_by)


def choose(*, opted_in: bool) -> AnalyticsPreference:
    """Keep the user's choice and return what holds: a variable may win over it.

    Raises:
        KitaruBackendError: If it cannot be written.
    """
    importing.choose_analytics(opted_in=opted_in)
    return preference()
