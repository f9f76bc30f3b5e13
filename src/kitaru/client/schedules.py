"""`client.schedules`: deployed flows that start by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from kitaru._ops import deployments as deployment_ops
from kitaru._ops import schedules as ops
from kitaru._ops.capabilities import CLIENT, Op, exposes
from kitaru._ops.connection import Place
from kitaru.models import Execution, Schedule

# `list` shadows the builtin inside its class.
_Schedules = list[Schedule]


class Schedules:
    """`client.schedules`, of a store of this machine.

    A time that has come is seen to by whoever lives: the server of `kitaru login`, `kitaru
    reconcile --watch`, or the next command.

    Raises:
        KitaruFeatureNotAvailableError: All methods, on a server.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    @exposes(Op.SCHEDULE, on=CLIENT)
    def create(
        self,
        *,
        flow: str,
        every: str,
        timezone: str = "UTC",
        inputs: Mapping[str, Any] | None = None,
        name: str | None = None,
        missed: Literal["once", "skip"] = "once",
    ) -> Schedule:
        """Let the default version of a deployed flow start again and again.

        A schedule of that name is replaced; with the same times it goes on where it was.

        Args:
            flow: Name of the flow.
            every: When, as cron has it: minute, hour, day of the month, month, day of the
                week.
            timezone: On whose wall clock, such as `Europe/Berlin`.
            inputs: Arguments of the flow by name, as JSON data.
            name: Name of the schedule; that of the flow by default.
            missed: What becomes of times at which nobody looked: one execution for all of
                them, or none.

        Raises:
            KitaruUsageError: For a flow that is not deployed, inputs that do not fit its
                default version, and a time, zone or name that cannot be.

        Example:
            >>> client = KitaruClient()  # doctest: +SKIP
            >>> client.schedules.create(  # doctest: +SKIP
            ...     flow="report", every="0 7 * * 1-5", timezone="Europe/Berlin"
            ... ).next_at
            datetime.datetime(2026, 11, 30, 6, 0, tzinfo=datetime.timezone.utc)
        """
        return self._place.run(
            deployment_ops.schedule,
            flow=flow,
            every=every,
            timezone=timezone,
            inputs=inputs,
            name=name,
            missed=missed,
        )

    @exposes(Op.SCHEDULE, on=CLIENT)
    def list(self, *, flow: str | None = None) -> _Schedules:
        """Return the schedules of the project, or those of a flow, by name."""
        return self._place.run(ops.find, flow=flow)

    @exposes(Op.SCHEDULE, on=CLIENT)
    def pause(self, name: str) -> Schedule:
        """Let a schedule start nothing until it is resumed; return it.

        Raises:
            KitaruUsageError: If there is none of that name.
        """
        return self._place.run(ops.pause, name)

    @exposes(Op.SCHEDULE, on=CLIENT)
    def resume(self, name: str) -> Schedule:
        """Let a paused schedule go on with its next time; return it.

        Nothing is made up for that would have started meanwhile.

        Raises:
            KitaruUsageError: If there is none of that name.
        """
        return self._place.run(ops.resume, name)

    @exposes(Op.SCHEDULE, on=CLIENT)
    def run(self, name: str) -> Execution:
        """Start an execution of a schedule now; its next time stays.

        Raises:
            KitaruUsageError: If there is none of that name, no version of its flow is the
                default one, or its inputs do not fit that.
        """
        return self._place.run(ops.run, name)

    @exposes(Op.SCHEDULE, on=CLIENT)
    def delete(self, name: str) -> None:
        """Remove a schedule; what it has started goes on.

        Raises:
            KitaruUsageError: If there is none of that name.
        """
        self._place.run(ops.delete, name)
