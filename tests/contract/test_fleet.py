"""Retry and cancel many executions with one action, on every engine."""

from __future__ import annotations

import json
import uuid

import pytest
from typer.testing import CliRunner

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from kitaru.cli.app import app
from kitaru.errors import KitaruUsageError
from kitaru.flows import Flow

pytestmark = pytest.mark.usefixtures("engine")
down = True


@pytest.fixture
def tag() -> str:
    """A tag of this test alone: the suite has one store."""
    return "t" + uuid.uuid4().hex[:10]


@pytest.fixture(autouse=True)
def provider_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "down", True)


@checkpoint
def fetch(n: int) -> int:
    if down and n % 2:
        raise ConnectionError("the provider is down")
    return n


def made(tag: str) -> Flow[[int], int]:
    """A flow that goes on in this process: no other one could find it."""

    @flow
    def fetching(n: int) -> int:
        fetched = fetch(n)
        if n > 2:
            kitaru.wait(name="enough", timeout=0)
        return fetched

    return fetching.with_options(tags=[tag])


@pytest.fixture
def fetching(tag: str) -> Flow[[int], int]:
    """Kept as long as the test, or nobody could go on with its executions."""
    return made(tag)


def statuses(client: KitaruClient, tag: str) -> list[str]:
    """The statuses of the executions of a tag, oldest first."""
    found = client.executions.list(tags=[tag])
    return [execution.status.value for execution in reversed(found)]


def test_all_that_failed_go_on_and_no_others(
    client: KitaruClient,
    tag: str,
    fetching: Flow[[int], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = [fetching.run(n).exec_id for n in (0, 1, 2, 3)]
    before = statuses(client, tag)
    planned = client.executions.retry_all(tags=[tag], dry_run=True)
    unchanged = statuses(client, tag)
    monkeypatch.setitem(globals(), "down", False)

    done = client.executions.retry_all(tags=[tag], failed_in="fetch")

    assert before == unchanged == ["completed", "failed", "completed", "failed"]
    assert [(one.exec_id, one.outcome) for one in planned] == [
        (ids[1], "planned"),
        (ids[3], "planned"),
    ]
    assert [(one.exec_id, one.outcome) for one in done] == [
        (ids[1], "done"),
        (ids[3], "done"),
    ]
    assert statuses(client, tag) == ["completed", "completed", "completed", "waiting"]


def test_all_that_wait_are_cancelled_from_the_command_line(
    client: KitaruClient,
    tag: str,
    fetching: Flow[[int], int],
) -> None:
    ids = [fetching.run(n).exec_id for n in (2, 4, 6)]
    arguments = ["executions", "cancel", "--all", "--tag", tag]

    unasked = CliRunner().invoke(app, arguments)
    before = statuses(client, tag)
    done = CliRunner().invoke(app, [*arguments, "--yes", "-o", "json"])
    again = CliRunner().invoke(app, [*arguments, "--yes"])

    assert isinstance(unasked.exception, KitaruUsageError)
    assert ids[1][:8] in unasked.output
    assert before == ["completed", "waiting", "waiting"]
    items = json.loads(done.output[done.output.index("{") :])["items"]
    assert [(one["exec_id"], one["outcome"]) for one in items] == [
        (ids[1], "done"),
        (ids[2], "done"),
    ]
    assert statuses(client, tag) == ["completed", "cancelled", "cancelled"]
    assert "No execution is meant" in again.output


def test_what_one_refuses_stops_no_other(
    client: KitaruClient,
    tag: str,
    fetching: Flow[[int], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from kitaru._ops import fleet

    first, second = (fetching.run(1).exec_id for _ in range(2))
    planned = fleet.plan("retry", tags=[tag])
    monkeypatch.setitem(globals(), "down", False)
    client.executions.retry(first)

    done = fleet.carry_out(planned, surface="client")

    assert [(one.exec_id, one.outcome) for one in done] == [
        (first, "refused"),
        (second, "done"),
    ]
    assert "completed" in (done[0].reason or "")
    assert statuses(client, tag) == ["completed", "completed"]


@pytest.mark.shared_rule("act", "told")
@pytest.mark.parametrize(
    ("act", "told"),
    [
        (["retry", "1b2c3d4e", "--all"], "takes an execution or --all, not both"),
        (["retry", "--flow", "x"], "add --all"),
        (["cancel"], "say which execution"),
        (["retry", "--all", "--status", "waiting"], "retry is for failed executions"),
        (["cancel", "--all", "--status", "failed"], "running and waiting executions"),
        (["retry", "--all", "--where", "customer"], "--where takes NAME=VALUE"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_means_nothing_is_refused(act: list[str], told: str) -> None:
    done = CliRunner().invoke(app, ["executions", *act])

    assert isinstance(done.exception, KitaruUsageError)
    assert told in str(done.exception)
