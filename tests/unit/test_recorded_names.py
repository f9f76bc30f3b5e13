"""Names that stores, pickles and processes hold mean for ever what they meant.

Whoever moves such code adds the new name to these tables and lets the old one resolve
(`kitaru._recorded_names`). A line here is never changed and never taken out.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from kitaru import _recorded_names as recorded_names
from kitaru._recorded_names import SourceName

# Runs, steps and artifacts in ZenML name these; ZenML imports them, here and in pods.
ZENML_SOURCES = {
    "kitaru._engine.zenml.entry.run_flow": "function",
    "kitaru._engine.zenml.placeholder.checkpoint": "function",
    "kitaru._engine.zenml.isolated_pod.body": "function",
    "kitaru._engine.zenml.materializer.KitaruMaterializer": "class",
    "kitaru._engine.zenml.runs.entry.run_flow": "function",
    "kitaru._engine.zenml.programs.flow_pod.run_flow": "function",
    "kitaru._engine.zenml.recording.placeholder.checkpoint": "function",
    "kitaru._engine.zenml.programs.checkpoint_pod.body": "function",
    "kitaru._engine.zenml.recording.materializer.KitaruMaterializer": "class",
}

# Started with `python -m` by processes of the version that wrote the name.
MODULES = {
    "kitaru._engine.detached",
    "kitaru._engine.upkeep",
    "kitaru._engine.programs.runner",
    "kitaru._engine.zenml.programs.runner",
    "kitaru._engine.programs.isolated_body",
    "kitaru._engine.programs.deliver_once",
    "kitaru._engine.programs.reconcile_once",
    "kitaru.http.one_request",
}
SERVER_APPS = {
    "kitaru._engine.zenml.server_app:app",
    "kitaru._engine.zenml.programs.server_app:app",
}

# In pickles: values, exceptions, requests and replies of isolated checkpoints.
PICKLED = {
    "kitaru._core.pickling.find_class": "function",
    "kitaru._core.values.pickling.find_class": "function",
    "kitaru._engine.isolation.Request": "class",
    "kitaru._engine.isolation.Reply": "class",
    "kitaru._engine.isolation.request.Request": "class",
    "kitaru._engine.isolation.request.Reply": "class",
    "kitaru._core.specs.CheckpointSpec": "class",
    "kitaru._core.specs.CallOptions": "class",
    "kitaru._core.specs.FlowSpec": "class",
    "kitaru._core.flows.specs.CheckpointSpec": "class",
    "kitaru._core.flows.specs.CallOptions": "class",
    "kitaru._core.flows.specs.FlowSpec": "class",
    "kitaru._core.sources.FlowSource": "class",
    "kitaru._core.settings.Settings": "class",
    "kitaru._core.settings.settings.Settings": "class",
    "kitaru._core.mapping.Unmapped": "class",
    "kitaru._core.flows.mapping.Unmapped": "class",
    "kitaru._core.records.StoredValue": "class",
    "kitaru._core.records.StoredArtifact": "class",
    "kitaru._core.records.StoredFailure": "class",
    "kitaru._core.records.AttemptRecord": "class",
    "kitaru._core.records.CallRecord": "class",
    "kitaru._core.calls.records.StoredValue": "class",
    "kitaru._core.calls.records.StoredArtifact": "class",
    "kitaru._core.calls.records.StoredFailure": "class",
    "kitaru._core.calls.records.AttemptRecord": "class",
    "kitaru._core.calls.records.CallRecord": "class",
    # What a body uses travels with it, by its name.
    "kitaru.checkpoints.Checkpoint": "class",
    "kitaru.checkpoints.checkpoint": "function",
    "kitaru.flows.Flow": "class",
    "kitaru.flows.flow": "function",
    "kitaru.client.KitaruClient": "class",
    "kitaru.language_models.llm": "function",
    "kitaru.primitives.call_key": "function",
    "kitaru.primitives.current_execution_id": "function",
    "kitaru.primitives.load": "function",
    "kitaru.primitives.log": "function",
    "kitaru.primitives.save": "function",
    "kitaru.primitives.wait": "function",
    "kitaru.secrets.get_secret": "function",
    "kitaru.errors.KitaruBackendError": "class",
    "kitaru.errors.KitaruBudgetError": "class",
    "kitaru.errors.KitaruContextError": "class",
    "kitaru.errors.KitaruDivergenceError": "class",
    "kitaru.errors.KitaruError": "class",
    "kitaru.errors.KitaruExecutionError": "class",
    "kitaru.errors.KitaruFeatureNotAvailableError": "class",
    "kitaru.errors.KitaruLogRetrievalError": "class",
    "kitaru.errors.KitaruModelError": "class",
    "kitaru.errors.KitaruModelUnavailableError": "class",
    "kitaru.errors.KitaruPickleWarning": "class",
    "kitaru.errors.KitaruRuntimeError": "class",
    "kitaru.errors.KitaruStackIntegrationDependencyError": "class",
    "kitaru.errors.KitaruStateError": "class",
    "kitaru.errors.KitaruUsageError": "class",
    "kitaru.errors.KitaruUserCodeError": "class",
    "kitaru.errors.KitaruWaitValidationError": "class",
}

# In values with tags: records of Kitaru that a checkpoint took, saved or returned.
TAGGED = dict.fromkeys(
    (
        "kitaru._core.images.ImageSettings",
        "kitaru._core.settings.images.ImageSettings",
        "kitaru._core.resources.Resources",
        "kitaru._core.flows.resources.Resources",
        "kitaru.adapters._shared.policy.CapturePolicy",
        "kitaru.models.ApiKey",
        "kitaru.models.ArtifactRef",
        "kitaru.models.CheckpointAttempt",
        "kitaru.models.CheckpointCall",
        "kitaru.models.CleanItem",
        "kitaru.models.CleanPlan",
        "kitaru.models.CleanScope",
        "kitaru.models.Cleaned",
        "kitaru.models.ComponentCheck",
        "kitaru.models.Connection",
        "kitaru.models.Continuation",
        "kitaru.models.DeletedStack",
        "kitaru.models.Execution",
        "kitaru.models.ExecutionStatus",
        "kitaru.models.ExecutionUsage",
        "kitaru.models.FailureInfo",
        "kitaru.models.FailureOrigin",
        "kitaru.models.KeptItem",
        "kitaru.models.LocalServer",
        "kitaru.models.LogEntry",
        "kitaru.models.LogPlace",
        "kitaru.models.LogStore",
        "kitaru.models.LoggedOut",
        "kitaru.models.ModelAlias",
        "kitaru.models.NewApiKey",
        "kitaru.models.Page",
        "kitaru.models.PendingWait",
        "kitaru.models.ServiceAccount",
        "kitaru.models.Stack",
        "kitaru.models.StackComponent",
        "kitaru.models.StackReport",
        "kitaru.models.Usage",
        "kitaru.reconcile_records.Reconciled",
        "kitaru.reconcile_records.Remedy",
        "kitaru.reconcile_records.Trouble",
        "kitaru.secret_records.SecretInfo",
        "kitaru.models.recovery.Reconciled",
        "kitaru.models.recovery.Remedy",
        "kitaru.models.recovery.Trouble",
        "kitaru.models.secrets.SecretInfo",
    ),
    "class",
)

# Looks at each name as a process that has imported nothing but the modules before it.
LOOK = """
import importlib
import inspect
import json
import sys

found = {}
for name in json.load(sys.stdin):
    module, _, attribute = name.rpartition(".")
    value = getattr(importlib.import_module(module), attribute)
    home = importlib.import_module(value.__module__)
    assert value.__name__ == attribute, name
    # A second copy would know nothing of what the first one knows.
    assert getattr(home, attribute) is value, name
    kind = "class" if inspect.isclass(value) else "function"
    found[name] = kind if callable(value) else type(value).__name__
print(json.dumps(found))
"""


def looked_at(names: list[str]) -> dict[str, str]:
    """Return what each name is, as a new process finds it."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK],
        input=json.dumps(names),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    "names",
    [ZENML_SOURCES, PICKLED, TAGGED],
    ids=["zenml-sources", "pickled", "tagged"],
)
def test_recorded_names_are_what_they_were(names: dict[str, str]) -> None:
    # The oldest first, then last: a name must not need another one's import.
    assert looked_at([*names]) == names
    assert looked_at([*reversed(names)]) == names


@pytest.mark.parametrize("module", sorted(MODULES))
def test_recorded_modules_are_started(module: str) -> None:
    program = f"""
from importlib.util import find_spec

import kitaru

spec = find_spec({module!r})
print("main" in spec.loader.get_code({module!r}).co_names)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.stdout == "True\n", done.stderr


def test_recorded_server_apps_are_one_application() -> None:
    program = """
import importlib
import json
import sys

apps = []
for name in json.load(sys.stdin):
    module, _, attribute = name.partition(":")
    apps.append(getattr(importlib.import_module(module), attribute))
assert all(app is apps[0] for app in apps)
print(type(apps[0]).__name__)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(sorted(SERVER_APPS)),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.stdout == "FastAPI\n", done.stderr


def test_names_that_are_recorded_today_are_kept_for_ever() -> None:
    constants = [
        value for name, value in vars(recorded_names).items() if name.isupper()
    ]
    sources = {
        f"{c.module}.{c.attribute}" for c in constants if isinstance(c, SourceName)
    }
    texts = {constant for constant in constants if isinstance(constant, str)}

    assert sources <= ZENML_SOURCES.keys()
    assert texts <= MODULES | SERVER_APPS
