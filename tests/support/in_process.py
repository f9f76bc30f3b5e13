"""Point the ZenML of this process at another store."""

from __future__ import annotations

from kitaru._engine.zenml.environment import import_zenml

import_zenml()

from zenml.client import Client  # noqa: E402  comes in quietly only after the above
from zenml.config.global_config import GlobalConfiguration  # noqa: E402
from zenml.stack.stack import _STACK_CACHE  # noqa: E402


def forget_store() -> None:
    """Let ZenML read its configuration again."""
    configuration = GlobalConfiguration.get_instance()
    if configuration is not None and configuration._zen_store is not None:
        configuration._zen_store.engine.dispose()
    # Stacks know the folder of their artifact store.
    _STACK_CACHE.clear()
    GlobalConfiguration._reset_instance()
    Client._reset_instance()
