"""`kitaru login`, `logout` and `auth`, as people and programs use them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import pexpect
import pytest
import requests

from tests.support import processes
from tests.support.polling import DEADLINE, eventually
from tests.support.server import RunningServer, free_port
from tests.support.workspace import Workspace

REVIEW = """
from pathlib import Path
import time

import kitaru
from kitaru import checkpoint, flow


@checkpoint
def publish(ok: bool) -> str:
    Path("publishing").touch()
    while not Path("go").exists():
        time.sleep(0.05)
    return f"published {ok}"


@flow
def reviewed() -> str:
    return publish(kitaru.wait(schema=bool, name="ok", timeout=0))


if __name__ == "__main__":
    print(reviewed.run().exec_id)
"""
WITHOUT_SERVER_PACKAGES = "import sys\nsys.modules['uvicorn'] = None\n"


@pytest.fixture
def local_server(workspace: Workspace) -> Iterator[Workspace]:
    """A workspace whose server is stopped, whatever the test did."""
    yield workspace
    workspace.start_kitaru("logout").finish()


def holding(folder: Path, secrets: tuple[str, ...]) -> list[str]:
    return [
        str(file)
        for file in folder.rglob("*")
        if file.is_file() and any(s.encode() in file.read_bytes() for s in secrets)
    ]


def test_an_execution_lives_on_a_server_from_login_to_logout(
    workspace: Workspace, zenml_server: RunningServer
) -> None:
    url, key = zenml_server.url, zenml_server.api_key
    said = []
    joined = workspace.kitaru("login", url, environment={"KITARU_AUTH_TOKEN": key})
    said.append(joined.both)
    assert f"Logged in to {url} as robot, project default" in joined.stdout
    status = workspace.kitaru_item("status")
    assert (status["connection"], status["store"]) == ("server", url)
    assert (status["user"], status["chosen_by"]) == ("robot", "login")

    started = workspace.python(workspace.script("review.py", REVIEW))
    exec_id = started.stdout.strip()
    answered = workspace.kitaru("executions", "input", exec_id, "--value", "true")
    said += [started.both, answered.both]
    eventually(
        lambda: (
            workspace.lines("publishing") == []
            and (workspace.project / "publishing").exists()
        ),
        what="the checkpoint runs",
    )
    running = [" ".join(p.cmdline()) for p in processes.using(workspace.config)]
    assert any(exec_id in line for line in running)
    assert not [line for line in running for s in zenml_server.secrets if s in line]
    (workspace.project / "go").touch()
    eventually(
        lambda: workspace.execution(exec_id)["status"] == "completed",
        what="it completes",
    )

    token = workspace.kitaru("auth", "token")
    assert token.stderr == ""
    (line,) = token.stdout.splitlines()
    assert zenml_server.ask("/current-user", token=line)["name"] == "robot"

    left = workspace.kitaru("logout")
    assert f"Logged out of {url}" in left.stdout
    assert workspace.kitaru_items("executions", "list") == []
    secrets = (*zenml_server.secrets, line)
    assert holding(workspace.config, secrets) == []
    said.append(left.both + workspace.log_text(exec_id))
    assert not [text for text in said for secret in secrets if secret in text]


def test_a_password_is_asked_on_a_terminal_and_neither_shown_nor_stored(
    workspace: Workspace, zenml_server: RunningServer
) -> None:
    screen = workspace.kitaru_terminal("login", zenml_server.url)

    screen.expect_exact("User: ")
    screen.sendline(zenml_server.user)
    screen.expect_exact("Password: ")
    screen.sendline(zenml_server.password)
    screen.expect_exact(f"Logged in to {zenml_server.url} as {zenml_server.user}")
    screen.expect(pexpect.EOF)

    assert zenml_server.password not in (screen.before or "")
    assert holding(workspace.config, (zenml_server.password,)) == []
    again = workspace.kitaru_terminal("login", zenml_server.url)
    again.expect_exact("Logged in to")
    again.expect(pexpect.EOF)


def test_the_environment_is_enough_and_is_not_stored(
    workspace: Workspace, zenml_server: RunningServer
) -> None:
    before = (workspace.config / "config.yaml").read_bytes()
    environment = {
        "KITARU_SERVER_URL": zenml_server.url,
        "KITARU_AUTH_TOKEN": zenml_server.api_key,
    }

    done = workspace.kitaru("status", "-o", "json", environment=environment)

    facts = json.loads(done.stdout)["item"]
    assert (facts["store"], facts["chosen_by"]) == (
        zenml_server.url,
        "KITARU_SERVER_URL",
    )
    assert (workspace.config / "config.yaml").read_bytes() == before
    assert holding(workspace.config, zenml_server.secrets) == []
    wrong = workspace.kitaru(
        "executions",
        "list",
        code=1,
        environment=environment | {"KITARU_AUTH_TOKEN": "ZENKEY_wrong"},
    )
    assert "refused the API key" in wrong.stderr
    assert "ZENKEY_wrong" not in wrong.both
    assert "Traceback" not in wrong.both


def test_keys_are_made_on_the_command_line(
    workspace: Workspace, zenml_server: RunningServer
) -> None:
    connected = {
        "KITARU_SERVER_URL": zenml_server.url,
        "KITARU_AUTH_TOKEN": zenml_server.token,
    }
    keys = ("auth", "api-keys")
    workspace.kitaru("auth", "service-accounts", "create", "cli", environment=connected)

    made = workspace.kitaru(*keys, "create", "cli", "laptop", environment=connected)

    value = made.stdout.strip()
    with_key = connected | {"KITARU_AUTH_TOKEN": value}
    workspace.kitaru("executions", "list", environment=with_key)
    shown = workspace.kitaru(*keys, "list", "cli", "-o", "json", environment=connected)
    assert json.loads(shown.stdout)["items"][0]["name"] == "laptop"
    assert value not in shown.both
    refused = workspace.kitaru(
        *keys, "delete", "cli", "laptop", code=2, environment=connected
    )
    assert "--yes" in refused.stderr
    workspace.kitaru(*keys, "delete", "cli", "laptop", "--yes", environment=connected)
    workspace.kitaru("executions", "list", code=1, environment=with_key)


def test_the_local_server_runs_until_logout(local_server: Workspace) -> None:
    workspace = local_server

    started = workspace.kitaru("login")

    found = json.loads(workspace.kitaru("login", "-o", "json").stdout)["item"]
    server = RunningServer(found["url"])
    assert "Starting the local server" in started.stderr
    assert f"The local server runs: {server.url}" in started.stdout
    assert found["started"] is False
    assert found["dashboard_url"] == f"{server.url}/projects/default/runs"
    user = server.ask("/current-user")
    # What the dashboard looks at before it shows runs and not a survey.
    assert user["body"]["email_opted_in"] is False
    assert user["metadata"]["user_metadata"]["finished_onboarding_survey"] is True
    again = workspace.kitaru("login")
    assert f"runs already: {server.url}" in again.stdout
    assert workspace.kitaru_item("status")["local_server"] == server.url
    token = workspace.kitaru("auth", "token").stdout
    assert token.startswith("kit_")
    assert workspace.kitaru("auth", "token").stdout == token
    it_looks_after_executions(workspace, server)

    stopped = workspace.kitaru("logout")

    assert f"Stopped the local server {server.url}" in stopped.stdout
    assert processes.using(workspace.config) == []
    with pytest.raises(URLError):
        server.ask("/info")
    assert "Nothing to do" in workspace.kitaru("logout").stdout


def test_no_page_of_elsewhere_reaches_the_local_server(
    local_server: Workspace,
) -> None:
    url = local_server.kitaru_item("login")["url"]
    exec_id = local_server.python(local_server.script("review.py", REVIEW)).stdout
    runs = f"{url}/api/v1/runs/{exec_id.strip()}"
    (wait,) = requests.get(
        f"{url}/api/v1/run_wait_conditions?pipeline_run={exec_id.strip()}",
        timeout=DEADLINE,
    ).json()["items"]
    answer = f"{url}/api/v1/run_wait_conditions/{wait['id']}/resolve"
    no = {"resolution": "continue", "result": False}
    port = url.rpartition(":")[2]
    foreign = [
        {"Origin": "https://evil.example"},
        {"Origin": f"http://evil.example:{port}"},
        {"Origin": "null"},
        # A name that was made to lead to this machine; then the origin is its own.
        {"Host": f"evil.example:{port}"},
        {"Host": f"evil.example:{port}", "Origin": f"http://evil.example:{port}"},
    ]

    for headers in foreign:
        read = requests.get(runs, headers=headers, timeout=DEADLINE)
        answered = requests.put(answer, json=no, headers=headers, timeout=DEADLINE)

        assert (read.status_code, answered.status_code) == (403, 403), headers
        assert "access-control-allow-origin" not in read.headers
        assert "reviewed" not in read.text
    preflight = {"Access-Control-Request-Method": "PUT"} | foreign[0]
    assert (
        requests.options(answer, headers=preflight, timeout=DEADLINE).status_code == 403
    )
    own = {"Origin": url}
    shown_run = requests.get(runs, headers=own, timeout=DEADLINE).json()
    assert shown_run["name"].startswith("reviewed")
    forwarded = {"Host": "localhost:9000", "Origin": "http://localhost:9000"}
    assert requests.get(runs, headers=forwarded, timeout=DEADLINE).ok
    shown = local_server.execution(exec_id.strip())
    assert (shown["status"], shown["pending_wait"]["name"]) == ("waiting", "ok")


def it_looks_after_executions(workspace: Workspace, server: RunningServer) -> None:
    """An answer in the dashboard, and a crash: the server alone sees to both."""
    script = workspace.script("review.py", REVIEW)
    exec_id = workspace.python(script).stdout.strip()
    (wait,) = server.ask(f"/run_wait_conditions?pipeline_run={exec_id}")["items"]
    answer = {"resolution": "continue", "result": True}

    # As the dashboard does; nobody of ours hears of it.
    server.ask(f"/run_wait_conditions/{wait['id']}/resolve", body=answer, method="PUT")
    eventually((workspace.project / "publishing").exists, what="the second checkpoint")
    os.kill(workspace.runner_pid(exec_id), signal.SIGKILL)
    workspace.reaches(exec_id, "failed")

    shown = server.ask(f"/runs/{exec_id}")["body"]
    assert shown["status_reason"].startswith("runtime: the runner died")
    log = workspace.config / "kitaru" / "server" / "server.log"
    eventually(
        lambda: f"reviewed {exec_id}: runner died" in log.read_text(),
        what=log.read_text,
    )
    assert f"reviewed {exec_id}: answered: process" in log.read_text()
    (workspace.project / "go").touch()
    workspace.retry(exec_id)
    assert workspace.settles(exec_id, "completed")["status"] == "completed"


def test_a_taken_port_and_missing_packages_are_named(workspace: Workspace) -> None:
    hook = workspace.script("hook/sitecustomize.py", WITHOUT_SERVER_PACKAGES).parent

    done = workspace.kitaru("login", code=1, environment={"PYTHONPATH": str(hook)})

    assert "kitaru[local]" in done.stderr
    assert "Traceback" not in done.both
    done = workspace.kitaru("login", "--port", "0", code=2)
    assert "not a port" in done.stderr
    done = workspace.kitaru("login", f"http://127.0.0.1:{free_port()}", code=1)
    assert "there is no server" in done.stderr
