"""Create ZenML runs for executions, run them, and let them go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID, uuid4

from sqlalchemy.orm.exc import ObjectDeletedError
from zenml.client import Client
from zenml.config.source import DistributionPackageSource, Source
from zenml.enums import ExecutionMode, MetadataResourceTypes, StoreType
from zenml.enums import ExecutionStatus as RunStatus
from zenml.exceptions import EntityExistsError, IllegalOperationError
from zenml.execution.pipeline.utils import (
    prevent_pipeline_execution,
    submit_pipeline,
)
from zenml.models import (
    PipelineBuildResponse,
    PipelineRunResponse,
    PipelineRunUpdate,
    PipelineSnapshotRequest,
    PipelineSnapshotResponse,
    RunMetadataResource,
)
from zenml.pipelines.build_utils import reuse_or_create_pipeline_build
from zenml.pipelines.dynamic.pipeline_definition import DynamicPipeline
from zenml.pipelines.run_utils import create_placeholder_run
from zenml.stack import Stack

from kitaru import _recorded_names as recorded_names
from kitaru._core.calls import references
from kitaru._core.flows.facts import ExecutionFacts
from kitaru._core.settings.labels import Labels, run_name
from kitaru._core.settings.settings import Settings
from kitaru._core.sources import FlowSource
from kitaru._core.values import codec
from kitaru._engine.code import unpacked
from kitaru._engine.port.engine import KeyTakenError
from kitaru._engine.recording import attempts
from kitaru._engine.values import value_files
from kitaru._engine.zenml.runs import entry, statuses
from kitaru._engine.zenml.setup import pages
from kitaru._engine.zenml.setup.errors import translated
from kitaru.errors import KitaruStateError

TAG = "kitaru"
EXTRA_KEY = "kitaru"
_REREADS = 20
# Short reads: others may delete runs meanwhile.
_PAGE = 50
# What ZenML says of a run whose snapshot went after it read the run.
_HALF_READ = "should either have a snapshot_id"

T = TypeVar("T")


class _FlowPipeline(DynamicPipeline):
    """A pipeline whose source is an entry of ours, as a module of the installed package.

    ZenML would name an entry below its source root, as that of an editable install can
    be, by its path: a second copy of the module, which knows of no execution.
    """

    entry = recorded_names.FLOW
    # What the dashboard shows as its code.
    code = ""

    def resolve(self) -> Source:
        return DistributionPackageSource(**self.entry._asdict(), package_name="kitaru")

    @property
    def source_code(self) -> str:
        return self.code


class _PodPipeline(_FlowPipeline):
    """The same for an execution that a pod runs."""

    entry = recorded_names.FLOW_POD


def create(
    flow: str,
    source: FlowSource,
    inputs: Mapping[str, Any],
    facts: ExecutionFacts,
    *,
    code: str,
    in_pod: bool = False,
    code_uri: str | None = None,
    original: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> PipelineRunResponse:
    """Create a run for an execution, not started yet.

    Args:
        flow: Name of the flow; the pipeline's name.
        source: Where the flow comes from.
        inputs: The flow's arguments; the dashboard shows them, as far as they may be.
        facts: What another process needs to go on with it.
        code: The source of the flow, for the dashboard.
        in_pod: Whether the stack runs the body, not this machine.
        code_uri: The archive of the code, for pods.
        original: The execution this one replays.
        options: More for ZenML's pipeline, by the names of its parameters.

    Raises:
        KeyTakenError: If there is a run of its key.
    """
    labels = facts.labels
    pipeline = pipeline_of(
        flow,
        source,
        inputs,
        facts.to_dict(),
        code=code,
        in_pod=in_pod,
        tags=labels.tags,
        options=options,
    )
    if (name := name_of(labels)) is not None:
        pipeline._run_args["run_name"] = name
    snapshot = Compiled(pipeline).create(code_uri)
    return _placeholder(snapshot, labels, in_pod=in_pod, original=original)


def pipeline_of(
    flow: str,
    source: FlowSource,
    inputs: Mapping[str, Any],
    facts: Mapping[str, Any],
    *,
    code: str,
    in_pod: bool = False,
    tags: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
) -> DynamicPipeline:
    """Return the pipeline that a flow is for ZenML; see `create` for the arguments."""
    pipeline = (_PodPipeline if in_pod else _FlowPipeline)(
        name=flow,
        entrypoint=entry.run_flow,
        enable_cache=False,
        enable_step_logs=False,
        enable_pipeline_logs=False,
        enable_heartbeat=False,
        # Failed checkpoints may be caught; the runner alone decides on the run.
        execution_mode=ExecutionMode.CONTINUE_ON_FAILURE,
        extra={EXTRA_KEY: dict(facts)},
        tags=[TAG, *tags],
        **(options or {}),
    )
    pipeline.code = code
    pipeline.prepare(flow=source.reference, inputs=attempts.shown_inputs(inputs))
    return pipeline


def derive(
    deployment_id: str,
    facts: ExecutionFacts,
    inputs: Mapping[str, Any],
    *,
    original: str | None = None,
) -> PipelineRunResponse | None:
    """Create a run of a deployed version, not started yet; `None` if that is gone.

    Args:
        deployment_id: The version, whose code, stack, image and settings it takes over.
        facts: What another process needs to go on with it.
        inputs: The flow's arguments; the dashboard shows them, as far as they may be.
        original: The execution that it replays.

    Raises:
        KeyTakenError: If there is a run of its key.
    """
    try:
        version = Client().zen_store.get_snapshot(UUID(deployment_id))
    except KeyError:
        return None
    said = version.pipeline_configuration
    shown = attempts.shown_inputs(inputs)
    parameters = {**(said.parameters or {}), "inputs": shown}
    spec = version.pipeline_spec
    snapshot = Client().zen_store.create_snapshot(
        PipelineSnapshotRequest(
            project=version.project_id,
            stack=version.stack.id if version.stack else Client().active_stack_model.id,
            pipeline=version.pipeline.id,
            build=version.build.id if version.build else None,
            code_path=version.code_path,
            source_code=version.source_code,
            # What is derived goes on when its version is deleted.
            source_snapshot=version.id,
            is_dynamic=True,
            run_name_template=name_of(facts.labels) or version.run_name_template,
            pipeline_configuration=said.model_copy(
                update={
                    "extra": {**said.extra, EXTRA_KEY: facts.to_dict()},
                    "parameters": parameters,
                    "tags": [TAG, *facts.labels.tags],
                }
            ),
            step_configurations={},
            client_environment=version.client_environment,
            client_version=version.client_version,
            server_version=version.server_version,
            pipeline_version_hash=version.pipeline_version_hash,
            pipeline_spec=spec.model_copy(update={"parameters": parameters})
            if spec
            else None,
        )
    )
    return _placeholder(
        snapshot, facts.labels, in_pod=facts.is_remote, original=original
    )


def name_of(labels: Labels) -> str | None:
    """Return what a run of a key is called: no other one of the project can be."""
    return None if labels.key is None else run_name(labels.key)


def _placeholder(
    snapshot: PipelineSnapshotResponse,
    labels: Labels,
    *,
    in_pod: bool,
    original: str | None,
) -> PipelineRunResponse:
    try:
        run = create_placeholder_run(
            snapshot=snapshot,
            # An orchestrator of this machine has one for all runs of all threads.
            orchestrator_run_id=None if in_pod else str(uuid4()),
            original_run_id=UUID(original) if original else None,
        )
    except EntityExistsError as error:
        if labels.key is None:
            raise
        raise KeyTakenError(labels.key) from error
    describe(run.id, labels)
    return run


def describe(run_id: UUID, labels: Labels) -> None:
    """Give a run its attributes, as ZenML's metadata."""
    if not labels.attributes:
        return
    resource = RunMetadataResource(id=run_id, type=MetadataResourceTypes.PIPELINE_RUN)
    Client().create_run_metadata(dict(labels.attributes), resources=[resource])


class Compiled:
    """A pipeline on the active stack with its image, of which snapshots can be made.

    ZenML's own way packs the code by itself: files with a space in their name are lost,
    and without git whatever lies there comes along.
    """

    def __init__(self, pipeline: DynamicPipeline) -> None:
        stack = Client().active_stack
        self._code = pipeline.source_code
        self.snapshot, _, build = pipeline._compile(**pipeline._run_args)
        self._pipeline_id = pipeline.register().id
        stack.validate()
        self.build: PipelineBuildResponse | None = reuse_or_create_pipeline_build(
            snapshot=self.snapshot,
            pipeline_id=self._pipeline_id,
            allow_build_reuse=True,
            build=build,
        )

    def create(self, code_uri: str | None, **more: Any) -> PipelineSnapshotResponse:
        """Make a snapshot.

        Args:
            code_uri: The archive of the code.
            **more: More of what ZenML's request takes.
        """
        client = Client()
        return client.zen_store.create_snapshot(
            PipelineSnapshotRequest(
                project=client.active_project.id,
                stack=client.active_stack_model.id,
                pipeline=self._pipeline_id,
                build=self.build.id if self.build else None,
                code_path=code_uri,
                source_code=self._code,
                **more,
                **self.snapshot.model_dump(),
            )
        )


def submit(run: PipelineRunResponse) -> None:
    """Start the body on a remote stack."""
    assert run.snapshot is not None  # only deleted snapshots are missing
    submit_pipeline(
        snapshot=run.snapshot, stack=Client().active_stack, placeholder_run=run
    )


def start_here(run: PipelineRunResponse) -> None:
    """Run the body of a new run in this process and thread.

    Raises:
        BaseException: What the body raised.
    """
    assert run.snapshot is not None  # only deleted snapshots are missing
    stack = Client().active_stack
    stack.prepare_pipeline_submission(snapshot=run.snapshot)
    _run_here(run, run.snapshot, stack)


def go_on_here(run: PipelineRunResponse) -> None:
    """Run the body of an earlier run again, in this process, thread and active stack.

    Raises:
        BaseException: What the body raised.
    """
    # An abandoned run counts as running, and ZenML goes on with that as it is.
    if run.status not in (RunStatus.RESUMING, RunStatus.RUNNING):
        run = mark_resuming(run)
    assert run.snapshot is not None
    _run_here(run, run.snapshot, Client().active_stack)


def _run_here(
    run: PipelineRunResponse, snapshot: PipelineSnapshotResponse, stack: Stack
) -> None:
    # Past `submit_pipeline` and `resume_run`. The first tells a run that has ended to be
    # provisioned. Both put stack, project and token into the environment of the process,
    # where other threads find them.
    with prevent_pipeline_execution():
        stack.orchestrator.submit_dynamic_pipeline(
            snapshot=snapshot, stack=stack, environment={}, placeholder_run=run
        )


def mark_resuming(run: PipelineRunResponse) -> PipelineRunResponse:
    """Move a failed, paused or abandoned run to `resuming`; return it as it is then."""
    if run.status not in (RunStatus.FAILED, RunStatus.PAUSED):
        # ZenML lets nothing else resume; an abandoned run counts as running.
        set_status(str(run.id), RunStatus.FAILED, "runtime: the runner died")
    return move(str(run.id), RunStatus.RESUMING, None)


def move(execution_id: str, status: RunStatus, text: str | None) -> PipelineRunResponse:
    """Set the status of a run, unless somebody else has just moved it elsewhere.

    Raises:
        KitaruStateError: If that status cannot follow on the one that it has by now.
    """
    try:
        return set_status(execution_id, status, text)
    except IllegalOperationError as error:
        now = statuses.status_of(find_run(execution_id))
        raise KitaruStateError(
            f"somebody else was faster: execution {execution_id} is {now.value} by now, "
            "and nothing was changed"
        ) from error


def set_status(
    execution_id: str, status: RunStatus, text: str | None
) -> PipelineRunResponse:
    """Set the status of a run; return it as it is then."""
    return Client().zen_store.update_run(
        UUID(execution_id), PipelineRunUpdate(status=status, status_reason=text)
    )


def complete(run: PipelineRunResponse) -> PipelineRunResponse:
    """Note that a run completed, whose end ZenML could not note or took for a failure."""
    if run.status is RunStatus.FAILED:
        # One that has ended lets nothing else come.
        run = mark_resuming(run)
    return set_status(str(run.id), RunStatus.COMPLETED, None)


def reread(read: Callable[[], T]) -> T:
    """Return what `read` reads of the store, again if runs were deleted under it.

    ZenML reads a run and then what belongs to it. `kitaru clean` in another process, or
    the dashboard, may come between; the next time the run is not there at all.
    """
    for _ in range(_REREADS):
        try:
            return read()
        except ObjectDeletedError:
            continue
        except RuntimeError as error:
            # Other errors of this class are those of a connection, say.
            if _HALF_READ not in str(error):
                raise
    return read()


def ours(**filters: Any) -> list[PipelineRunResponse]:
    """Return all runs that are executions, oldest first.

    Args:
        filters: Which of them, by the names that ZenML has for it.
    """
    tagged = pages.every(
        lambda number, size: reread(
            lambda: Client().list_pipeline_runs(
                sort_by="asc:created",
                tags=TAG,
                page=number,
                size=size,
                hydrate=True,
                **filters,
            )
        ),
        size=_PAGE,
    )
    # Anybody may tag a run; only ours carry what Kitaru needs to go on.
    return [run for run in tagged if EXTRA_KEY in run.config.extra]


def store_id() -> str:
    """Return the id of the store that this process is connected to."""
    return str(Client().zen_store.get_deployment_id())


def store_is_a_file() -> bool:
    """Whether this process works with a store on the disk, and with no server.

    ZenML calls a server local, too, that has the id of this installation.
    """
    store = Client().zen_store
    return store.type is StoreType.SQL and store.is_local_store()


def stack_id_of(run: PipelineRunResponse) -> str | None:
    """Return the id of the stack a run belongs to, if there still is one."""
    return str(run.stack.id) if run.stack else None


def facts_of(run: PipelineRunResponse) -> ExecutionFacts | None:
    """Return the facts given to `create`; `None` for a run that is no execution.

    Raises:
        KitaruStateError: If a newer version of Kitaru has written them.
    """
    data = run.config.extra.get(EXTRA_KEY)
    if not isinstance(data, dict) or "source" not in data:
        return None
    if "inputs" not in data and "deployed" in data:
        data = data | _given_to_zenml(run, data["deployed"])
    return ExecutionFacts.from_dict(data, execution_id=str(run.id))


def _given_to_zenml(
    run: PipelineRunResponse, deployed: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is missing of an execution that ZenML itself has started of a version."""
    given = (run.config.parameters or {}).get("inputs") or {}
    encoded = codec.encode(given, what=f"the inputs of execution {run.id}")
    version = run.source_snapshot
    return {
        "inputs": references.reference(value_files.inline(encoded)),
        "inputs_are": "json",
        "deployed": {**deployed, "deployment_id": str(version.id) if version else ""},
    }


def facts_to_run(run: PipelineRunResponse) -> ExecutionFacts:
    """Return the facts of an execution that is to run.

    Raises:
        KitaruStateError: If the run is no execution of Kitaru's.
    """
    facts = facts_of(run)
    if facts is None:
        raise KitaruStateError(
            f"run {run.id} was not started by Kitaru, so Kitaru cannot go on with it"
        )
    here = unpacked.source_of(facts.source, facts.deployed)
    return replace(facts, source=here)


def settings_of(run: PipelineRunResponse) -> Settings:
    """Return the settings an execution was started with, and the stack it went to."""
    settings = facts_to_run(run).settings
    return replace(settings, stack=run.stack.name) if run.stack else settings


def find_run(execution_id: str) -> PipelineRunResponse:
    """Return the ZenML run of an execution."""
    with translated(f"reading execution {execution_id}"):
        try:
            return Client().zen_store.get_run(UUID(execution_id))
        except KeyError as error:
            raise KitaruStateError(
                f"execution {execution_id} is not there any more: it was removed "
                "meanwhile"
            ) from error
