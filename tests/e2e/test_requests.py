"""Executions that requests start on the local server, with the command as it is printed."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.golden import assert_golden
from tests.support.polling import DEADLINE, eventually
from tests.support.workspace import Workspace

GREETER = """
import helper
from kitaru import checkpoint, flow


@checkpoint
def greet(name: str) -> str:
    return f"{helper.WORD} {name}"


@flow
def greeter(name: str, times: int = 1) -> list[str]:
    return [greet(name) for _ in range(times)]
"""


class Service:
    """A workspace with a deployed flow and a server."""

    def __init__(self, workspace: Workspace, url: str, token: str) -> None:
        self.workspace = workspace
        self.url = f"{url}/kitaru/v1"
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(
            f"{self.url}/{path}", headers=self.headers | headers, timeout=DEADLINE
        )

    def invoke(self, body: Any, flow: str = "greeter", **headers: str) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"}
        return requests.post(
            f"{self.url}/flows/{flow}/invoke",
            data=data,
            headers=self.headers | kind | headers,
            timeout=DEADLINE,
        )


@pytest.fixture
def service(workspace: Workspace) -> Iterator[Service]:
    workspace.script("helper.py", "WORD = 'hello'\n")
    workspace.script("agent.py", GREETER)
    workspace.kitaru("deploy", "agent.py:greeter")
    refused = workspace.kitaru("flow", "deployments", "curl", "greeter", code=1)
    assert "start one with: kitaru login" in refused.stderr
    url = workspace.kitaru_item("login", "--no-browser")["url"]
    token = workspace.kitaru("auth", "token").stdout.strip()
    yield Service(workspace, url, token)
    workspace.start_kitaru("logout").finish()


def completed(service: Service, exec_id: str) -> dict[str, Any]:
    """Wait until an execution has completed; return it as a request does."""
    found: dict[str, Any] = {}

    def look() -> bool:
        found.update(service.get(f"executions/{exec_id}").json())
        return found["status"] not in ("running", "waiting")

    eventually(look, what="it ends", pause=0.5)
    assert found["status"] == "completed", found
    return found


def test_a_request_starts_the_deployed_code_and_nobody_elses_does(
    service: Service,
) -> None:
    workspace = service.workspace
    file = workspace.config / "kitaru" / "server" / "token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    given = json.dumps({"name": "it's $HOME\n"})
    asked = workspace.kitaru("flow", "deployments", "curl", "greeter", "--args", given)
    for name in ("agent.py", "helper.py"):
        (workspace.project / name).unlink()
    assert file.read_text() not in asked.both

    shown = json.dumps(workspace.kitaru_item("flow", "deployments", "curl", "greeter"))
    shown = shown.replace(f"{service.url}/flows/greeter/invoke", "<url>")
    assert_golden(
        "flow-deployments-curl",
        {"command": "flow deployments curl", "item": json.loads(shown)},
    )

    path = f"{Path(sys.executable).parent}:{workspace.environment['PATH']}"
    printed = workspace.start(
        "sh", "-c", asked.stdout, environment={"PATH": path}
    ).finish()

    assert printed.code == 0, printed.both
    started = json.loads(printed.stdout)
    assert (started["flow"], started["version"]) == ("greeter", 1)
    assert completed(service, started["exec_id"])["result"] == ["hello it's $HOME\n"]

    by_version = service.invoke({"inputs": {"name": "Ann", "times": 2}, "version": 1})
    assert by_version.status_code == 202
    ended = completed(service, by_version.json()["exec_id"])
    assert ended["result"] == ["hello Ann"] * 2
    flow = service.get("flows/greeter").json()
    assert flow["deployments"][0]["schema"]["required"] == ["name"]

    before = workspace.kitaru_items("executions", "list")
    check_refusals(service)
    assert workspace.kitaru_items("executions", "list") == before


def check_refusals(service: Service) -> None:
    fits = {"inputs": {"name": "Ann"}}
    refused = {
        "no token": (service.invoke(fits, Authorization=""), 401, "auth token"),
        "wrong token": (
            service.invoke(fits, Authorization="Bearer kit_"),
            401,
            "token",
        ),
        "other scheme": (
            service.invoke(
                fits,
                Authorization=service.headers["Authorization"].replace(
                    "Bearer", "Basic"
                ),
            ),
            401,
            "token",
        ),
        "token of a look": (
            service.get("flows/greeter", Authorization=""),
            401,
            "token",
        ),
        "foreign host": (service.invoke(fits, Host="evil.example"), 403, "refused"),
        "page": (service.invoke(fits, Origin="https://evil.example"), 403, "refused"),
        "a form": (service.invoke(fits, **{"Content-Type": "text/plain"}), 415, "JSON"),
        "half": (service.invoke(b'{"inputs":'), 400, "no JSON"),
        "wrong kind": (service.invoke({"inputs": {"name": 3}}), 422, "name"),
        "no flow": (service.invoke(fits, flow="greter"), 404, "greeter"),
        "no execution": (service.get("executions/00000000"), 404, "00000000"),
        "no route": (service.get("elsewhere"), 404, "there are POST"),
        "no method": (service.get("flows/greeter/invoke"), 405, "there are POST"),
        "too much": (service.invoke(b" " * (10 * 2**20 + 1)), 413, "10 MiB"),
    }
    for what, (answer, status, said) in refused.items():
        assert (answer.status_code, said in answer.text) == (status, True), (
            what,
            answer.text,
        )
