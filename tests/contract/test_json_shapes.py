"""What each command prints with `-o json`, kept in tests/golden."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import kitaru
from kitaru import checkpoint, flow
from kitaru._engine.memory.engine import MemoryEngine
from kitaru._engine.open import use_engine
from kitaru._ops import deployments
from kitaru.cli.app import app
from tests.support.golden import GOLDEN, assert_golden


@checkpoint
def search(topic: str) -> list[str]:
    print("searching")
    kitaru.save("query", topic, type="context")
    kitaru.log(found=2)
    return [topic, topic]


@checkpoint
def write(found: list[str], mood: str = "plain") -> str:
    if mood == "broken":
        raise RuntimeError("no ink")
    return f"{mood}: {found}"


@flow
def article(topic: str, mood: str = "plain") -> str:
    found = search(topic)
    if not kitaru.wait(schema=bool, name="approve", question="Go on?"):
        return "dropped"
    return write(found, mood)


@flow
def failing() -> str:
    return write(["a"], "broken")


def completed() -> str:
    handle = article.run("durability")
    kitaru.KitaruClient().executions.input(handle.exec_id, value=True)
    return handle.exec_id


def listed() -> list[str]:
    completed()
    failing.run()
    return []


DEPLOYED = """
import sys
import kitaru

@kitaru.flow
def report(topic: str, depth: int = 1) -> str:
    print("reporting", file=sys.stderr)
    return topic * depth
"""
TARGET, GIVEN = "report.py:report", ("--args", '{"topic": "tides"}')


def deployed(*rest: str) -> Callable[[], list[str]]:
    """Return what deploys and invokes a flow, and then gives the rest of a command."""

    def prepare() -> list[str]:
        deployments.deploy(TARGET, project=Path.cwd(), tags=["staging"])
        deployments.invoke(flow="report", inputs={"topic": "tides"})
        return list(rest)

    return prepare


def scheduled(*rest: str) -> Callable[[], list[str]]:
    """Return what lets a flow start by itself, and then gives the rest of a command."""

    def prepare() -> list[str]:
        deployments.deploy(TARGET, project=Path.cwd())
        every, inputs = "0 7 * * 1-5", {"topic": "tides"}
        deployments.schedule(flow="report", every=every, inputs=inputs)
        return list(rest)

    return prepare


DEPLOYMENTS: dict[str, Callable[[], list[str]]] = {
    "build": lambda: [TARGET],
    "deploy": lambda: [TARGET],
    "invoke": deployed("report", *GIVEN),
    "flow list": deployed(),
    "flow show": deployed("report"),
    "flow tag": deployed("report", "1", "canary"),
    "flow untag": deployed("report", "1", "staging"),
    "flow schedules list": scheduled(),
    "flow schedules pause": scheduled("report"),
    "flow schedules resume": scheduled("report"),
    "flow schedules run": scheduled("report"),
    "flow schedules delete": scheduled("report", "--yes"),
    "flow deployments list": deployed(),
    "flow deployments show": deployed("report"),
    "flow deployments logs": deployed("report"),
    "flow deployments delete": deployed("report", "1", "--yes"),
}


def replayed() -> list[str]:
    source = failing.run().exec_id
    overrides = {"checkpoint.write": "done"}
    replay = failing.replay(source, from_="write", overrides=overrides)
    return [source, replay.exec_id]


def living() -> list[str]:
    """Arguments of `check`: this file, of which an execution waits."""
    article.run("durability")
    return [__file__]


EXECUTIONS: dict[str, Callable[[], list[str]]] = {
    "executions list": listed,
    "executions get": lambda: [completed()],
    "executions logs": lambda: [completed()],
    "executions input": lambda: [article.run("a").exec_id, "--value", "true"],
    "executions retry": lambda: [failing.run().exec_id],
    "executions break": lambda: [article.run("a").exec_id, "--before", "write"],
    "executions cancel": lambda: [article.run("a").exec_id],
    "executions replay": lambda: [completed(), "--from", "write"],
    "executions compare": replayed,
    "executions export": lambda: [completed()],
    "check": living,
    "status": list,
}


def leaves(group: typer.Typer, path: str = "") -> Iterator[str]:
    """Yield the names of all commands, as they are typed after `kitaru`."""
    root = typer.main.get_command(group)
    todo: list[tuple[str, Any]] = [(path, root)]
    while todo:
        name, command = todo.pop()
        nested = getattr(command, "commands", None)
        if nested is None:
            yield name
            continue
        todo += [(f"{name} {key}".strip(), child) for key, child in nested.items()]


def test_every_command_has_a_golden_file() -> None:
    kept = {path.stem for path in GOLDEN.glob("*.json")}

    # Those of other commands are written by tests/integration/test_json_shapes.py.
    # `ui` serves until it is ended.
    ending = set(leaves(app)) - {"ui"}
    assert {leaf.replace(" ", "-") for leaf in ending} | {"home"} == kept


@pytest.fixture
def memory() -> Iterator[None]:
    with use_engine(MemoryEngine()):
        yield


def test_kitaru_alone_prints_its_golden_json(memory: None) -> None:
    listed()
    article.run("a")

    done = CliRunner().invoke(app, ["-o", "json"])

    assert done.exception is None, done.output
    assert_golden("home", json.loads(done.stdout))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a flow in it, which is the current one."""
    (tmp_path / "report.py").write_text(DEPLOYED)
    monkeypatch.chdir(tmp_path)


COMMANDS = EXECUTIONS | DEPLOYMENTS


@pytest.mark.parametrize("command", COMMANDS, ids=lambda name: name.replace(" ", "-"))
def test_a_command_prints_its_golden_json(
    memory: None, project: None, command: str
) -> None:
    arguments = COMMANDS[command]()

    done = CliRunner().invoke(app, [*command.split(), *arguments, "-o", "json"])

    assert done.exception is None, done.output
    assert_golden(command.replace(" ", "-"), json.loads(done.stdout))
