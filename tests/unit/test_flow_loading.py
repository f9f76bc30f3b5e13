from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kitaru._core.flows.signals import LoadingStopped
from kitaru._core.sources import FlowSource
from kitaru._engine import flow_loading
from kitaru.errors import KitaruRuntimeError

FLOW = """
from kitaru import flow

@flow
def research(topic: str) -> str:
    return topic
"""
Write = Callable[..., FlowSource]


@pytest.fixture
def write(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Write]:
    """Write a file whose module name no other test uses; return a flow's source."""
    before, path = set(sys.modules), sys.path[:]

    def write(text: str, *, file: str = "{}.py", module: str = "{}") -> FlowSource:
        unique = f"loaded_{abs(hash(request.node.name))}"
        place = tmp_path / file.format(unique)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        name = module.format(unique)
        return FlowSource(name, "research", str(place), str(tmp_path))

    yield write
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if name.startswith("loaded_"):
            del sys.modules[name]


def test_a_flow_is_found_by_loading_its_file(write: Write) -> None:
    source = write(FLOW)

    spec = flow_loading.find(source)

    assert spec.name == "research"
    assert spec.function("x") == "x"
    assert flow_loading.find(source) is spec


def test_a_project_comes_before_whatever_else_there_is(write: Write) -> None:
    source = write(FLOW)
    sys.path[:] = ["/elsewhere", *sys.path, source.root]

    flow_loading.find(source)

    assert sys.path.count(source.root) == 1
    assert sys.path.index(source.root) == 0


def test_a_script_without_a_main_guard_is_loaded_without_running(write: Write) -> None:
    source = write(FLOW + "research.run('x')\nraise AssertionError('went on')\n")

    spec = flow_loading.find(source)

    assert spec.function("x") == "x"


def test_a_run_swallowed_by_except_exception_still_stops_the_loading(
    write: Write,
) -> None:
    source = write(
        FLOW
        + "try:\n    research.run('x')\nexcept Exception:\n    pass\n"
        + "raise AssertionError('went on')\n"
    )

    assert flow_loading.find(source).name == "research"


def test_a_flow_defined_behind_a_top_level_run_asks_for_a_guard(write: Write) -> None:
    source = write(FLOW.replace("research", "first") + "first.run('x')\n" + FLOW)

    with pytest.raises(KitaruRuntimeError, match='if __name__ == "__main__"'):
        flow_loading.find(source)


def test_the_main_guard_is_not_entered(write: Write) -> None:
    source = write(FLOW + "if __name__ == '__main__':\n    raise AssertionError\n")

    assert flow_loading.find(source).name == "research"


@pytest.mark.parametrize(
    ("file", "module"),
    [
        pytest.param("{}/agent.py", "{}.agent", id="module"),
        pytest.param("{}/deep/agent.py", "{}.deep.agent", id="namespace below"),
        pytest.param("{}/__main__.py", "{}.__main__", id="run with -m"),
        pytest.param("{}/__init__.py", "{}", id="the package itself"),
    ],
)
def test_a_flow_in_a_package_can_import_its_neighbours(
    write: Write, file: str, module: str
) -> None:
    if not file.endswith("__init__.py"):
        write("", file="{}/__init__.py")
    write("WORD = 'hello'", file="{}/words.py")
    package = module.partition(".")[0]
    name = write("", file="{}/other.py", module=package).module
    text = f"from {name}.words import WORD\n" + FLOW.replace("topic\n", "WORD\n")

    spec = flow_loading.find(write(text, file=file, module=module))

    assert spec.function("x") == "hello"


def test_a_script_can_import_its_neighbours(write: Write) -> None:
    write("WORD = 'hello'", file="{}_words.py")
    name = write("").module
    source = write(f"from {name}_words import WORD\n" + FLOW)

    assert flow_loading.find(source).name == "research"


@pytest.mark.parametrize(
    ("file", "module"),
    [
        pytest.param("{}", "{}", id="no ending"),
        pytest.param("{}-v2.py", "{}-v2", id="no identifier"),
        pytest.param("{}.v1.2.py", "{}_v1_2", id="dots"),
    ],
)
def test_scripts_may_have_any_file_name(write: Write, file: str, module: str) -> None:
    source = write(FLOW, file=file, module=module)

    assert flow_loading.find(source).name == "research"


def test_a_file_that_vanished_is_named(write: Write) -> None:
    source = write(FLOW)
    Path(source.file).unlink()

    with pytest.raises(KitaruRuntimeError, match="does not exist any more") as caught:
        flow_loading.find(source)

    assert source.file in str(caught.value)
    assert source.reference in str(caught.value)


def test_a_renamed_flow_suggests_the_new_name(write: Write) -> None:
    source = replace(write(FLOW), qualname="reserch")

    with pytest.raises(
        KitaruRuntimeError,
        match=r"no flow 'reserch' any more; did you mean 'research'\?; restore it",
    ):
        flow_loading.find(source)


def test_a_function_that_lost_its_decorator_is_no_flow(write: Write) -> None:
    source = write(FLOW.replace("@flow", ""))

    with pytest.raises(KitaruRuntimeError, match="no flow 'research' any more"):
        flow_loading.find(source)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("1 / 0", "ZeroDivisionError: division by zero", id="exception"),
        pytest.param("def", "SyntaxError", id="syntax"),
        pytest.param("import no_such_module", "ModuleNotFoundError", id="import"),
        pytest.param(
            "import sys\nsys.exit('usage: agent TOPIC')",
            "SystemExit: usage: agent TOPIC",
            id="exit",
        ),
    ],
)
def test_a_module_that_raises_is_named_with_its_reason(
    write: Write, text: str, reason: str
) -> None:
    source = write(text)

    with pytest.raises(KitaruRuntimeError, match=reason) as caught:
        flow_loading.find(source)

    assert source.file in str(caught.value)
    assert "then retry" in str(caught.value)


def test_a_module_that_raised_is_loaded_afresh_once_it_is_repaired(
    write: Write,
) -> None:
    source = write("raise ValueError('broken for now, and of another length')")
    with pytest.raises(KitaruRuntimeError):
        flow_loading.find(source)

    write(FLOW)

    assert flow_loading.find(source).name == "research"


def test_another_module_of_the_same_name_is_not_taken_for_the_flows(
    write: Write,
) -> None:
    source = replace(write(FLOW), module="json")

    with pytest.raises(KitaruRuntimeError, match=r"name 'json' already; rename"):
        flow_loading.find(source)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(FlowSource("__main__", "research"), id="interactive"),
        pytest.param(
            FlowSource("m", "make.<locals>.research", "/m.py", "/"), id="in a function"
        ),
    ],
)
def test_a_flow_no_other_process_can_load_says_why(source: FlowSource) -> None:
    with pytest.raises(KitaruRuntimeError, match="at the top level of a file"):
        flow_loading.find(source)


def test_outside_of_loading_nothing_is_refused(write: Write) -> None:
    flow_loading.find(write(FLOW + "research.run('x')\n"))

    flow_loading.refuse_while_loading()


def test_while_loading_a_run_is_refused(write: Write) -> None:
    source = write(
        FLOW
        + "from kitaru._engine import flow_loading\n"
        + "try:\n    flow_loading.refuse_while_loading()\n"
        + "except BaseException as error:\n    research.fn.stopped = error\n"
    )

    function = flow_loading.find(source).function

    assert isinstance(vars(function)["stopped"], LoadingStopped)


@pytest.mark.parametrize(
    ("recorded", "now", "changed"),
    [
        pytest.param("a", "b", True, id="changed"),
        pytest.param("a", "a", False, id="equal"),
        pytest.param("", "b", False, id="unknown before"),
        pytest.param("a", "", False, id="unknown now"),
    ],
)
def test_only_two_known_hashes_prove_a_change(
    recorded: str, now: str, changed: bool
) -> None:
    source = FlowSource("m", "research")

    found = flow_loading.has_changed(
        replace(source, code_hash=recorded), replace(source, code_hash=now)
    )

    assert found is changed
