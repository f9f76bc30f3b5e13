"""What every attempt at an execution of this machine begins and ends with."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from kitaru._core.calls import failures
from kitaru._core.calls.records import StoredFailure, StoredValue
from kitaru._core.flows import inputs as rules
from kitaru._core.flows.facts import ExecutionFacts
from kitaru._core.flows.specs import FlowSpec
from kitaru._core.secrecy import masking
from kitaru._core.settings import settings
from kitaru._core.settings.settings import Settings
from kitaru._core.values import codec
from kitaru._core.values.codec import Encoded
from kitaru._core.versions.records import Version
from kitaru._core.words.similar import cut
from kitaru._engine.code import environment, unpacked
from kitaru._engine.code.environment import Environment
from kitaru._engine.journal import compaction
from kitaru._engine.journal.journal import Journal
from kitaru._engine.journal.leases import NOBODY, Holder, Lease
from kitaru._engine.output import log_capture, log_folders
from kitaru._engine.output.log_file import LogFile
from kitaru._engine.output.reporter import LogReporter, StreamReporter
from kitaru._engine.port.deployments import Invocation
from kitaru._engine.port.engine import Launch
from kitaru._engine.port.execution import Ending, Reporter, Values
from kitaru._engine.values import value_files
from kitaru.errors import KitaruBackendError, KitaruError
from kitaru.models import ExecutionStatus, FailureOrigin

logger = logging.getLogger(__name__)

_SHOWN_INPUT = 1000


def encoded_inputs(launch: Launch) -> Encoded:
    """Return the arguments of a flow as they are stored.

    Raises:
        KitaruUsageError: If they cannot be.
    """
    what = f"the inputs of flow {launch.flow.name!r}"
    return codec.encode(dict(launch.inputs), what=what)


def facts_of(launch: Launch, inputs: Encoded, values: Values) -> ExecutionFacts:
    """Return what another process needs to go on.

    Args:
        launch: What is started.
        inputs: The arguments of the flow.
        values: Where large ones are kept: never in the journal.
    """
    return ExecutionFacts(
        source=launch.flow.source,
        inputs=stored_inputs(inputs, values),
        settings=launch.options.settings,
        replay=launch.replay,
        deployed=launch.deployed,
        labels=launch.labels,
    )


def facts_of_version(
    version: Version, invocation: Invocation, values: Values
) -> ExecutionFacts:
    """Return what another process needs to run an execution of a version.

    Args:
        version: The version.
        invocation: What the execution is started with.
        values: Where large inputs are kept.
    """
    made = version.facts
    inputs = codec.encode(
        dict(invocation.inputs), what=f"the inputs of {version.label}"
    )
    code = replace(
        made.deployed, deployment_id=version.deployment_id, project=made.project
    )
    return ExecutionFacts(
        source=unpacked.source_of(made.source, code),
        inputs=stored_inputs(inputs, values),
        settings=settings.merge(made.settings, Settings(budget=invocation.budget)),
        is_remote=made.is_remote,
        has_json_inputs=True,
        deployed=code,
        labels=invocation.labels,
    )


def stored_inputs(inputs: Encoded, values: Values) -> StoredValue:
    """Keep the arguments of a flow: beside the facts, or in a file of their own."""
    if len(inputs.payload) <= value_files.INLINE_LIMIT:
        return value_files.inline(inputs)
    # One file each: it goes when its execution goes.
    return values.put(inputs, owner=str(uuid4()), name="inputs")


def fitted(
    facts: ExecutionFacts, flow: FlowSpec, given: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the arguments of a flow as its annotations ask for them.

    Those that were given without the flow at hand are JSON data until here.

    Raises:
        KitaruUsageError: If the flow's own types refuse what their JSON schema allowed.
    """
    return rules.complete(flow, (), given) if facts.has_json_inputs else given


def warn_of_differences(facts: ExecutionFacts, reporter: Reporter) -> None:
    """Say what this process has that a version was not deployed with."""
    if facts.deployed is None or not facts.deployed.environment:
        return
    said = Environment.from_dict(dict(facts.deployed.environment))
    for line in environment.differences(said):
        reporter.warn(line)


def shown_inputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs as the dashboard shows them: JSON data, long values cut.

    They are stored as they are elsewhere; this copy is for people, without secrets.
    """
    return {
        name: value
        if isinstance(value, bool | int | float | type(None))
        or (isinstance(value, str) and len(value) <= _SHOWN_INPUT)
        # Before it is cut: half a key is no key that could be found.
        else cut(masking.text(repr(value)), _SHOWN_INPUT)
        for name, value in masking.data(inputs).items()
    }


def log_of(execution_id: str) -> LogFile:
    """Return the log of an execution."""
    return LogFile(log_folders.path_of(execution_id))


def reporter(log: LogFile) -> Reporter:
    """Return who tells the user what happens: on the terminal, if there is one."""
    return StreamReporter(file=log) if log_capture.has_terminal() else LogReporter(log)


def died(lease: Lease, calls: Sequence[str], becomes: str = "") -> StoredFailure:
    """Return why an execution has failed that nobody runs.

    Args:
        lease: Who ran it last.
        calls: In which calls.
        becomes: What becomes of it, if that is not up to people.
    """
    where = f" in {', '.join(calls)}" if calls else ""
    what = f"the runner died{where} ({lease.holder})"
    if lease.holder == NOBODY:
        what = "no process was started to go on with it"
    return failures.without_exception(
        f"{what}; finished checkpoints are kept{becomes and f'; {becomes}'}",
        FailureOrigin.RUNTIME,
    )


def leave(journal: Journal, execution_id: str, ending: Ending) -> bool:
    """Stop being the runner of an execution; false if it goes on.

    It does if it left at a wait whose answer has come meanwhile.
    """
    waits_for = () if ending.error is not None else ending.stands_at
    completed = ending.status is ExecutionStatus.COMPLETED
    try:
        return journal.release(
            execution_id, Holder.me(), waits_for, completed=completed
        )
    except KitaruBackendError as error:
        if not ending.status.is_finished:
            raise
        # How it ended is stored; that nobody runs it shows when this process ends.
        journal.disown(execution_id)
        logger.debug("execution %s stays ours: %s", execution_id, error)
        return True


def compact(journal: Journal, limit: int) -> None:
    """Keep the journal within its size, if that can be done now."""
    try:
        compaction.compact(journal, limit)
    except KitaruError as error:
        # Locked or full: nothing is lost, and the next execution tries again.
        logger.debug("the journal stays as it is: %s", error, exc_info=True)
