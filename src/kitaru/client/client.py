"""`KitaruClient`: look at executions and steer them from Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kitaru._ops import artifacts as artifact_ops
from kitaru._ops import breakpoints as breakpoint_ops
from kitaru._ops import comparisons as comparison_ops
from kitaru._ops import executions as execution_ops
from kitaru._ops import fleet as fleet_ops
from kitaru._ops import recordings as recording_ops
from kitaru._ops import recovery as reconciling_ops
from kitaru._ops import replays as replay_ops
from kitaru._ops import waits as wait_ops
from kitaru._ops.capabilities import CLIENT, Op, exposes
from kitaru._ops.connection import Place
from kitaru.client.auth import Auth
from kitaru.client.deployments import Deployments
from kitaru.client.schedules import Schedules
from kitaru.models import (
    ArtifactRef,
    Breakpoint,
    Comparison,
    Execution,
    ExecutionStatus,
    FleetChange,
    LogEntry,
    PendingWait,
    Reconciled,
    Recording,
)

# `Executions.list` shadows the builtin inside its class.
_PendingWaits = list[PendingWait]
_Breakpoints = list[Breakpoint]
_FleetChanges = list[FleetChange]
# What answers that come through here are noted with.
_SURFACE = "client"


class KitaruClient:
    """The executions and artifacts of a server or of the local store.

    Without arguments that is what the process is connected to. With arguments this
    client works with what they say, beside everything else in the process; nothing of
    that is stored. Ids may be shortened to a unique prefix.

    Args:
        server_url: A server; the one that the process is connected to by default.
        auth_token: An API key or a token for it; by default what is stored for it.
        project: A project there; the default one of the user otherwise.

    Raises:
        KitaruBackendError: If the server or project is not there, or refuses the token.

    Example:
        >>> client = KitaruClient()
        >>> client.executions.list(limit=5)  # doctest: +SKIP
        >>> client.executions.input("1b2c3d4e", value=True)  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        server_url: str | None = None,
        auth_token: str | None = None,
        project: str | None = None,
    ) -> None:
        place = Place(server_url, auth_token, project)
        self.executions = Executions(place)
        self.artifacts = Artifacts(place)
        self.deployments = Deployments(place)
        self.schedules = Schedules(place)
        self.auth = Auth(place)
        self._place = place

    @exposes(Op.RECONCILE, on=CLIENT)
    def reconcile(self, *, dry_run: bool = False) -> list[Reconciled]:
        """Continue what was answered and forgotten; fail what died or was given up.

        Looks at every unfinished execution of the project once. Doing it twice, or at
        once on several machines, does no harm.

        Args:
            dry_run: Only say what would be done.
        """
        found = self._place.iterate(reconciling_ops.reconcile, dry_run=dry_run)
        return list(found)


class Executions:
    """`client.executions`."""

    def __init__(self, place: Place) -> None:
        self._place = place

    @exposes(Op.EXECUTION_GET, on=CLIENT)
    def get(self, id: str) -> Execution:
        """Return an execution with its calls, artifacts and open wait.

        Raises:
            KitaruUsageError: If no execution or several have that id.
        """
        return self._place.run(execution_ops.get, id)

    @exposes(Op.EXECUTION_LIST, on=CLIENT)
    def list(
        self,
        *,
        flow: str | None = None,
        status: str | ExecutionStatus | None = None,
        tags: Sequence[str] = (),
        where: Mapping[str, str | float] | None = None,
        since: str | timedelta | datetime | None = None,
        failed_in: str | None = None,
        limit: int | None = None,
        page: int = 1,
        size: int = 20,
    ) -> list[Execution]:
        """Return executions without their calls, newest first.

        Args:
            flow: Only this flow.
            status: Only this status.
            tags: Only those with all of these tags.
            where: Only those with all of these attributes, as their start gave them or
                `log()` noted them in the flow body.
            since: Only those begun then or later: `"2d"`, a timedelta, or a datetime
                with its time zone.
            failed_in: Only those that failed, and in this checkpoint or invocation id.
            limit: The first so many; a shortcut for page 1 of that size.
            page: Page number, from 1.
            size: Executions per page.
        """
        found = self._place.run(
            execution_ops.find,
            flow=flow,
            status=status,
            tags=tags,
            where=where,
            since=since,
            failed_in=failed_in,
            page=page,
            size=size,
            limit=limit,
        )
        return [*found.items]

    @exposes(Op.EXECUTION_LATEST, on=CLIENT)
    def latest(
        self, *, flow: str | None = None, status: str | ExecutionStatus | None = None
    ) -> Execution:
        """Return the newest execution, with its calls.

        Raises:
            KitaruUsageError: If there is none.
        """
        return self._place.run(execution_ops.latest, flow=flow, status=status)

    @exposes(Op.EXECUTION_LOGS, on=CLIENT)
    def logs(
        self,
        id: str,
        *,
        checkpoint: str | None = None,
        source: str = "step",
        limit: int | None = None,
        follow: bool = False,
    ) -> Iterator[LogEntry]:
        """Yield what flow and checkpoints printed and logged, oldest first.

        Args:
            id: Execution id.
            checkpoint: Only this checkpoint or invocation id.
            source: `step` (inside checkpoints), `runner` (around them) or `all`.
            limit: Only the last so many entries.
            follow: Go on until the execution ends.
        """
        return self._place.iterate(
            execution_ops.logs,
            id,
            checkpoint=checkpoint,
            source=source,
            limit=limit,
            follow=follow,
        )

    @exposes(Op.WAIT_LIST, on=CLIENT)
    def pending_waits(self, id: str | None = None) -> _PendingWaits:
        """Return open waits, of one execution or of all."""
        return self._place.run(wait_ops.pending, id)

    @exposes(Op.WAIT_INPUT, on=CLIENT)
    def input(
        self,
        id: str,
        *,
        wait: str | None = None,
        value: Any = None,
        digest: str | None = None,
    ) -> Execution:
        """Answer a wait; the execution goes on by itself.

        Args:
            id: Execution id.
            wait: Name or id of the wait; the open one by default.
            value: The answer: JSON data that fits the wait's schema, or Python values
                that stand for some, such as dates, enums, dataclasses and models.
            digest: `PendingWait.digest` of the question that the answer is to; if
                something else is asked by now, the answer is refused.

        Raises:
            KitaruWaitValidationError: If it does not fit; nothing was stored.
            KitaruStateError: If nothing is open, somebody else was faster, or the
                question has changed.
        """
        self._place.run(
            wait_ops.provide_input,
            id,
            wait=wait,
            value=value,
            digest=digest,
            surface=_SURFACE,
        )
        return self._place.run(execution_ops.get, id)

    @exposes(Op.WAIT_ABORT, on=CLIENT)
    def abort_wait(self, id: str, *, wait: str) -> Execution:
        """Give up a wait, by its name or id; the execution is cancelled.

        Raises:
            KitaruStateError: If nothing is open, or somebody else was faster.
        """
        self._place.run(wait_ops.abort, id, wait=wait, surface=_SURFACE)
        return self._place.run(execution_ops.get, id)

    @exposes(Op.EXECUTION_RETRY, on=CLIENT)
    def retry(self, id: str) -> Execution:
        """Let a failed execution go on, in a new process.

        Raises:
            KitaruStateError: If it has not failed.
        """
        self._place.run(execution_ops.retry, id)
        return self._place.run(execution_ops.get, id)

    @exposes(Op.EXECUTION_RESUME, on=CLIENT)
    def resume(self, id: str) -> Execution:
        """Let an answered execution go on that does not by itself.

        Raises:
            KitaruStateError: If its wait is open, or it does not wait.
        """
        self._place.run(execution_ops.resume, id)
        return self._place.run(execution_ops.get, id)

    @exposes(Op.EXECUTION_REPLAY, on=CLIENT)
    def replay(
        self,
        id: str,
        *,
        from_: str,
        overrides: Mapping[str, Any] | None = None,
        reuse_waits: bool = False,
        break_before: Sequence[str] = (),
        step: bool = False,
        **flow_inputs: Any,
    ) -> Execution:
        """Run an execution again from a chosen checkpoint, in a new process.

        Returns the new execution; see `Flow.replay` for what runs and what is reused.

        Args:
            id: The source, which may not be running.
            from_: Checkpoint name, invocation id or call id of the first call to run.
            overrides: `checkpoint.<selector>` to the value that replaces its result.
            reuse_waits: Take over answers given before that call.
            break_before: Checkpoints and calls before which it is to stop.
            step: Stop before every call that runs.
            **flow_inputs: Arguments of the flow to change.

        Raises:
            KitaruUsageError: For an unknown selector, override or input.
            KitaruStateError: If the source is running.
        """
        started = self._place.run(
            replay_ops.start_elsewhere,
            id,
            from_=from_,
            overrides=overrides,
            reuse_waits=reuse_waits,
            break_before=break_before,
            step=step,
            inputs=flow_inputs,
        )
        self._place.run(replay_ops.announce, started)
        return self._place.run(execution_ops.get, started.exec_id)

    @exposes(Op.BREAK, on=CLIENT)
    def breakpoints(
        self, id: str, *, set: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> _Breakpoints:
        """Set and remove breakpoints; return those that an execution has then.

        It becomes `waiting` before a call that one means, with a wait `break:CALL`.

        Args:
            id: Execution id.
            set: Checkpoints, for every call of each, and invocation ids of calls.
            remove: Those to take away.

        Raises:
            KitaruStateError: If it has completed or was cancelled.
            KitaruUsageError: For a call that has finished, or one to remove that is not
                set; nothing was changed.
            KitaruFeatureNotAvailableError: If it runs on a remote stack.

        Example:
            >>> client.executions.breakpoints("1b2c3d4e", set=["publish"])  # doctest: +SKIP
        """
        return self._place.run(breakpoint_ops.change, id, add=set, remove=remove)

    @exposes(Op.EXECUTION_CANCEL, on=CLIENT)
    def cancel(self, id: str) -> Execution:
        """Stop an execution: a waiting one at once, a running one at a checkpoint.

        Raises:
            KitaruStateError: If it has ended already.
        """
        return self._place.run(execution_ops.cancel, id, surface=_SURFACE)

    @exposes(Op.EXECUTION_MANY, on=CLIENT)
    def retry_all(
        self,
        *,
        flow: str | None = None,
        tags: Sequence[str] = (),
        where: Mapping[str, str | float] | None = None,
        since: str | timedelta | datetime | None = None,
        failed_in: str | None = None,
        dry_run: bool = False,
    ) -> _FleetChanges:
        """Let all failed executions go on that are meant; what one refuses stops no other.

        Args:
            flow: Only this flow; the other filters are those of `list`.
            tags: Only those with all of these tags.
            where: Only those with all of these attributes.
            since: Only those begun then or later.
            failed_in: Only those that failed in this checkpoint or invocation id.
            dry_run: Only say which these are.

        Raises:
            KitaruUsageError: For a filter that means nothing; nothing was done.
        """
        asked = {"tags": tags, "where": where, "since": since, "failed_in": failed_in}
        return self._change_all("retry", dry_run, flow=flow, **asked)

    @exposes(Op.EXECUTION_MANY, on=CLIENT)
    def cancel_all(
        self,
        *,
        flow: str | None = None,
        status: str | ExecutionStatus | None = None,
        tags: Sequence[str] = (),
        where: Mapping[str, str | float] | None = None,
        since: str | timedelta | datetime | None = None,
        dry_run: bool = False,
    ) -> _FleetChanges:
        """Stop all running and waiting executions that are meant; see `retry_all`.

        Args:
            flow: Only this flow.
            status: Only running, or only waiting ones.
            tags: Only those with all of these tags.
            where: Only those with all of these attributes.
            since: Only those begun then or later.
            dry_run: Only say which these are.

        Raises:
            KitaruUsageError: For a filter that means nothing; nothing was done.
        """
        asked = {"status": status, "tags": tags, "where": where, "since": since}
        return self._change_all("cancel", dry_run, flow=flow, **asked)

    def _change_all(
        self, action: fleet_ops.Action, dry_run: bool, **meant: Any
    ) -> _FleetChanges:
        planned = self._place.run(fleet_ops.plan, action, **meant)
        if dry_run:
            return planned
        return self._place.run(fleet_ops.carry_out, planned, surface=_SURFACE)

    @exposes(Op.EXECUTION_EXPORT, on=CLIENT)
    def export(self, id: str, path: Path | None = None) -> Recording:
        """Return an execution as a recording, and write it to a file if one is given.

        `kitaru.testing.replay_recording` runs a flow against it. Secrets are masked;
        results of more than 200 kB and those that are no text are left out.

        Raises:
            KitaruUsageError: If there is no such execution, or the file cannot be
                written.
        """
        found = self._place.run(recording_ops.export, id)
        if path is not None:
            recording_ops.write(found, Path(path))
        return found

    @exposes(Op.EXECUTION_COMPARE, on=CLIENT)
    def compare(self, a: str, b: str) -> Comparison:
        """Return what two executions of one flow have in common, and what not.

        Calls are aligned by their invocation ids, waits by their names.

        Raises:
            KitaruUsageError: If they are of different flows, or one is not there.

        Example:
            >>> found = client.executions.compare("1b2c", "9f8e")  # doctest: +SKIP
            >>> print(found.first and found.first.text)  # doctest: +SKIP
            checkpoint 'analyze' has another result: $.score is 0.4 in A, 0.9 in B
        """
        return self._place.run(comparison_ops.compare, a, b)


class Artifacts:
    """`client.artifacts`."""

    def __init__(self, place: Place) -> None:
        self._place = place

    @exposes(Op.ARTIFACT_LIST, on=CLIENT)
    def list(
        self,
        id: str,
        *,
        name: str | None = None,
        kind: str | None = None,
        producing_call: str | None = None,
        limit: int | None = None,
    ) -> list[ArtifactRef]:
        """Return artifacts of an execution; `.load()` reads their values.

        Args:
            id: Execution id.
            name: Only artifacts of this name; a result is named by its invocation id.
            kind: Only this serializer or save type.
            producing_call: Only artifacts of this call id.
            limit: At most so many.
        """
        return self._place.run(
            artifact_ops.find,
            id,
            name=name,
            kind=kind,
            producing_call=producing_call,
            limit=limit,
        )

    @exposes(Op.ARTIFACT_GET, on=CLIENT)
    def get(self, artifact_id: str) -> ArtifactRef:
        """Return one artifact; `.load()` reads its value.

        Raises:
            KitaruUsageError: If there is none of that id.
        """
        return self._place.run(artifact_ops.get, artifact_id)
