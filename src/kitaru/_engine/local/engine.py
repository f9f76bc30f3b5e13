"""The engine of a process that has no need of ZenML so far.

What operators ask most is answered from the store's file and the journal. Everything
else, every doubt, and all that comes after is for the engine that works through ZenML,
which takes seconds to come.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, cast

from kitaru._core.calls.records import CallRecord
from kitaru._core.flows.specs import FlowSpec
from kitaru._core.sources import FlowSource
from kitaru._core.versions.records import Version
from kitaru._engine import flow_loading
from kitaru._engine.code import unpacked
from kitaru._engine.journal.leases import Holder
from kitaru._engine.journal.refusals import is_of_a_row
from kitaru._engine.local import deploying, description, reading
from kitaru._engine.local.before_zenml import BeforeZenML
from kitaru._engine.local.cancelling import Cancelling
from kitaru._engine.local.deploying import LocalDeployments
from kitaru._engine.local.reading import Reader
from kitaru._engine.local.recovery import Recovery
from kitaru._engine.local.running.launcher import Launcher, recorded
from kitaru._engine.local.steering import Steering
from kitaru._engine.local.store import first_use, ground
from kitaru._engine.local.store.ground import Ground, OnlyZenMLKnows, UnsettledError
from kitaru._engine.local.sweep import Sweep
from kitaru._engine.output import log_folders
from kitaru._engine.output.log_file import LogFile
from kitaru._engine.output.reporter import StreamReporter
from kitaru._engine.port.connections import Connections
from kitaru._engine.port.deployments import Deployments, Invocation, NewVersion
from kitaru._engine.port.engine import Engine, Launch, Recorded
from kitaru._engine.port.execution import Ending
from kitaru._engine.port.recovery import Reconciling
from kitaru._engine.port.schedules import Schedules
from kitaru._engine.runners.schedules import JournalSchedules
from kitaru._engine.runners.waking import Looking
from kitaru._engine.settings import server_token
from kitaru.errors import KitaruBackendError, KitaruError
from kitaru.models import (
    Build,
    Continuation,
    ExecutionStatus,
    LogEntry,
    PendingWait,
    Reconciled,
)

logger = logging.getLogger(__name__)

T = TypeVar("T")
_LOOK_AGAIN = 0.1


class LocalEngine(BeforeZenML):
    """Answers without ZenML what it can; has all of an engine's operations."""

    def runs_here(self, execution_id: str) -> bool:
        return self._read(
            lambda r: bool(r.facts_to_run(execution_id)),
            lambda e: e.runs_here(execution_id),
        )

    def running_here(self) -> tuple[str, ...]:
        if not self._is_alone:
            return self.through_zenml.running_here()
        return self.journal.held_by(Holder.me())

    @property
    def alerts_here(self) -> bool:
        return not self._is_alone

    def alert(self, text: str) -> None:
        self.through_zenml.alert(text)

    @property
    def wakes_others(self) -> bool:
        # ZenML does not know the thread that would look.
        return self._is_alone

    def wake_others(self) -> None:
        if self.wakes_others:
            self._looking.look()

    @cached_property
    def _looking(self) -> Looking:
        return Looking(self, self.journal)

    # -- running ---------------------------------------------------------------

    def launch(self, launch: Launch) -> tuple[str, Ending | None]:
        """Start an execution and run it to its end or its next unanswered wait."""
        return self._start(
            launch.options.settings.stack,
            lambda launcher: launcher.launch(launch),
            lambda engine: engine.launch(launch),
        )

    def launch_elsewhere(self, launch: Launch) -> tuple[str, Continuation]:
        return self._start(
            launch.options.settings.stack,
            lambda launcher: launcher.launch_elsewhere(launch),
            lambda engine: engine.launch_elsewhere(launch),
        )

    def continue_here(
        self,
        execution_id: str,
        *,
        handed_over: bool = False,
        is_awaited: Callable[[], bool] = lambda: False,
    ) -> Ending:
        return self._continue_here(
            execution_id, handed_over=handed_over, is_awaited=is_awaited
        )

    def _continue_seen(self, execution_id: str, seen: ExecutionStatus) -> Ending:
        """Let an execution go on here that is still as it was seen."""
        return self._continue_here(execution_id, seen=seen)

    def _continue_here(
        self,
        execution_id: str,
        *,
        handed_over: bool = False,
        is_awaited: Callable[[], bool] = lambda: False,
        seen: ExecutionStatus | None = None,
    ) -> Ending:
        def through(engine: Engine) -> Ending:
            return engine.continue_here(
                execution_id, handed_over=handed_over, is_awaited=is_awaited
            )

        try:
            stack, facts = self._look(lambda r: r.facts_to_run(execution_id))
        except OnlyZenMLKnows as doubt:
            logger.debug("through ZenML: %s", doubt)
            return through(self.through_zenml)
        flow: FlowSpec | KitaruError
        try:
            unpacked.ensure(facts.deployed)
            # It may import ZenML, whose own steps it may call.
            flow = flow_loading.find(facts.source)
        except KitaruError as error:
            # Told by whoever runs it: a second try would say something else.
            flow = error
        return self._start(
            stack,
            lambda launcher: launcher.continue_here(
                execution_id,
                facts,
                flow,
                handed_over=handed_over,
                is_awaited=is_awaited,
                seen=seen,
            ),
            through,
        )

    def call_records(self, execution_id: str) -> list[CallRecord]:
        return self._read(
            lambda r: r.known_calls(execution_id),
            lambda e: e.call_records(execution_id),
        )

    def recorded(self, execution_id: str) -> Recorded:
        return self._read(
            lambda r: recorded(r, execution_id), lambda e: e.recorded(execution_id)
        )

    def flow_source(self, execution_id: str) -> FlowSource:
        def read(reader: Reader) -> FlowSource:
            _, facts = reader.facts_to_run(execution_id)
            unpacked.ensure(facts.deployed)
            return facts.source

        return self._read(read, lambda e: e.flow_source(execution_id))

    @property
    def deployments(self) -> Deployments:
        """The deployed versions of flows; `_Deployments` does without ZenML what it can."""
        return _Deployments(self)

    @property
    def reconciling(self) -> Reconciling:
        """Finding what nobody goes on with; remote stacks are looked at through ZenML."""
        return _Reconciling(self)

    @property
    def connections(self) -> Connections:
        """What this process works with; only the token is known without ZenML."""
        return cast(Connections, _Connections(self))

    # -- looking ---------------------------------------------------------------

    # -- steering --------------------------------------------------------------

    def answer(self, wait: PendingWait, value: object, *, surface: str) -> Continuation:
        return self._steer(
            lambda s: s.answer(wait, value, surface=surface),
            lambda e: e.answer(wait, value, surface=surface),
        )

    def abort(self, wait: PendingWait, *, surface: str) -> None:
        self._steer(
            lambda s: Cancelling(s, surface).abort(wait),
            lambda e: e.abort(wait, surface=surface),
        )

    def cancel(self, execution_id: str, *, grace: float, surface: str) -> None:
        self._steer(
            lambda s: Cancelling(s, surface).cancel(execution_id, grace=grace),
            lambda e: e.cancel(execution_id, grace=grace, surface=surface),
        )

    # -- logs, diagnosis -------------------------------------------------------

    def continue_execution(
        self, execution_id: str, *, seen: ExecutionStatus
    ) -> Continuation:
        return self._steer(
            lambda s: s.continue_execution(execution_id, seen=seen),
            lambda e: e.continue_execution(execution_id, seen=seen),
        )

    def logs(self, execution_id: str, *, follow: bool) -> Iterator[LogEntry]:
        file = LogFile(log_folders.path_of(execution_id))
        if not self._is_alone or not file.path.exists():
            return self.through_zenml.logs(execution_id, follow=follow)
        if not follow:
            return file.read()
        return file.follow(
            lambda: self._is_over(execution_id), lambda: time.sleep(_LOOK_AGAIN)
        )

    def _is_over(self, execution_id: str) -> bool:
        """Whether it has ended and its runner has said so in the log."""
        if not self.get(execution_id).status.is_finished:
            return False
        lease = self.journal.lease(execution_id)
        return lease is None or not lease.is_live

    def tell(self, notes: Sequence[str]) -> None:
        reporter = StreamReporter()
        for note in notes:
            reporter.warn(note)

    def describe(self) -> dict[str, Any]:
        if self._is_alone:
            try:
                return description.describe(_ground())
            except OnlyZenMLKnows as doubt:
                logger.debug("through ZenML: %s", doubt)
        return self.through_zenml.describe()

    def works_here(self) -> bool:
        """Whether the store is on this disk, as far as is known without ZenML."""
        if not self._is_alone:
            return False
        try:
            _ground()
        except OnlyZenMLKnows as doubt:
            logger.debug("through ZenML: %s", doubt)
            return False
        return True

    # -- with or without ZenML -----------------------------------------------------

    def _read(
        self, without: Callable[[Reader], T], through: Callable[[Engine], T]
    ) -> T:
        try:
            return self._look(without)
        except OnlyZenMLKnows as doubt:
            logger.debug("through ZenML: %s", doubt)
        except KitaruBackendError as error:
            # It may do without what is damaged, or says the same.
            if not is_of_a_row(error):
                raise
            logger.debug("through ZenML: %s", error)
        return through(self.through_zenml)

    def _look(self, without: Callable[[Reader], T]) -> T:
        """Read something; a doubt is for the caller."""
        if not self._is_alone:
            raise OnlyZenMLKnows("ZenML is in this process")
        here = _ground()
        seen_to: set[str] = set()
        while True:
            try:
                with reading.looking(
                    here, self.journal, self.queue, seen_to=seen_to
                ) as reader:
                    return without(reader)
            except UnsettledError as error:
                seen_to.add(error.execution_id)
                Recovery(self._steering(here)).put_right(error.execution_id)

    def _start(
        self,
        stack: str | None,
        without: Callable[[Launcher], T],
        through: Callable[[Engine], T],
    ) -> T:
        """Run something on a local stack here, on any other one through ZenML."""
        if self._is_alone and self._runs_flows:
            try:
                here = _ground(stack)
                return without(
                    Launcher(here, self.journal, self.queue, self.value, self.permit_of)
                )
            except OnlyZenMLKnows as doubt:
                logger.debug("through ZenML: %s", doubt)
        return through(self.through_zenml)

    def _steer(
        self,
        without: Callable[[Steering], T],
        through: Callable[[Engine], T],
    ) -> T:
        if self._is_alone:
            try:
                return without(self._steering(_ground()))
            except OnlyZenMLKnows as doubt:
                logger.debug("through ZenML: %s", doubt)
        return through(self.through_zenml)

    def _steering(self, here: Ground) -> Steering:
        return Steering(here, self.journal, self.queue, self._continue_seen)

    @property
    def _runs_flows(self) -> bool:
        """Whether flows run without ZenML's runner; `KITARU_ENGINE=zenml` forbids it."""
        return os.environ.get("KITARU_ENGINE") != "zenml"

    def store_id(self) -> str:
        """Return the id of the store that executions of this process are in."""
        return self._read(lambda r: r.store_id, lambda e: e.store_id())

    @property
    def schedules(self) -> Schedules:
        """The schedules of the project that this process works in."""
        if self.works_here():
            return JournalSchedules(self.journal, _ground().project_id)
        return self.through_zenml.schedules


def _ground(stack: str | None = None) -> Ground:
    """Return what there is to know of the store, which is made on first use."""
    first_use.make_if_missing()
    return ground.read(stack=stack)


@dataclass(frozen=True, slots=True)
class _Reconciling:
    """A pass over all executions, through ZenML where it has to look at one of them."""

    engine: LocalEngine

    def reconcile(
        self, *, dry_run: bool, progress: Callable[[int, int], None] | None
    ) -> Iterator[Reconciled]:
        def found(steering: Steering) -> Iterator[Reconciled]:
            sweep = Sweep(Recovery(steering))
            # All of them first: who has begun does not begin again through ZenML.
            unfinished = sweep.unfinished()
            return sweep.reconcile(unfinished, dry_run=dry_run, progress=progress)

        yield from self.engine._steer(
            found,
            lambda e: e.reconciling.reconcile(dry_run=dry_run, progress=progress),
        )


@dataclass(frozen=True, slots=True)
class _Connections:
    """The connection, through ZenML; commands for a shell ask for the token often."""

    engine: LocalEngine

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine.through_zenml.connections, name)

    def token(self) -> str | None:
        """Return the token of the local server; that of another through ZenML."""
        if self.engine.works_here():
            return server_token.read()
        return self.engine.through_zenml.connections.token()


@dataclass(frozen=True, slots=True)
class _Deployments:
    """Versions on local stacks without ZenML, on any other through it."""

    engine: LocalEngine

    def build(self, new: NewVersion) -> Build:
        return self._work(
            new.settings.stack, lambda d: d.build(new), lambda d: d.build(new)
        )

    def create(self, new: NewVersion) -> Version:
        return self._work(
            new.settings.stack, lambda d: d.create(new), lambda d: d.create(new)
        )

    def find(self, flow: str | None) -> list[Version]:
        return self.engine._read(
            lambda r: r.versions(flow), lambda e: e.deployments.find(flow)
        )

    def tag(self, version: Version, tag: str, *, exclusive: bool) -> None:
        self._work(
            None,
            lambda d: d.tag(version, tag, exclusive=exclusive),
            lambda d: d.tag(version, tag, exclusive=exclusive),
        )

    def untag(self, version: Version, tag: str) -> None:
        self._work(
            None, lambda d: d.untag(version, tag), lambda d: d.untag(version, tag)
        )

    def delete(self, version: Version) -> None:
        self._work(None, lambda d: d.delete(version), lambda d: d.delete(version))

    def invoke(
        self, version: Version, invocation: Invocation
    ) -> tuple[str, Continuation]:
        return self.engine._start(
            deploying.stack_of(version),
            lambda launcher: deploying.invoke(launcher, version, invocation),
            lambda engine: engine.deployments.invoke(version, invocation),
        )

    def _work(
        self,
        stack: str | None,
        without: Callable[[LocalDeployments], T],
        through: Callable[[Deployments], T],
    ) -> T:
        if self.engine._is_alone:
            try:
                return without(LocalDeployments(_ground(stack)))
            except OnlyZenMLKnows as doubt:
                logger.debug("through ZenML: %s", doubt)
        return through(self.engine.through_zenml.deployments)
