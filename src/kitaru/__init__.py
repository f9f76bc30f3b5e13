"""Durable execution for Python agents.

`@flow` and `@checkpoint` keep every finished result, `wait()` pauses for a person with
no process alive, and an execution that died goes on where it stopped.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from kitaru._recorded_names import FormerModules
from kitaru.version import __version__ as __version__

if TYPE_CHECKING:
    from kitaru._core.flows.resources import Resources as Resources
    from kitaru._core.settings.budgets import Budget as Budget
    from kitaru._core.settings.images import ImageSettings as ImageSettings
    from kitaru._engine.session.futures import CheckpointFuture as CheckpointFuture
    from kitaru._engine.session.waiting import WaitFuture as WaitFuture
    from kitaru.checkpoints import Checkpoint as Checkpoint
    from kitaru.checkpoints import checkpoint as checkpoint
    from kitaru.checkpoints import unmapped as unmapped
    from kitaru.client import KitaruClient as KitaruClient
    from kitaru.config import configure as configure
    from kitaru.connection import connect as connect
    from kitaru.errors import KitaruBackendError as KitaruBackendError
    from kitaru.errors import KitaruBudgetError as KitaruBudgetError
    from kitaru.errors import KitaruContextError as KitaruContextError
    from kitaru.errors import KitaruDivergenceError as KitaruDivergenceError
    from kitaru.errors import KitaruError as KitaruError
    from kitaru.errors import KitaruExecutionError as KitaruExecutionError
    from kitaru.errors import (
        KitaruFeatureNotAvailableError as KitaruFeatureNotAvailableError,
    )
    from kitaru.errors import KitaruLogRetrievalError as KitaruLogRetrievalError
    from kitaru.errors import KitaruModelError as KitaruModelError
    from kitaru.errors import KitaruModelUnavailableError as KitaruModelUnavailableError
    from kitaru.errors import KitaruPickleWarning as KitaruPickleWarning
    from kitaru.errors import KitaruRuntimeError as KitaruRuntimeError
    from kitaru.errors import (
        KitaruStackIntegrationDependencyError as KitaruStackIntegrationDependencyError,
    )
    from kitaru.errors import KitaruStateError as KitaruStateError
    from kitaru.errors import KitaruUsageError as KitaruUsageError
    from kitaru.errors import KitaruUserCodeError as KitaruUserCodeError
    from kitaru.errors import KitaruWaitExpired as KitaruWaitExpired
    from kitaru.errors import KitaruWaitValidationError as KitaruWaitValidationError
    from kitaru.flows import Flow as Flow
    from kitaru.flows import FlowHandle as FlowHandle
    from kitaru.flows import flow as flow
    from kitaru.language_models import llm as llm
    from kitaru.local_stacks import create_stack as create_stack
    from kitaru.local_stacks import current_stack as current_stack
    from kitaru.local_stacks import delete_stack as delete_stack
    from kitaru.local_stacks import list_stacks as list_stacks
    from kitaru.local_stacks import use_stack as use_stack
    from kitaru.models import ExecutionStatus as ExecutionStatus
    from kitaru.models import FailureOrigin as FailureOrigin
    from kitaru.models import Secret as Secret
    from kitaru.models import SecretInfo as SecretInfo
    from kitaru.primitives import call_key as call_key
    from kitaru.primitives import current_execution_id as current_execution_id
    from kitaru.primitives import load as load
    from kitaru.primitives import log as log
    from kitaru.primitives import save as save
    from kitaru.primitives import sleep as sleep
    from kitaru.primitives import wait as wait
    from kitaru.secrets import create_secret as create_secret
    from kitaru.secrets import delete_secret as delete_secret
    from kitaru.secrets import get_secret as get_secret

FormerModules.install()

_HOMES = {
    "kitaru.checkpoints": ("Checkpoint", "checkpoint", "unmapped"),
    "kitaru._core.settings.budgets": ("Budget",),
    "kitaru._core.settings.images": ("ImageSettings",),
    "kitaru._core.flows.resources": ("Resources",),
    "kitaru._engine.session.futures": ("CheckpointFuture",),
    "kitaru._engine.session.waiting": ("WaitFuture",),
    "kitaru.client": ("KitaruClient",),
    "kitaru.config": ("configure",),
    "kitaru.connection": ("connect",),
    "kitaru.errors": (
        "KitaruBackendError",
        "KitaruBudgetError",
        "KitaruContextError",
        "KitaruDivergenceError",
        "KitaruError",
        "KitaruExecutionError",
        "KitaruFeatureNotAvailableError",
        "KitaruLogRetrievalError",
        "KitaruModelError",
        "KitaruModelUnavailableError",
        "KitaruPickleWarning",
        "KitaruRuntimeError",
        "KitaruStackIntegrationDependencyError",
        "KitaruStateError",
        "KitaruUsageError",
        "KitaruUserCodeError",
        "KitaruWaitExpired",
        "KitaruWaitValidationError",
    ),
    "kitaru.flows": ("Flow", "FlowHandle", "flow"),
    "kitaru.language_models": ("llm",),
    "kitaru.local_stacks": (
        "create_stack",
        "current_stack",
        "delete_stack",
        "list_stacks",
        "use_stack",
    ),
    "kitaru.primitives": (
        "call_key",
        "current_execution_id",
        "load",
        "log",
        "save",
        "sleep",
        "wait",
    ),
    "kitaru.models": ("ExecutionStatus", "FailureOrigin", "Secret", "SecretInfo"),
    "kitaru.secrets": ("create_secret", "delete_secret", "get_secret"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'kitaru' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
