from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kitaru._engine.memory.engine import MemoryEngine
from kitaru._engine.open import use_engine
from kitaru._ops import flow_targets, replays
from kitaru.client import KitaruClient
from kitaru.errors import KitaruRuntimeError, KitaruUsageError

FLOW = """
from kitaru import flow

@flow
def research(topic: str, depth: int = 1) -> str:
    return f"{topic} {depth}"
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A project folder; what is loaded from it is forgotten afterwards."""
    before, path = set(sys.modules), sys.path[:]
    folder = (tmp_path / "project").resolve()
    folder.mkdir()
    yield folder
    sys.path[:] = path
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(tmp_path)):
            del sys.modules[name]


def write(project: Path, place: str, text: str = FLOW) -> Path:
    path = project / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("target", "file", "module", "root"),
    [
        pytest.param("one.py:research", "one.py", "one", "", id="file"),
        pytest.param("one:research", "one.py", "one", "", id="module"),
        pytest.param("deep/two.py:research", "deep/two.py", "two", "deep", id="folder"),
        pytest.param(
            "app/three.py:research", "app/three.py", "app.three", "", id="path"
        ),
        pytest.param(
            "app.three:research", "app/three.py", "app.three", "", id="dotted"
        ),
        pytest.param("app:research", "app/__init__.py", "app", "", id="package"),
        pytest.param(
            "lib.four:research", "src/lib/four.py", "lib.four", "src", id="src"
        ),
        pytest.param("v1.2.py:research", "v1.2.py", "v1_2", "", id="dot in a name"),
    ],
)
def test_a_target_is_imported_as_python_would(
    project: Path, target: str, file: str, module: str, root: str
) -> None:
    for place in ("app/__init__.py", "src/lib/__init__.py", file):
        write(project, place)

    found = flow_targets.find(target, project=project)

    assert (found.file, found.module) == (project / file, module)
    assert (found.root, found.flow) == (project / root, "research")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        pytest.param("../outside.py:research", "outside the project", id="upwards"),
        pytest.param("{outside}:research", "outside the project", id="absolute"),
        pytest.param("link.py:research", "outside the project", id="link to a file"),
        pytest.param("linked/outside.py:research", "outside the", id="linked folder"),
        pytest.param("link:research", "outside the project", id="link as a module"),
        pytest.param("json:loads", "not in the project folder", id="standard library"),
        pytest.param("kitaru.flows:flow", "not in the project folder", id="installed"),
        pytest.param("__main__:main", "not in the project folder", id="main script"),
        pytest.param(
            ".venv/lib/site-packages/inner.py:research", "installed", id="environment"
        ),
        pytest.param(
            "usr/lib/python3/dist-packages/inner.py:research", "installed", id="Debian"
        ),
        pytest.param("missing.py:research", "no file 'missing.py'", id="no file"),
        pytest.param("missing:research", "no module 'missing'", id="no module"),
        pytest.param("on.py:research", "did you mean 'one.py'", id="nearly a file"),
        pytest.param("on:research", "did you mean 'one'", id="nearly a module"),
        pytest.param("one.py", "names no flow", id="no flow"),
        pytest.param(":research", "names no flow", id="no file named"),
        pytest.param("one.py:", "names no flow", id="empty flow"),
        pytest.param("one.py:a b", "names no flow", id="no name"),
        pytest.param("", "names no flow", id="empty"),
        pytest.param("no-module:research", "is no module name", id="bad module"),
        pytest.param("one.py:reserch", "did you mean 'research'", id="nearly a flow"),
        pytest.param("one.py:flow", "has no flow 'flow'", id="not a flow"),
    ],
)
def test_only_flows_below_the_project_are_found(
    project: Path, target: str, said: str
) -> None:
    write(project, "one.py")
    write(project, ".venv/lib/site-packages/inner.py")
    write(project, "usr/lib/python3/dist-packages/inner.py")
    outside = write(project.parent, "outside.py", "raise SystemExit('was loaded')")
    (project / "link.py").symlink_to(outside)
    (project / "linked").symlink_to(project.parent)

    with pytest.raises(KitaruUsageError, match=said):
        flow_targets.load(target.format(outside=outside), project=project)


def test_a_flow_imported_from_outside_is_no_flow_of_the_project(
    project: Path,
) -> None:
    write(project.parent, "elsewhere_flows.py")
    sys.path.append(str(project.parent))
    write(project, "two.py", "from elsewhere_flows import research")

    with pytest.raises(KitaruUsageError, match="outside the project"):
        flow_targets.load("two.py:research", project=project)


def test_a_flow_defined_inside_a_function_is_refused(project: Path) -> None:
    write(
        project,
        "nested.py",
        "def make():\n"
        + FLOW.replace("\n", "\n    ")
        + ("\n    return research\nmade = make()\n"),
    )

    with pytest.raises(KitaruUsageError, match="not defined at the top level"):
        flow_targets.load("nested.py:made", project=project)


def test_the_whole_file_system_is_no_project(project: Path) -> None:
    file = write(project, "one.py")

    with pytest.raises(KitaruUsageError, match="no project folder"):
        flow_targets.load(f"{file}:research", project=Path("/"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("1 / 0", "ZeroDivisionError", id="error"),
        pytest.param("raise SystemExit(3)", "SystemExit: 3", id="exit"),
        pytest.param("def x(:", "SyntaxError", id="syntax"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_told(
    project: Path, text: str, said: str
) -> None:
    write(project, "broken.py", text)

    with pytest.raises(KitaruRuntimeError, match=f"broken.py raised {said}"):
        flow_targets.load("broken.py:research", project=project)


def test_a_changed_file_is_read_again_with_what_it_imports(project: Path) -> None:
    write(project, "shared_words.py", "WORD = 'old'")
    text = FLOW.replace("{depth}", "{shared_words.WORD}")
    write(project, "words.py", f"import shared_words\n{text}")
    flow_targets.load("words.py:research", project=project)
    write(project, "shared_words.py", "WORD = 'brand new'")
    write(project, "words.py", f"import shared_words\n{text.replace('topic', 'title')}")

    found = flow_targets.load("words.py:research", project=project)

    assert found.flow.function(title="a") == "a brand new"


def test_loading_leaves_the_folder_of_the_process(project: Path) -> None:
    before = Path.cwd()
    write(project, "moving.py", f"import os\nos.chdir('/')\n{FLOW}")

    flow_targets.load("moving.py:research", project=project)

    assert Path.cwd() == before


def test_a_run_at_the_top_level_of_the_file_starts_nothing(project: Path) -> None:
    write(project, "eager.py", f"{FLOW}\nresearch.run('at import')\n")

    with use_engine(MemoryEngine()):
        flow_targets.load("eager.py:research", project=project)
        started = flow_targets.start_elsewhere(
            "eager.py:research", project=project, inputs={"topic": "asked for"}
        )
        (execution,) = KitaruClient().executions.list()

    assert execution.exec_id == started.exec_id


def test_a_start_stops_before_the_calls_that_are_named(project: Path) -> None:
    write(project, "stopping.py")
    wanted = {"project": project, "inputs": {"topic": "whales"}}

    with use_engine(MemoryEngine()):
        started = flow_targets.start_elsewhere(
            "stopping.py:research", break_before=["later"], **wanted
        )
        with pytest.raises(KitaruUsageError, match="give a list"):
            flow_targets.start_elsewhere(
                "stopping.py:research",
                break_before="later",
                **wanted,
            )
        (point,) = KitaruClient().executions.breakpoints(started.exec_id)

    assert (point.selector, point.matched) == ("later", False)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        pytest.param({"topc": "x"}, "did you mean 'topic'", id="unknown"),
        pytest.param({}, "topic is missing", id="missing"),
        pytest.param({"topic": 3}, "topic must be a string, got 3", id="wrong type"),
        pytest.param(
            {"topic": "x", "depth": "deep"}, "depth must be an integer", id="no number"
        ),
    ],
)
def test_wrong_arguments_start_nothing(
    project: Path, inputs: dict[str, object], said: str
) -> None:
    write(project, "one.py")

    with use_engine(MemoryEngine()):
        with pytest.raises(KitaruUsageError, match=said):
            flow_targets.start_elsewhere(
                "one.py:research", project=project, inputs=inputs
            )

        assert KitaruClient().executions.list() == []


def test_json_arguments_become_what_annotations_ask_for(project: Path) -> None:
    text = """
from pydantic import BaseModel
from kitaru import flow

class Plan(BaseModel):
    steps: list[str]

@flow
def planned(plan: Plan) -> int:
    return len(plan.steps)
"""
    write(project, "planned.py", text)

    with use_engine(MemoryEngine()):
        started = flow_targets.start_elsewhere(
            "planned.py:planned",
            project=project,
            inputs={"plan": {"steps": ["a", "b"]}},
        )
        (result,) = KitaruClient().artifacts.list(started.exec_id)

    assert result.load() == 2


STEPS = """
from kitaru import checkpoint, flow

@checkpoint
def step(n: int) -> int:
    return n

@flow
def stepping(n: int) -> int:
    return step(n)
"""


def test_a_replay_in_another_process_is_planned_with_the_file_as_it_is(
    project: Path,
) -> None:
    write(project, "steps.py", STEPS)

    with use_engine(MemoryEngine()):
        first = flow_targets.start_elsewhere(
            "steps.py:stepping", project=project, inputs={"n": 2}
        )
        text = STEPS.replace(
            "(n: int) -> int:\n    return step(n)",
            ("(n: int, factor: int = 1) -> int:\n    return step(n) * factor"),
        )
        write(project, "steps.py", text)
        second = replays.start_elsewhere(
            first.exec_id, from_="step", inputs={"factor": 5}
        )
        (result,) = KitaruClient().artifacts.list(second.exec_id, name="result")

    assert result.load() == 10
