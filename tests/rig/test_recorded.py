"""Executions that an earlier version recorded on a remote stack go on with this one.

Each folder `tests/recorded/remote-*` is the database of a server and the bucket of its
stack; the cluster of then, with its pods, is lost. They are restored on SQLite, whichever
database the rig has otherwise: a dump of one database is not one of another, and what is
in the tables is the same. New ones come from `scripts/record_stores.py`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.rig import recording
from tests.rig import rig as rigs
from tests.rig.laptop import Laptop
from tests.support import recorded
from tests.support.recorded import Recording

RECORDINGS = recorded.all_of("remote")
STATUSES = {
    "completed": "completed",
    "waiting": "waiting",
    "failed": "failed",
    # Their pods are gone, which only `reconcile` asks the cluster about.
    "killed": "running",
    "left": "running",
}
LOOK = """
    import json
    import sys

    import flows
    from kitaru import KitaruClient

    values = {ref.name: ref.load() for ref in KitaruClient().artifacts.list(sys.argv[1])}
    opaque = values.pop("wrap")
    assert isinstance(opaque, flows.Opaque)
    print(json.dumps(values | {"wrap": opaque.text}))
"""


@dataclass
class Restored:
    """A recorded server and bucket on a rig, and what they told at first."""

    recording: Recording
    laptop: Laptop
    listed: dict[str, str]
    bodies: dict[str, Counter[str]]

    def id_of(self, kind: str) -> str:
        return self.recording.executions[kind]

    def new_bodies(self, kind: str) -> list[str]:
        """Wait until one has completed; return which bodies ran since it was recorded."""
        self.laptop.becomes(self.id_of(kind), "completed")
        now = bodies_of(self.laptop, self.id_of(kind))
        return sorted((now - self.bodies[kind]).elements())


def bodies_of(laptop: Laptop, execution: str) -> Counter[str]:
    """Return how often each body of an execution has run, by its log."""
    lines = laptop.kitaru_items("executions", "logs", execution)
    said = [line["message"].strip() for line in lines]
    return Counter(
        line.removeprefix("body ") for line in said if line.startswith("body ")
    )


@pytest.fixture(
    scope="module", params=RECORDINGS, ids=lambda recording: recording.folder.name
)
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Restored]:
    """A recorded store, restored; what failed or was slow in it is so no more."""
    reason = rigs.why_not()
    if reason is not None:
        pytest.skip(f"the rig cannot run here: {reason}")
    recording_: Recording = request.param
    folder = tmp_path_factory.mktemp("recorded")
    with recording.restored(recording_, folder / "project") as rig:
        laptop = Laptop(rig, folder)
        laptop.script("flows.py", recording_.flows.read_text())
        for name in ("mended", "released", "opened"):
            laptop.kitaru("secrets", "set", name, "by=nobody")
        kinds = {execution: kind for kind, execution in recording_.executions.items()}
        listed = {
            kinds[row["exec_id"]]: row["status"]
            for row in laptop.kitaru_items("executions", "list")
        }
        bodies = {kind: bodies_of(laptop, one) for one, kind in kinds.items()}
        yield Restored(recording_, laptop, listed, bodies)
        laptop.end()


@pytest.fixture(scope="module")
def replay(store: Restored) -> str:
    """Let all go on at once, as pods take their time; return a replay beside them."""
    laptop = store.laptop
    given_up = {item["exec_id"] for item in laptop.kitaru_items("reconcile")}
    assert given_up == {store.id_of("killed"), store.id_of("left")}
    laptop.kitaru("executions", "input", store.id_of("waiting"), "--value", "true")
    for kind in ("failed", "killed", "left"):
        laptop.kitaru("executions", "retry", store.id_of(kind))
    done = laptop.kitaru_item(
        "executions", "replay", store.id_of("completed"), "--from", "report"
    )
    return str(done["exec_id"])


def test_recorded_executions_are_listed_with_their_statuses(store: Restored) -> None:
    assert store.listed == STATUSES


def test_recorded_values_and_logs_are_read(store: Restored) -> None:
    script = store.laptop.script("look.py", LOOK)

    told = store.laptop.python(script, store.id_of("completed")).stdout

    values: dict[str, Any] = json.loads(told.splitlines()[-1])
    assert values["gather"] == ["cats 0", "cats 1", "cats 2"]
    assert len(values["enlarge"]) == 70_000
    assert (values["apart"], values["seen"]) == (3, values["gather"])
    assert values["wrap"] == "70000 by 3"
    assert values["summary"] == {"topic": "cats", "parts": 4}
    polished = [f"polish cats {n}" for n in range(3)]
    ran = ["gather", *polished, "enlarge", "apart", "wrap", "report"]
    assert store.bodies["completed"] == Counter(ran)


@pytest.mark.usefixtures("replay")
def test_a_recorded_question_is_answered_and_its_flow_goes_on(store: Restored) -> None:
    new = store.new_bodies("waiting")

    assert new == ["polish lakes 0 and lakes 1 and lakes 2"]
    result = store.laptop.result(store.id_of("waiting"))
    assert result == "LAKES 0 AND LAKES 1 AND LAKES 2"


@pytest.mark.usefixtures("replay")
@pytest.mark.parametrize(
    ("kind", "new", "result"),
    [
        (
            "failed",
            ["publish"],
            [
                *(f"roofs {n}" for n in range(3)),
                *("NOTHING ABOUT ROOFS", "3", "roofs is out"),
            ],
        ),
        ("killed", ["crawl"], ["3", "all of caves"]),
        # Its pod has ended since; nobody has read the reply yet.
        ("left", [], [*(f"doors {n}" for n in range(3)), "doors is open"]),
    ],
    ids=["failed", "killed", "left"],
)
def test_a_retry_of_a_recorded_execution_repeats_no_finished_body(
    store: Restored, kind: str, new: list[str], result: object
) -> None:
    assert store.new_bodies(kind) == new
    assert store.laptop.result(store.id_of(kind)) == result


def test_a_recorded_execution_is_replayed_from_a_checkpoint(
    store: Restored, replay: str
) -> None:
    execution = store.laptop.becomes(replay, "completed")

    assert execution["original_exec_id"] == store.id_of("completed")
    assert bodies_of(store.laptop, replay) == Counter(["report"])
