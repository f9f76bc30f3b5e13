from __future__ import annotations

import pytest

from kitaru._core.calls.names import MAX_NAME_LENGTH, check_name
from kitaru.adapters._shared import identity


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        pytest.param(identity.run("writer", 1), "writer.r1", id="run"),
        pytest.param(identity.run("writer", 12), "writer.r12", id="later run"),
        pytest.param(
            identity.run("helper", 1, within="writer.r1.s1.t0.ask"),
            "writer.r1.s1.t0.ask/helper.r1",
            id="run inside a tool",
        ),
        pytest.param(
            identity.step("writer.r1", 3, "model"), "writer.r1.s3.model", id="model"
        ),
        pytest.param(
            identity.tool_call("writer.r1", 1, index=0, tool="search"),
            "writer.r1.s1.t0.search",
            id="tool call",
        ),
        pytest.param(
            identity.tool_call("writer.r1", 1, index=None, tool="search"),
            "writer.r1.s1.t.search",
            id="tool call of no known place",
        ),
        pytest.param(identity.repeated("a", 1), "a", id="first time"),
        pytest.param(identity.repeated("a", 3), "a.3", id="third time"),
        pytest.param(identity.clean("my agent/ü#1"), "my agent_ü_1", id="other signs"),
        pytest.param(identity.clean("##"), "_", id="nothing left"),
    ],
)
def test_ids_read_as_the_table_says(made: str, expected: str) -> None:
    assert made == expected


def test_ids_of_deep_and_long_names_stay_valid_and_distinct() -> None:
    within = ""
    for depth in range(20):
        run = identity.run(f"agent {depth} " + "x" * 300, 1, within=within)
        within = identity.tool_call(run, 1, index=0, tool="tool " + "y" * 300)
        check_name("invocation id", within)
    other = identity.tool_call(run, 1, index=0, tool="tool " + "y" * 299 + "z")

    assert len(within) <= MAX_NAME_LENGTH
    assert within != other


def test_ordinals_count_each_key_for_itself() -> None:
    ordinals = identity.Ordinals()

    assert [ordinals.next(key) for key in "abaab"] == [1, 1, 2, 3, 2]
