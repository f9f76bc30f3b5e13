"""Executions that an earlier version recorded are shown, continued and replayed for ever.

Each folder `tests/recorded/journal-*` is a local store as that version left it. New ones
come from `scripts/record_stores.py`; recorded ones are not changed. A name that a store
holds and this version no longer has (a module, a class, a key) fails here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import recorded
from tests.support.recorded import Recording
from tests.support.workspace import Workspace

pytestmark = pytest.mark.zenml

RECORDINGS = recorded.all_of("journal")
SOURCES = ["cats 0", "cats 1", "cats 2"]

# Prints all values of an execution, as Kitaru and as ZenML alone load them.
LOOK = """
    import json
    import sys
    from pathlib import Path

    import flows
    from kitaru import KitaruClient, Resources

    def shown(value):
        if isinstance(value, flows.Opaque):
            return ["opaque", value.text]
        if isinstance(value, flows.Report):
            return ["report", value.topic, len(value.parts)]
        if isinstance(value, Path):
            return ["file", value.read_text()]
        if isinstance(value, dict) and isinstance(value.get("size"), Resources):
            return [value["size"].cpu, value["usage"].requests, value["was"].value]
        return value

    values = {}
    for ref in KitaruClient().artifacts.list(sys.argv[1]):
        values[ref.name] = shown(ref.load())

    from zenml.client import Client

    run = Client().get_pipeline_run(sys.argv[1])
    steps = {name: step.outputs for name, step in run.steps.items()}
    for name in json.loads(sys.argv[2]):
        (version,) = steps[name]["output"]
        assert shown(version.load()) == values[name], name
    print(json.dumps(values))
"""

REPLAY = """
    import json
    import sys

    import flows
    from kitaru import KitaruClient

    executions = KitaruClient().executions
    for name, (source, flow, anchor) in json.loads(sys.argv[1]).items():
        replayed = getattr(flows, flow).replay(source, from_=anchor)
        print(f"{name}: {executions.get(replayed.exec_id).status.value}")
"""


@dataclass
class Restored:
    """A recorded store, restored on this machine."""

    recording: Recording
    workspace: Workspace
    before: list[str]

    @property
    def new_bodies(self) -> list[str]:
        """The bodies that ran since it was recorded."""
        bodies = self.workspace.lines("bodies")
        assert bodies[: len(self.before)] == self.before
        return bodies[len(self.before) :]

    def id_of(self, kind: str) -> str:
        return self.recording.executions[kind]

    def shown(self, kind: str) -> dict[str, Any]:
        return self.workspace.execution(self.id_of(kind))

    def values(self, kind: str, *, in_zenml: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return the values of an execution by name, as a new process loads them."""
        script = self.workspace.script("look.py", LOOK)
        wanted = (script, self.id_of(kind), json.dumps(in_zenml))
        folder = {"ZENML_CONFIG_PATH": str(self.workspace.config)}
        done = self.workspace.start_python(*wanted, environment=folder).finish()
        assert done.code == 0, done.both
        values: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return values


@pytest.fixture(params=RECORDINGS, ids=lambda recording: recording.folder.name)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Restored]:
    """A recorded store in a folder that its version never saw."""
    recording: Recording = request.param
    workspace = Workspace(tmp_path, tmp_path / "config")
    workspace.environment["KITARU_LLM_MOCK_RESPONSE"] = "a title"
    recording.restore(tmp_path)
    yield Restored(recording, workspace, workspace.lines("bodies"))
    workspace.end()


def test_each_recorded_format_is_there_with_its_flows() -> None:
    found = {recording.folder.name: recording.is_whole for recording in RECORDINGS}

    assert found.items() >= {"journal-3": True}.items()


def test_recorded_executions_are_listed_with_their_statuses(store: Restored) -> None:
    rows = store.workspace.kitaru_items("executions", "list")

    names = {execution: name for name, execution in store.recording.executions.items()}
    found = {names[row["exec_id"]]: row["status"] for row in rows}
    # Whoever meets it lets it go on.
    assert found.pop("answered") in ("waiting", "running", "completed")
    assert found == {
        "completed": "completed",
        "replay": "completed",
        "waiting": "waiting",
        "cancelled": "cancelled",
        "failed": "failed",
        "isolated": "completed",
        "isolated-failed": "failed",
        "killed": "failed",
    }


def test_recorded_executions_are_shown_with_their_calls(store: Restored) -> None:
    completed, failed, killed = map(store.shown, ("completed", "failed", "killed"))

    done = [call["invocation_id"] for call in completed["checkpoints"]]
    assert done == [
        *("gather", "polish", "polish_2", "polish_3", "enlarge", "price", "needs"),
        *("wrap", "llm_call", "report"),
    ]
    assert completed["checkpoints"][0]["metadata"] == {"sources": 3}
    assert failed["failure"]["exception_type"] == "builtins.LookupError"
    assert failed["failure"]["message"] == "no place for roofs"
    calls = {call["name"]: call for call in failed["checkpoints"]}
    caught = calls["doubt"]["failure"]
    assert caught["exception_type"] == "kitaru.errors.KitaruUsageError"
    assert [one["status"] for one in calls["publish"]["attempts"]] == ["failed"] * 2
    assert killed["failure"]["origin"] == "runtime"


def test_a_recorded_replay_is_shown_as_one(store: Restored) -> None:
    replay = store.shown("replay")

    assert replay["original_exec_id"] == store.id_of("completed")
    calls = {call["invocation_id"]: call for call in replay["checkpoints"]}
    assert calls["polish_2"]["reused"]
    assert calls["enlarge"]["overridden"]
    assert not calls["report"]["reused"]


def test_recorded_values_load_in_kitaru_and_in_zenml(store: Restored) -> None:
    in_zenml = ("gather", "enlarge", "needs", "wrap", "report")

    values = store.values("completed", in_zenml=in_zenml)

    assert values["gather"] == SOURCES
    assert len(values["enlarge"]) == 70_000
    assert values["needs"] == [2, 2, "waiting"]
    assert values["wrap"] == ["opaque", "70000 for 1.0, waiting"]
    assert values["report"] == ["report", "cats", 5]
    assert values["summary"] == {"topic": "cats", "parts": 5}
    assert values["notes"] == ["file", "notes on cats\n"]
    assert values["llm_call"] == "a title"
    assert store.new_bodies == []


def test_values_of_recorded_replays_and_isolated_calls_load(store: Restored) -> None:
    replay, isolated = store.values("replay"), store.values("isolated")

    assert replay["enlarge"] == "short"
    assert replay["gather"] == SOURCES
    assert replay["wrap"] == ["opaque", "5 for 1.0, waiting"]
    assert isolated["apart"] == 3
    assert isolated["seen"] == ["letters 0", "letters 1", "letters 2"]


def test_recorded_logs_are_shown(store: Restored) -> None:
    whole = store.workspace.kitaru("executions", "logs", store.id_of("completed"))
    apart = store.workspace.kitaru(
        "executions", "logs", store.id_of("isolated"), "--checkpoint", "apart"
    )

    assert "gathering cats" in whole.stdout
    assert "apart from the others" in apart.stdout


def test_a_recorded_question_is_answered_and_its_flow_goes_on(store: Restored) -> None:
    execution = store.id_of("waiting")

    store.workspace.kitaru("executions", "input", execution, "--value", "true")

    store.workspace.settles(execution, "completed")
    assert store.workspace.result(execution) == "LAKES 0 AND LAKES 1 AND LAKES 2"
    assert store.new_bodies == ["polish lakes 0 and lakes 1 and lakes 2"]


def test_a_recorded_answer_is_enough_to_go_on(store: Restored) -> None:
    execution = store.id_of("answered")

    store.workspace.kitaru("reconcile")

    store.workspace.settles(execution, "completed")
    assert store.workspace.result(execution) == "RIVERS 0 AND RIVERS 1 AND RIVERS 2"
    assert store.new_bodies == ["polish rivers 0 and rivers 1 and rivers 2"]


@pytest.mark.parametrize(
    ("kind", "body", "result"),
    [
        (
            "failed",
            "publish",
            ["roofs 0", "roofs 1", "roofs 2", "NOTHING ABOUT ROOFS", "roofs is out"],
        ),
        ("isolated-failed", "publish", "3: parcels is out"),
        ("killed", "crawl", ["CAVES 0", "CAVES 1", "CAVES 2", "all of caves"]),
    ],
    ids=["failed", "isolated-failed", "killed"],
)
def test_a_retry_of_a_recorded_execution_repeats_no_finished_body(
    store: Restored, kind: str, body: str, result: object
) -> None:
    execution = store.id_of(kind)
    store.workspace.script("mended", "")
    store.workspace.script("released", "")

    store.workspace.retry(execution)

    store.workspace.settles(execution, "completed")
    assert store.workspace.result(execution) == result
    assert store.new_bodies == [body]


def test_recorded_executions_are_replayed_from_a_checkpoint(store: Restored) -> None:
    anchors = {
        "completed": ("writing", "report"),
        "replay": ("writing", "report"),
        "waiting": ("asking", "gather"),
        "cancelled": ("asking", "gather"),
        "failed": ("mending", "publish"),
        "isolated": ("sending", "apart"),
        "isolated-failed": ("sending_on", "publish"),
        "killed": ("crawling", "polish_3"),
    }
    # This one ends by itself when it is looked at.
    assert {*anchors, "answered"} == store.recording.executions.keys()
    wanted = {kind: (store.id_of(kind), *anchor) for kind, anchor in anchors.items()}
    script = store.workspace.script("replay.py", REPLAY)
    store.workspace.script("mended", "")
    store.workspace.script("released", "")

    told = store.workspace.python(script, json.dumps(wanted)).stdout

    ended = dict.fromkeys(anchors, "completed") | dict.fromkeys(
        ("waiting", "cancelled"), "waiting"
    )
    assert ended.items() <= {
        tuple(line.split(": ", 1)) for line in told.splitlines() if ": " in line
    }
    assert store.new_bodies == [
        *("report", "report", "gather", "gather", "publish", "apart"),
        *("polish 3 of letters", "publish", "polish caves 2", "crawl"),
    ]


def test_a_result_cached_then_is_not_taken_for_that_of_code_now(
    store: Restored,
) -> None:
    # The keys of then did not tell functions apart by what they do.
    done = store.workspace.python("flows.py", "writing", "cats")

    assert "gathering cats" in done.stdout
    assert "report" in store.new_bodies
    assert "price of cats" in store.new_bodies
