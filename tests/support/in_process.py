"""Point the ZenML of this process at another store."""

from __future__ import annotations

from typing import Any

from kitaru._engine import open as engines
from kitaru._engine.zenml.setup.importing import import_zenml

import_zenml()

from zenml.client import Client  # noqa: E402  comes in quietly only after the above
from zenml.config.global_config import GlobalConfiguration  # noqa: E402
from zenml.login.credentials_store import CredentialsStore  # noqa: E402
from zenml.stack.stack import _STACK_CACHE  # noqa: E402
from zenml.zen_stores import sql_zen_store  # noqa: E402
from zenml.zen_stores.sql_zen_store import SqlZenStore  # noqa: E402

from kitaru._engine.zenml.connection import scoped  # noqa: E402

_create_engine = sql_zen_store.create_engine
_first: dict[str, Any] = {}
# More than ZenML has different ones.
_STATEMENTS = 5000


def _create_sharing(*args: Any, **options: Any) -> Any:
    """Make a database engine that knows what was compiled for those before.

    Compiling what ZenML asks a store takes longer than most tests do. It depends on the
    dialect, not on the database.
    """
    made = _create_engine(*args, query_cache_size=_STATEMENTS, **options)
    first = _first.setdefault(made.dialect.name, made)
    made.dialect = made.pool._dialect = first.dialect
    made._compiled_cache = first._compiled_cache
    return made


sql_zen_store.create_engine = _create_sharing


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
