"""How many requests it takes to show and to list through a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from kitaru import KitaruClient, connect, flow
from kitaru._engine.zenml.recording import step_runs
from tests.support.outcomes import Recorded
from tests.support.server import RunningServer

pytestmark = pytest.mark.zenml


@flow
def shown() -> None:
    return None


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collect the requests that are sent to servers."""
    found: list[str] = []
    send = requests.Session.send

    def noting(
        session: requests.Session, request: requests.PreparedRequest, **how: Any
    ) -> requests.Response:
        found.append(f"{request.method} {request.url}")
        return send(session, request, **how)

    with monkeypatch.context() as patched:
        patched.setattr(requests.Session, "send", noting)
        yield found


def test_a_call_is_one_request_and_a_page_of_executions_few(
    config: Path, zenml_server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(zenml_server.url, api_key=zenml_server.api_key)
    first = Recorded(shown.run().exec_id, "shown")
    again = Recorded(shown.run().exec_id, "shown")
    records = first.records(20)

    with counted(monkeypatch) as new:
        first.show(records)
    with counted(monkeypatch) as reused:
        again.show(again.reusing(records))
    client = KitaruClient()
    client.executions.list(size=1)
    with counted(monkeypatch) as short:
        client.executions.list(size=1)
    with counted(monkeypatch) as long:
        client.executions.list(size=20)
    with counted(monkeypatch) as waits:
        client.executions.pending_waits()

    # A step run each, and all artifact versions in one.
    assert len(new) <= 22
    assert len(reused) <= 22
    assert len(short) == len(long) <= 2
    assert len(waits) == 1
    assert len(step_runs.step_runs(first.execution_id)) == 20
