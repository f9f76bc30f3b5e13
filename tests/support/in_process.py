"""Point the ZenML of this process at another store."""

from __future__ import annotations

from kitaru._engine import open as engines
from kitaru._engine.zenml.setup.importing import import_zenml

import_zenml()

from zenml.client import Client  # noqa: E402  comes in quietly only after the above
from zenml.config.global_config import GlobalConfiguration  # noqa: E402
from zenml.login.credentials_store import CredentialsStore  # noqa: E402
from zenml.stack.stack import _STACK_CACHE  # noqa: E402
from zenml.zen_stores.sql_zen_store import SqlZenStore  # noqa: E402

from kitaru._engine.zenml.connection import scoped  # noqa: E402


def forget_store() -> None:
    """Let ZenML read its configuration again."""
    configuration = GlobalConfiguration.get_instance()
    opened = configuration._zen_store if configuration is not None else None
    if isinstance(opened, SqlZenStore):
        opened.engine.dispose()
    # Stacks know the folder of their artifact store.
    _STACK_CACHE.clear()
    GlobalConfiguration._reset_instance()
    Client._reset_instance()
    CredentialsStore._clear()
    scoped.use_project(None)
    engines._default.cache_clear()
