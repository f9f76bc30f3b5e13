"""The `kitaru-mcp` process over a real pipe, with flows that print wherever they can."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, TextIO

import pytest
from mcp.client.client import Client

from tests.support import assistant, programs
from tests.support.assistant import ERAS, Person, given, refused
from tests.support.polling import DEADLINE, eventually
from tests.support.server import free_port
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

NOISE = """
import ctypes, logging, os, subprocess, sys

def make_noise(where):
    print(f"print {where}")
    os.write(1, f"write {where}\\n".encode())
    subprocess.run(["echo", f"child {where}"])
    c = ctypes.CDLL(None)
    c.puts(f"puts {where}".encode())
    c.fflush(None)
    sys.__stdout__.write(f"dunder {where}\\n")
    sys.__stdout__.flush()
    logging.getLogger("zenml").error("log %s", where)
    logging.error("root %s", where)

make_noise("at import")
try:
    print("stole", sys.stdin.readline())
    print("took", input())
except EOFError:
    pass
"""

NOISY_FLOW = """
from noise import make_noise
import kitaru
from kitaru import checkpoint, flow

@checkpoint
def shout(word: str) -> str:
    make_noise("in a checkpoint")
    return word.upper()

@checkpoint
def louder(text: str) -> str:
    return text + "!"

@flow
def noisy(word: str) -> str:
    make_noise("in a flow")
    text = shout(word)
    if not kitaru.wait(schema=bool, question=f"{text}?", timeout=0):
        return "no"
    make_noise("after the wait")
    return louder(text)
"""

BLOCKED = """
import time
from pathlib import Path
from kitaru import checkpoint, flow

@checkpoint
def hold() -> str:
    while not Path("go").exists():
        time.sleep(0.01)
    return "held"

@flow
def blocked() -> str:
    return hold()
"""


@pytest.fixture
def errors(tmp_path: Path) -> Iterator[TextIO]:
    """Where the servers' stderr goes."""
    with (tmp_path / "errors").open("w+") as file:
        yield file


@pytest.fixture
def noisy(workspace: Workspace) -> Workspace:
    workspace.script("noise.py", NOISE)
    workspace.script("flows/noisy_flow.py", NOISY_FLOW)
    return workspace


@pytest.mark.parametrize("era", ERAS)
def test_a_noisy_flow_is_run_answered_replayed_and_cancelled(
    noisy: Workspace, errors: TextIO, era: str
) -> None:
    person = Person({"answer": True})
    seen: dict[str, Any] = {}

    async def journey(mcp: Client) -> None:
        seen["run"] = await given(
            mcp,
            "kitaru_executions_run",
            target="flows/noisy_flow.py:noisy",
            args={"word": "hey"},
            wait_seconds=DEADLINE,
        )
        first = seen["run"]["execution"]["exec_id"]
        seen["done"] = await given(
            mcp, "kitaru_executions_input", exec_id=first, wait_seconds=DEADLINE
        )
        seen["again"] = await given(
            mcp,
            "kitaru_executions_replay",
            exec_id=first,
            from_="louder",
            overrides={"checkpoint.shout": "HO"},
            wait_seconds=DEADLINE,
        )
        second = seen["again"]["execution"]["exec_id"]
        seen["cancelled"] = await given(mcp, "kitaru_executions_cancel", exec_id=second)
        seen["log"] = await given(mcp, "get_execution_logs", exec_id=first)

    assistant.talk_over_pipe(
        noisy, journey, errors=errors, mode=era, elicitation_callback=person
    )

    assert seen["run"]["execution"]["status"] == "waiting"
    assert person.asked[0].message == "HEY?"
    done = seen["done"]["execution"]
    assert done["status"] == "completed"
    assert noisy.result(done["exec_id"]) == "HEY!"
    assert seen["again"]["execution"]["pending_wait"]["question"] == "HO?"
    assert seen["cancelled"]["execution"]["status"] == "cancelled"
    printed = {entry["message"] for entry in seen["log"]["items"]}
    assert {"print in a flow", "print in a checkpoint", "child in a flow"} <= printed
    errors.seek(0)
    said = errors.read()
    for kind in ("print", "write", "child", "puts", "dunder"):
        assert f"{kind} at import" in said


def test_the_first_program_of_the_documentation_runs(
    workspace: Workspace, errors: TextIO
) -> None:
    text = programs.RESEARCH_AGENT + programs.RESEARCH_MAIN
    workspace.script("research.py", text)

    async def journey(mcp: Client) -> None:
        found = await given(
            mcp,
            "kitaru_executions_run",
            target="research:research_agent",
            args={"topic": "durability"},
            wait_seconds=DEADLINE,
        )
        wait = found["execution"]["pending_wait"]
        assert wait["question"] == "Found 2 sources. Continue?"
        assert wait["schema"] == {"type": "boolean"}
        found = await given(
            mcp,
            "kitaru_executions_input",
            exec_id=found["execution"]["exec_id"],
            value=True,
            wait_seconds=DEADLINE,
        )
        (result,) = [
            ref
            for ref in found["execution"]["artifacts"]
            if ref["producing_call"] is None
        ]
        value = await given(
            mcp, "kitaru_artifacts_get", artifact_id=result["artifact_id"]
        )
        assert value["value"] == "ANALYZE: ['DURABILITY 1', 'DURABILITY 2']"

    assistant.talk_over_pipe(workspace, journey, errors=errors)

    assert workspace.lines("side_effects") == ["search", "llm"]


def test_an_execution_outlives_call_and_server_and_is_seen_by_another(
    workspace: Workspace, errors: TextIO
) -> None:
    workspace.script("holding.py", BLOCKED)
    started: list[str] = []

    async def start(mcp: Client) -> None:
        found = await given(mcp, "kitaru_executions_run", target="holding.py:blocked")
        started.append(found["execution"]["exec_id"])
        assert found["execution"]["status"] == "running"

    async def look(mcp: Client) -> None:
        found = await given(mcp, "kitaru_executions_latest")
        assert found["execution"]["exec_id"] == started[0]
        assert found["execution"]["status"] == "running"
        said = await refused(mcp, "kitaru_executions_retry", exec_id=started[0])
        assert "still running" in said

    assistant.talk_over_pipe(workspace, start, errors=errors)
    assistant.talk_over_pipe(workspace, look, errors=errors)
    (workspace.project / "go").touch()

    workspace.settles(started[0], "completed")


def test_the_local_server_is_started_found_and_stopped(
    workspace: Workspace, errors: TextIO
) -> None:
    async def journey(mcp: Client) -> None:
        started = await given(mcp, "kitaru_start_local_server", port=free_port())
        assert started["started"]
        found = await given(mcp, "kitaru_start_local_server")
        assert found == {**started, "started": False}
        stopped = await given(mcp, "kitaru_stop_local_server")
        assert stopped["stopped"]["pid"] == started["pid"]
        assert await given(mcp, "kitaru_stop_local_server") == {"stopped": None}

    assistant.talk_over_pipe(workspace, journey, errors=errors)


class Server:
    """A `kitaru-mcp` process whose pipes the test holds."""

    def __init__(self, workspace: Workspace, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [assistant.command(), *arguments],
            cwd=workspace.project,
            env=workspace.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    @property
    def stdin(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    def send(self, **message: Any) -> None:
        self.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.stdin.flush()

    def initialize(self) -> dict[str, Any]:
        params = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        }
        self.send(id=1, method="initialize", params=params)
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        self.send(method="notifications/initialized")
        return answer


@pytest.fixture
def server(workspace: Workspace) -> Iterator[Server]:
    started = Server(workspace)
    yield started
    started.process.kill()
    with started.process:  # Closes the pipes.
        started.process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, None])
def test_it_ends_cleanly(server: Server, number: signal.Signals | None) -> None:
    assert server.initialize()["result"]["serverInfo"]["name"] == "kitaru"

    if number is None:
        server.stdin.close()
    else:
        os.kill(server.process.pid, number)

    assert server.process.wait(DEADLINE) == 0
    assert server.process.stdout is not None
    assert server.process.stdout.read() == b""
    assert server.process.stderr is not None
    assert server.process.stderr.read() == b""


def test_a_signal_ends_it_while_it_waits_for_an_execution(
    workspace: Workspace, server: Server
) -> None:
    workspace.script("holding.py", BLOCKED)
    server.initialize()
    arguments = {"target": "holding.py:blocked", "wait_seconds": 300}
    params = {"name": "kitaru_executions_run", "arguments": arguments}
    server.send(id=2, method="tools/call", params=params)
    execution_id = workspace.newest()
    workspace.reaches(execution_id, "running")

    os.kill(server.process.pid, signal.SIGTERM)

    assert server.process.wait(DEADLINE) == 0
    (workspace.project / "go").touch()
    workspace.settles(execution_id, "completed")


def test_it_answers_while_a_module_takes_long_to_load(
    workspace: Workspace, server: Server
) -> None:
    workspace.script("slow.py", f"open('loading', 'w')\n{BLOCKED}\nhold.fn()")
    server.initialize()
    params = {
        "name": "kitaru_executions_run",
        "arguments": {"target": "slow.py:blocked"},
    }
    server.send(id=2, method="tools/call", params=params)
    loading = workspace.project / "loading"
    eventually(loading.exists, what="the module is being loaded")

    server.send(id=3, method="ping")

    assert server.process.stdout is not None
    assert json.loads(server.process.stdout.readline())["id"] == 3


def test_help_and_version_need_no_extra(workspace: Workspace) -> None:
    script = workspace.script(
        "without_extra.py",
        """
        import sys

        class Missing:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in ("fastmcp", "mcp", "mcp_types"):
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        sys.meta_path.insert(0, Missing())
        from kitaru.mcp.command import main
        sys.exit(main())
        """,
    )

    assert "--project" in workspace.python(script, "--help").stdout
    assert workspace.python(script, "--version").stdout.strip()
    done = workspace.python(script, code=1)

    assert "pip install 'kitaru[mcp]'" in done.stderr
    assert done.stdout == ""


def test_a_project_that_is_no_folder_is_refused(workspace: Workspace) -> None:
    done = workspace.start(assistant.command(), "--project", "missing").finish()

    assert done.code == 2
    assert "missing is not a folder" in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_without_stdin_or_stdout_it_says_so(workspace: Workspace, closed: str) -> None:
    command = f"{assistant.command()} {closed}"

    done = workspace.start("sh", "-c", command).finish()

    assert done.code == 2
    assert done.stderr.startswith("Error: kitaru-mcp needs stdin and stdout")


def test_importing_kitaru_loads_no_part_of_the_extra() -> None:
    program = "import sys, kitaru, kitaru.client, kitaru.cli.app, kitaru.mcp.command\n"
    check = "assert not {'fastmcp', 'mcp', 'anyio'} & set(sys.modules)"

    subprocess.run([sys.executable, "-c", program + check], check=True)
