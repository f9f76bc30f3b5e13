"""Load ZenML's service connectors."""

from __future__ import annotations

import warnings

from zenml.service_connectors.service_connector_registry import (
    service_connector_registry,
)


def load_connectors() -> None:
    """Import what ZenML has for the platforms that are installed here."""
    with warnings.catch_warnings():
        # Google's packages remark on every Python that is not the newest.
        warnings.simplefilter("ignore", FutureWarning)
        service_connector_registry.register_builtin_service_connectors()
