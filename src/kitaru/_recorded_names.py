"""Dotted names that outlive a version of Kitaru, and how those of older versions resolve.

Stores hold names of code for ever: a run in ZenML names the function that runs it, an
artifact the class that reads it, a pickled exception its class. Whoever moves such code
adds the old module to `FORMER_MODULES`; everything else may move freely.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import CodeType, ModuleType
from typing import Any, NamedTuple


class SourceName(NamedTuple):
    """A function or class that ZenML imports by name.

    Attributes:
        module: The dotted name of its module.
        attribute: Its name there.
    """

    module: str
    attribute: str


# Of pipelines: what ZenML's runner calls, here and in a pod.
FLOW = SourceName("kitaru._engine.zenml.runs.entry", "run_flow")
FLOW_POD = SourceName("kitaru._engine.zenml.programs.flow_pod", "run_flow")
# Of steps: what ZenML is told to have run, and what a pod of its own runs.
CHECKPOINT = SourceName("kitaru._engine.zenml.recording.placeholder", "checkpoint")
CHECKPOINT_POD = SourceName("kitaru._engine.zenml.programs.checkpoint_pod", "body")
# Of artifact versions: what reads them in ZenML.
MATERIALIZER = SourceName(
    "kitaru._engine.zenml.recording.materializer", "KitaruMaterializer"
)

# Modules that are started with `python -m`.
RUNNER = "kitaru._engine.programs.runner"
ISOLATED_BODY = "kitaru._engine.programs.isolated_body"
RECONCILE_ONCE = "kitaru._engine.programs.reconcile_once"
DELIVER_ONCE = "kitaru._engine.programs.deliver_once"
HTTP_ANSWER = "kitaru.http.one_request"

# What the server of `kitaru login` is started with.
SERVER_APP = "kitaru._engine.zenml.programs.server_app:app"

# Modules that stores, pickles and processes of older versions name, and where what they
# held is now.
FORMER_MODULES = {
    "kitaru._core.images": "kitaru._core.settings.images",
    "kitaru._core.mapping": "kitaru._core.flows.mapping",
    "kitaru._core.pickling": "kitaru._core.values.pickling",
    "kitaru._core.records": "kitaru._core.calls.records",
    "kitaru._core.resources": "kitaru._core.flows.resources",
    "kitaru._core.specs": "kitaru._core.flows.specs",
    "kitaru._engine.detached": RUNNER,
    "kitaru._engine.upkeep": RECONCILE_ONCE,
    # Runs of this machine and of pods had one entry.
    "kitaru._engine.zenml.entry": FLOW_POD.module,
    "kitaru._engine.zenml.isolated_pod": CHECKPOINT_POD.module,
    "kitaru._engine.zenml.materializer": MATERIALIZER.module,
    "kitaru._engine.zenml.placeholder": CHECKPOINT.module,
    "kitaru._engine.zenml.programs.runner": RUNNER,
    "kitaru._engine.zenml.server_app": "kitaru._engine.zenml.programs.server_app",
    "kitaru.reconcile_records": "kitaru.models.recovery",
    "kitaru.secret_records": "kitaru.models.secrets",
}


class FormerModules:
    """Imports a module of an older version as the one that holds its contents now.

    Python asks it last, for names that nobody else finds.
    """

    @classmethod
    def install(cls) -> None:
        """Let this process find them."""
        if cls not in sys.meta_path:
            sys.meta_path.append(cls)

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        """Return how to import a former module; `None` for any other name."""
        if fullname not in FORMER_MODULES:
            return None
        return ModuleSpec(fullname, cls, origin=FORMER_MODULES[fullname])  # type: ignore[arg-type]  # a loader by its methods

    @staticmethod
    def create_module(spec: ModuleSpec) -> ModuleType | None:
        """Let Python make an empty module, which `exec_module` replaces."""
        return None

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        """Put the present module in the former one's place: there is no second copy."""
        sys.modules[module.__name__] = import_module(FORMER_MODULES[module.__name__])

    @staticmethod
    def get_code(fullname: str) -> CodeType | None:
        """Return the code of the present module, for `python -m`."""
        spec = find_spec(FORMER_MODULES[fullname])
        return spec.loader.get_code(spec.name) if spec and spec.loader else None  # type: ignore[attr-defined]  # all of ours have it
