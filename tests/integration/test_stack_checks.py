"""`stack verify`: who is let in, what is there, and an end in any case."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru._ops import stacks
from kitaru.errors import KitaruUsageError
from tests.integration.test_remote_stacks import KUBERNETES, create

VERSION = dict.fromkeys(
    [
        "buildDate",
        "compiler",
        "gitCommit",
        "gitTreeState",
        "gitVersion",
        "goVersion",
        "major",
        "minor",
        "platform",
    ],
    "1",
) | {"items": []}
CODES = {
    "/api/v1/namespaces/missing": 404,
    "/api/v1/namespaces/closed": 403,
    "/api/v1/namespaces/jobless": 403,
    "/apis/batch/v1/namespaces/jobless/jobs": 403,
}
pytestmark = pytest.mark.zenml


def test_a_check_says_of_each_component_what_it_found(engine: ZenMLEngine) -> None:
    create(KUBERNETES)

    report = stacks.verify("remote", seconds=60)

    found = {check.kind: check for check in report.checks}
    assert not report.ok
    assert found["orchestrator"].status == "failed"
    assert found["container_registry"].status == "not checked"
    assert "no service connector" in found["container_registry"].reason
    assert found["image_builder"].status == "not checked"
    assert "HUSH" not in report.model_dump_json()


def test_the_default_stack_can_be_used(engine: ZenMLEngine) -> None:
    report = stacks.verify("default", seconds=60)

    assert report.ok
    assert {check.status for check in report.checks} == {"ok"}


def test_a_check_of_a_silent_host_ends_in_time(engine: ZenMLEngine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"https://127.0.0.1:{silent.getsockname()[1]}"
        create(KUBERNETES, credentials={"server": server, "token": "HUSH"})

        report = stacks.verify("remote", seconds=2)

    (orchestrator,) = (c for c in report.checks if c.kind == "orchestrator")
    assert orchestrator.status == "failed"
    assert "no answer within 2 s" in orchestrator.reason


@pytest.fixture
def cluster() -> Iterator[str]:
    """The URL of an API server for whoever has the right token.

    It says its version, and has no namespace `missing`; nobody may look at `closed` and
    `jobless`, but at the jobs of the first.
    """

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_known = self.headers["Authorization"] == "Bearer HUSH"
            place = self.path.partition("?")[0]
            self.send_response(CODES.get(place, 200) if is_known else 401)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(VERSION).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("token", "status", "said"),
    [
        ("HUSH", "ok", "service connector remote reaches prod"),
        ("HUSH-but-old", "failed", "are the credentials right, and not expired?"),
    ],
)
def test_a_cluster_is_asked_with_the_credentials(
    engine: ZenMLEngine, cluster: str, token: str, status: str, said: str
) -> None:
    create(KUBERNETES, credentials={"server": cluster, "token": token})

    report = stacks.verify("remote", seconds=60)

    (orchestrator,) = (c for c in report.checks if c.kind == "orchestrator")
    assert (orchestrator.status, said in orchestrator.reason) == (status, True)
    assert "HUSH" not in report.model_dump_json()


@pytest.mark.parametrize(
    ("namespace", "status", "said"),
    [
        ("agents", "ok", "reaches prod, namespace agents"),
        ("missing", "failed", "kubectl create namespace missing"),
        ("closed", "ok", "namespace closed, if it exists"),
        ("jobless", "failed", "may not see jobs in namespace 'jobless'"),
    ],
)
def test_a_cluster_is_asked_for_the_namespace(
    engine: ZenMLEngine, cluster: str, namespace: str, status: str, said: str
) -> None:
    credentials = {"server": cluster, "token": "HUSH"}
    create(KUBERNETES, credentials=credentials, namespace=namespace)

    report = stacks.verify("remote", seconds=60)

    (orchestrator,) = (c for c in report.checks if c.kind == "orchestrator")
    assert (orchestrator.status, said in orchestrator.reason) == (status, True), report


@pytest.mark.parametrize("seconds", [0, -1, 601, float("nan"), float("inf")])
def test_a_check_needs_a_possible_time(engine: ZenMLEngine, seconds: float) -> None:
    with pytest.raises(KitaruUsageError, match="--timeout"):
        stacks.verify("default", seconds=seconds)


def test_an_unknown_stack_cannot_be_checked(engine: ZenMLEngine) -> None:
    with pytest.raises(KitaruUsageError, match="no stack 'defalt'; did you mean"):
        stacks.verify("defalt", seconds=1)
