from __future__ import annotations

import json
import subprocess
import sys

import pytest

import kitaru

HEAVY = [
    "cloudpickle",
    "fastapi",
    "jsonschema",
    "psutil",
    "rich.console",
    "rich.table",
    "sqlalchemy",
    "sqlmodel",
    "zenml",
]


def modules_after(program: str) -> set[str]:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{program}\nimport sys, json\nprint(json.dumps([*sys.modules]))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("import kitaru", id="the package"),
        pytest.param("from kitaru import *", id="every name"),
        pytest.param("from kitaru import flow, checkpoint", id="decorators"),
        pytest.param("import kitaru.cli.app", id="command line"),
        pytest.param("import kitaru.client", id="client"),
        pytest.param(
            "from kitaru import flow, checkpoint\n"
            "@checkpoint\ndef c() -> int: return 1\n"
            "@flow\ndef f() -> int: return c()",
            id="defining a flow",
        ),
    ],
)
def test_importing_loads_nothing_heavy(program: str) -> None:
    assert modules_after(program).isdisjoint(HEAVY)


def test_a_flow_without_event_loop_loads_none() -> None:
    flow = modules_after(
        "from kitaru import KitaruClient, checkpoint, flow, wait\n"
        "from kitaru._engine.local import engine\n"
        "@checkpoint\ndef c() -> int: return 1\n"
        "@flow\ndef f() -> int: return c()",
    )

    assert flow.isdisjoint({"asyncio", "ssl"})


def test_an_adapter_loads_nothing_heavy_but_its_framework() -> None:
    framework = modules_after("import pydantic_ai")
    adapter = modules_after("import kitaru.adapters.pydantic_ai")

    assert (adapter - framework).isdisjoint(HEAVY)


def test_importing_the_package_alone_loads_none_of_its_parts() -> None:
    loaded = {name for name in modules_after("import kitaru") if "kitaru" in name}

    # Editable installs add a finder of their own.
    assert {name for name in loaded if not name.startswith("_")} == {
        "kitaru",
        "kitaru._recorded_names",
        "kitaru.version",
    }


@pytest.mark.parametrize("name", kitaru.__all__)
def test_every_public_name_resolves(name: str) -> None:
    found = getattr(kitaru, name)

    assert getattr(found, "__name__", name) == name
    assert name in dir(kitaru)


@pytest.mark.parametrize(
    "first",
    [
        "import kitaru.flows, kitaru.checkpoints",
        "from kitaru.flows import Flow",
        "import kitaru.client, kitaru.primitives, kitaru.cli.app",
    ],
)
def test_the_decorators_win_over_modules_imported_before(first: str) -> None:
    program = f"""
{first}
from kitaru import checkpoint, flow
import kitaru
@checkpoint
def c() -> int: return 1
@flow
def f() -> int: return c()
assert type(f).__name__ == "Flow" and type(c).__name__ == "Checkpoint"
assert kitaru.flow is flow and callable(kitaru.flow)
"""

    modules_after(program)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'kitaru' has no attribute 'flwo'"):
        _ = kitaru.flwo  # type: ignore[attr-defined]  # that is the test
