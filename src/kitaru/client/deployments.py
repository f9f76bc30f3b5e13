"""`client.deployments`: look at deployed versions of flows, and invoke them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kitaru._core.settings.budgets import Budget
from kitaru._ops import deployments as ops
from kitaru._ops import executions as execution_ops
from kitaru._ops.capabilities import CLIENT, Op, exposes
from kitaru._ops.connection import Place
from kitaru.models import Deployment, Execution


class Deployments:
    """`client.deployments`.

    Deploying loads the code of a flow: that is done with `kitaru deploy` or by an
    assistant, not from here.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    @exposes(Op.DEPLOYMENT_LIST, on=CLIENT)
    def list(self, *, flow: str | None = None) -> list[Deployment]:
        """Return deployed versions: by flow, the newest first.

        Args:
            flow: Only versions of this flow.

        Raises:
            KitaruUsageError: If that flow has none.
        """
        return self._place.run(ops.find, flow=flow)

    @exposes(Op.DEPLOYMENT_GET, on=CLIENT)
    def get(
        self, *, flow: str, version: int | None = None, tag: str | None = None
    ) -> Deployment:
        """Return a version, by number or tag; the default one if neither is given.

        Raises:
            KitaruUsageError: If there is none, or several versions have the tag.
        """
        return self._place.run(ops.get, flow=flow, version=version, tag=tag)

    @exposes(Op.DEPLOYMENT_INVOKE, on=CLIENT)
    def invoke(
        self,
        *,
        flow: str,
        version: int | None = None,
        tag: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        key: str | None = None,
        tags: Sequence[str] | None = None,
        attributes: Mapping[str, str | float] | None = None,
        budget: Budget | Mapping[str, Any] | None = None,
    ) -> Execution:
        """Start an execution of a version; return it at once.

        It runs the code of its version in a process of its own, whatever has become of
        the folder that was deployed.

        Args:
            flow: Name of the flow.
            version: Number of the version.
            tag: A tag of it; `default` if neither is given.
            inputs: Arguments of the flow by name: JSON data, or Python values that stand
                for some, such as dates, enums, dataclasses and models.
            key: What the execution is for, such as an order: if one of this flow has the
                key, of whatever version, that one comes back and nothing is started.
            tags: Words to list it by.
            attributes: Names with values to list it by.
            budget: What it may spend on language models before it asks: a `Budget`, or a
                mapping with `usd` or `tokens`. It adds to that of the version.

        Raises:
            KitaruUsageError: For an unknown flow, version or tag, inputs that do not
                fit, and a key of another flow; nothing was started.
            KitaruBackendError: If its code is missing or damaged; nothing was started.

        Example:
            >>> client = KitaruClient()  # doctest: +SKIP
            >>> client.deployments.invoke(flow="research", inputs={"topic": "tides"})
            ... # doctest: +SKIP
        """
        started = self._place.run(
            ops.invoke,
            flow=flow,
            version=version,
            tag=tag,
            inputs=inputs,
            budget=budget,
            found_by={"key": key, "tags": tags, "attributes": attributes},
        )
        return self._place.run(execution_ops.get, started.exec_id)

    @exposes(Op.DEPLOYMENT_DELETE, on=CLIENT)
    def delete(self, *, flow: str, version: int) -> Deployment:
        """Delete a version and return it; its executions go on.

        Its number is not used again.

        Raises:
            KitaruUsageError: If there is no such version.
        """
        return self._place.run(ops.delete, flow=flow, version=version)

    @exposes(Op.DEPLOYMENT_TAG, on=CLIENT)
    def tag(
        self, *, flow: str, version: int, tag: str, exclusive: bool = False
    ) -> Deployment:
        """Give a version a tag; return the version.

        Args:
            flow: Name of the flow.
            version: Number of the version.
            tag: The tag; `default` is always taken from all others.
            exclusive: Take it from all other versions of the flow.

        Raises:
            KitaruUsageError: If there is no such version, or the tag cannot be.
        """
        return self._place.run(
            ops.tag, flow=flow, version=version, tag=tag, exclusive=exclusive
        )

    @exposes(Op.DEPLOYMENT_TAG, on=CLIENT)
    def untag(self, *, flow: str, tag: str, version: int | None = None) -> Deployment:
        """Take a tag from a version; return the version.

        Args:
            flow: Name of the flow.
            tag: The tag; `default` can only be moved.
            version: Number of the version; the only one that has the tag by default.

        Raises:
            KitaruUsageError: If it does not have the tag.
        """
        return self._place.run(ops.untag, flow=flow, tag=tag, version=version)
