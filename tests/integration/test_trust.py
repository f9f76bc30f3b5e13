"""Code of other people runs by no verb, unless it is trusted."""

from __future__ import annotations

import os
import sqlite3
import sys
import textwrap
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from zenml.client import Client

from kitaru import FlowHandle, KitaruClient, checkpoint, flow, load, wait
from kitaru._engine.open import current_engine
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru.cli.app import app
from kitaru.errors import KitaruError, KitaruPickleWarning, KitaruUsageError
from tests.support import assistant

TRACES = "FORGED_TRACES"
REPOSITORY = Path(__file__).parents[2]

SOURCE = """
import os
from dataclasses import dataclass

with open(os.environ["FORGED_TRACES"], "a") as file:
    file.write("imported\\n")


@dataclass
class Note:
    text: str
"""


def leave(trace: str) -> str:
    with Path(os.environ[TRACES]).open("a") as file:
        file.write(f"{trace}\n")
    return trace


class Evil:
    def __init__(self, where: str) -> None:
        self.where = where

    def __reduce__(self) -> Any:
        # Comes back as it was, so that it can be stored.
        return (awake, (self.where,))


def awake(where: str) -> Evil:
    leave(f"unpickled {where}")
    return Evil(where)


class EvilError(Exception):
    def __reduce__(self) -> Any:
        return (awake_error, (str(self),))


def awake_error(where: str) -> EvilError:
    leave(f"rebuilt {where}")
    return EvilError(where)


@checkpoint
def make(kind: str) -> object:
    if kind == "named":
        import forged_notes

        return forged_notes.Note("a")
    return Evil("result of a checkpoint")


@checkpoint
def after(n: int) -> int:
    return n


@checkpoint
def fail() -> None:
    raise EvilError("failure of a checkpoint")


@flow
def forged(kind: str, given: object = None) -> object:
    if kind == "failed":
        fail()
    made = make(kind)
    if kind == "waiting":
        wait(name="go", schema=bool, timeout=0)
    after(1)
    return made


@checkpoint
def read(execution_id: str) -> str:
    return repr(load(execution_id, "make"))


@flow
def reading(execution_id: str) -> str:
    return read(execution_id)


@dataclass
class Forged:
    completed: str
    named: str
    failed: str
    waiting: str
    traces: Path

    def ran(self) -> list[str]:
        return self.traces.read_text().splitlines() if self.traces.exists() else []


@pytest.fixture
def store_of_another(
    engine: ZenMLEngine, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Forged]:
    """Executions that another user ran on another machine."""
    traces = tmp_path / "traces"
    monkeypatch.setenv(TRACES, str(traces))
    (tmp_path / "forged_notes.py").write_text(textwrap.dedent(SOURCE))
    monkeypatch.syspath_prepend(tmp_path)
    with warnings.catch_warnings():
        # Said once per process.
        warnings.simplefilter("ignore", KitaruPickleWarning)
        made = Forged(
            completed=forged.run("completed", Evil("input")).exec_id,
            named=forged.run("named", Evil("input")).exec_id,
            failed=forged.run("failed", Evil("input")).exec_id,
            waiting=forged.run("waiting", Evil("input")).exec_id,
            traces=traces,
        )
    pretend_another_made_it(engine, config)
    del sys.modules["forged_notes"]
    traces.unlink(missing_ok=True)
    yield made
    sys.modules.pop("forged_notes", None)


def pretend_another_made_it(engine: ZenMLEngine, config: Path) -> None:
    (store,) = config.rglob("zenml.db")
    with closing(sqlite3.connect(store)) as db, db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(user)")]
        row = db.execute("SELECT * FROM user LIMIT 1").fetchone()
        values = dict(zip(columns, row, strict=True))
        values |= {"id": uuid.uuid4().hex, "name": "somebody-else"}
        marks = ",".join("?" * len(columns))
        db.execute(f"INSERT INTO user VALUES ({marks})", list(values.values()))
        for table in ("pipeline_run", "artifact_version"):
            db.execute(f"UPDATE {table} SET user_id = ?", (values["id"],))
    forget_journal(engine)


def forget_journal(engine: ZenMLEngine) -> None:
    with closing(sqlite3.connect(engine.journal.path)) as db, db:
        for table in ("executions", "calls", "own"):
            db.execute(f"DELETE FROM {table}")


def version_of(forged_: Forged) -> str:
    found = Client().list_artifact_versions(pipeline_run=forged_.completed)
    return str(next(v.id for v in found.items if "make" in v.name))


Verb = Callable[[KitaruClient, Forged], object]

# Each would run code of the other user, and says so.
REFUSED: dict[str, Verb] = {
    "artifact.load": lambda c, f: c.artifacts.list(f.completed, name="make")[0].load(),
    "artifact.load of a class by name": lambda c, f: c.artifacts.list(
        f.named, name="make"
    )[0].load(),
    "artifacts.get by ZenML's id": lambda c, f: c.artifacts.get(version_of(f)).load(),
    "FlowHandle.get": lambda c, f: FlowHandle(f.completed).get(),
    "FlowHandle.get of a class by name": lambda c, f: FlowHandle(f.named).get(),
    "flow.replay": lambda c, f: forged.replay(f.completed, from_="after"),
    "executions.replay": lambda c, f: c.executions.replay(f.completed, from_="after"),
    "executions.retry": lambda c, f: c.executions.retry(f.failed),
    "what a detached process does": lambda c, f: current_engine().continue_here(
        f.failed
    ),
    "ZenML's own load": lambda c, f: (
        Client().get_artifact_version(version_of(f)).load()
    ),
}

# Each only looks.
LOOKING: dict[str, Verb] = {
    "get": lambda c, f: [
        c.executions.get(i) for i in (f.completed, f.named, f.failed, f.waiting)
    ],
    "list": lambda c, f: c.executions.list(),
    "latest": lambda c, f: c.executions.latest(),
    "logs": lambda c, f: list(c.executions.logs(f.completed)),
    "pending waits": lambda c, f: c.executions.pending_waits(),
    "artifacts": lambda c, f: c.artifacts.list(f.completed),
}


# What a person at a terminal types; {…} stands for an execution.
COMMANDS = {
    "list": "list",
    "get": "get {completed}",
    "get as JSON": "get {completed} -o json",
    "get a failed one": "get {failed} -o json",
    "logs": "logs {completed}",
    "retry": "retry {failed} --wait",
    "replay": "replay {completed} --from after --wait",
    "resume": "resume {waiting}",
    "cancel": "cancel {waiting}",
}


def test_no_code_of_another_user_runs_by_any_verb(
    client: KitaruClient, store_of_another: Forged
) -> None:
    said: dict[str, str] = {}
    ran: dict[str, list[str]] = {}

    for name, verb in REFUSED.items():
        with pytest.raises(KitaruError) as caught:
            verb(client, store_of_another)
        said[name] = str(caught.value)
        ran[name] = store_of_another.ran()

    assert ran == {name: [] for name in REFUSED}
    for name, text in said.items():
        assert "somebody-else" in text, (name, text)
        assert "KITARU_TRUST_PICKLES=true" in text, (name, text)


def test_looking_runs_no_code_of_another_user(
    client: KitaruClient, store_of_another: Forged
) -> None:
    ran: dict[str, list[str]] = {}

    for name, verb in LOOKING.items():
        verb(client, store_of_another)
        ran[name] = store_of_another.ran()

    assert ran == {name: [] for name in LOOKING}


def test_no_command_runs_code_of_another_user(store_of_another: Forged) -> None:
    ids = vars(store_of_another)
    ran: dict[str, list[str]] = {}

    for name, line in COMMANDS.items():
        CliRunner().invoke(app, ["executions", *line.format(**ids).split()])
        ran[name] = store_of_another.ran()

    assert ran == {name: [] for name in COMMANDS}


def test_the_exception_of_another_user_is_described(
    store_of_another: Forged,
) -> None:
    with pytest.raises(KitaruError, match="failure of a checkpoint") as caught:
        FlowHandle[object](store_of_another.failed).get()

    assert store_of_another.ran() == []
    assert caught.value.__cause__ is None


def test_load_in_a_checkpoint_needs_trust(store_of_another: Forged) -> None:
    handle = reading.run(store_of_another.completed)

    with pytest.raises(KitaruError, match=r"somebody-else.*trust"):
        handle.get()

    assert store_of_another.ran() == []


def test_an_answer_is_stored_and_nothing_is_started(
    client: KitaruClient, store_of_another: Forged
) -> None:
    answered = client.executions.input(store_of_another.waiting, value=True)

    assert [(over.name, over.answer) for over in answered.waits] == [("go", True)]
    client.executions.list()
    assert client.executions.pending_waits(store_of_another.waiting) == []
    assert store_of_another.ran() == []


def test_tools_of_an_assistant_run_nothing_of_another_user(
    store_of_another: Forged,
) -> None:
    made = store_of_another
    said: dict[str, str] = {}
    tools: dict[str, dict[str, Any]] = {
        "kitaru_executions_retry": {"exec_id": made.failed},
        "kitaru_executions_replay": {"exec_id": made.completed, "from_": "after"},
        "kitaru_executions_input": {"exec_id": made.waiting, "value": True},
    }

    async def conversation(talk: Any) -> None:
        for id_ in (made.completed, made.failed, made.waiting):
            await assistant.given(talk, "kitaru_executions_get", exec_id=id_)
        found = await assistant.given(
            talk, "kitaru_artifacts_list", exec_id=made.completed
        )
        (ref,) = (ref for ref in found["items"] if ref["name"] == "make")
        tools["kitaru_artifacts_get"] = {"artifact_id": ref["artifact_id"]}
        for tool, arguments in tools.items():
            said[tool] = await assistant.refused(talk, tool, **arguments)

    assistant.talk(REPOSITORY, conversation)

    assert made.ran() == []
    for tool, text in said.items():
        assert "somebody-else" in text, (tool, text)


def test_one_value_is_trusted_by_its_load(
    client: KitaruClient, store_of_another: Forged
) -> None:
    (ref, *_) = client.artifacts.list(store_of_another.completed, name="make")

    assert ref.load(trust=True).where == "result of a checkpoint"


def test_a_setting_trusts_all(
    client: KitaruClient, store_of_another: Forged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITARU_TRUST_PICKLES", "true")

    assert FlowHandle[Any](store_of_another.completed).get().where
    assert FlowHandle[Any](store_of_another.named).get().text == "a"


def test_a_name_in_a_file_is_no_proof_where_the_journal_knows_nothing(
    engine: ZenMLEngine, store_of_another: Forged, config: Path
) -> None:
    (store,) = config.rglob("zenml.db")
    with closing(sqlite3.connect(store)) as db, db:
        own = uuid.UUID(str(Client().active_user.id)).hex
        db.execute("UPDATE pipeline_run SET user_id = ?", (own,))

    with pytest.raises(KitaruUsageError, match="written by somebody unknown here"):
        FlowHandle[object](store_of_another.completed).get()

    assert store_of_another.ran() == []


def test_plain_data_of_another_user_is_read_without_trust(
    client: KitaruClient, store_of_another: Forged
) -> None:
    (ref,) = client.artifacts.list(store_of_another.completed, name="after")

    assert ref.load() == 1
