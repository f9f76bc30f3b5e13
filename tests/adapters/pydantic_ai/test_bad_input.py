"""What cannot work says so, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic_ai import Agent
from pydantic_ai.exceptions import UserError
from pydantic_ai.models.test import TestModel
from pydantic_ai.toolsets import FunctionToolset

import kitaru
from kitaru import KitaruUsageError, flow
from kitaru.adapters.pydantic_ai import (
    CapturePolicy,
    KitaruAgent,
    KitaruDurability,
    wrap,
)
from kitaru.models import FailureInfo
from kitaru.testing import FlowTester
from tests.adapters import installed
from tests.adapters.pydantic_ai.agents import scripted


def failure_of(agent: Any, **options: Any) -> FailureInfo:
    @flow
    def working() -> str:
        return str(agent.run_sync("hi", **options).output)

    with FlowTester() as tester:
        failure = tester.run(working).execution.failure
    assert failure is not None
    return failure


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({}, r"no name.*KitaruAgent\(agent, name=", id="no name"),
        pytest.param({"name": "a?b"}, "agent name 'a[?]b' is not valid", id="bad name"),
        pytest.param(
            {"name": "a", "checkpoint_strategy": "step"},
            "'calls' or 'turn'",
            id="strategy",
        ),
        pytest.param(
            {
                "name": "a",
                "checkpoint_strategy": "calls",
                "granular_checkpoints": False,
            },
            "contradict",
            id="contradiction",
        ),
        pytest.param(
            {"name": "a", "tool_checkpoint_config_by_name": {"t": {"retires": 1}}},
            r"tool_checkpoint_config_by_name\['t'\]: unknown option 'retires'",
            id="setting",
        ),
        pytest.param(
            {"name": "a", "granular": False},
            r"KitaruAgent\(granular=False\): unknown option 'granular'; did you mean "
            "'granular_checkpoints'",
            id="unknown",
        ),
        pytest.param({"name": 7}, "name must be a text", id="name"),
        pytest.param(
            {"name": "a", "granular_checkpoints": "no"}, "must be True or", id="flag"
        ),
        pytest.param(
            {"name": "a", "capture": {}}, "must be a CapturePolicy", id="capture"
        ),
        pytest.param(
            {"name": "a", "event_stream_handler": 3}, "must be a function", id="handler"
        ),
        pytest.param({"name": "a", "models": [1]}, "must be a mapping", id="models"),
    ],
)
def test_wrong_options_of_an_agent_are_refused(
    options: dict[str, Any], said: str
) -> None:
    with pytest.raises(KitaruUsageError, match=said):
        KitaruAgent(Agent(TestModel()), **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"promts": False}, "unknown option 'promts'; did you mean 'prompts'"),
        ({"prompts": "no"}, "prompts must be True or False, got 'no'"),
        ({"redact": "all"}, "redact must be a function"),
    ],
)
def test_wrong_options_of_a_policy_are_refused(
    options: dict[str, Any], said: str
) -> None:
    with pytest.raises(KitaruUsageError, match=said):
        CapturePolicy(**options)


@pytest.mark.parametrize("make", [KitaruAgent, wrap], ids=["agent", "wrap"])
def test_what_is_no_agent_is_refused(make: Any) -> None:
    with pytest.raises(KitaruUsageError, match=r"takes a pydantic_ai\.Agent, got str"):
        make("agent", name="agent")


def test_a_wait_in_a_tool_fails_the_flow_and_says_where_it_is() -> None:
    agent = Agent(scripted([("ask", {})]), name="agent")
    agent.tool_plain(name="ask")(lambda: kitaru.wait(schema=str))

    failure = failure_of(KitaruAgent(agent))

    assert "inside checkpoint 'agent.r1.s1.t0.ask'" in failure.message


def test_an_agent_is_not_wrapped_twice() -> None:
    once = KitaruAgent(Agent(TestModel()), name="agent")

    with pytest.raises(KitaruUsageError, match="is a KitaruAgent already"):
        KitaruAgent(once, name="again")


def test_two_engines_for_one_agent_are_refused() -> None:
    durable = Agent(TestModel(), name="agent", capabilities=[KitaruDurability()])

    with pytest.raises(KitaruUsageError, match="has a KitaruDurability already"):
        KitaruAgent(durable)
    with pytest.raises(UserError, match="only one durable execution engine"):
        Agent(
            TestModel(),
            name="agent",
            capabilities=[KitaruDurability(), KitaruDurability()],
        )


def test_the_capability_alone_needs_a_name_too() -> None:
    with pytest.raises(UserError, match="unique `name`"):
        Agent(TestModel(), capabilities=[KitaruDurability()])


def test_a_result_that_cannot_be_stored_names_the_tool_and_the_ways_out() -> None:
    agent = Agent(scripted([("connect", {})]), name="agent")
    agent.tool_plain(name="connect")(lambda: object())

    failure = failure_of(KitaruAgent(agent))

    assert "tool 'connect' cannot be stored" in failure.message
    assert "metadata={'kitaru': False}" in failure.message
    assert failure.exception_type.endswith("KitaruUsageError")


def test_wrong_metadata_of_a_tool_names_the_tool() -> None:
    agent = Agent(scripted([("look", {})]), name="agent")
    agent.tool_plain(name="look", metadata={"kitaru": "no"})(lambda: 1)

    failure = failure_of(KitaruAgent(agent))

    assert "tool 'look' has metadata {'kitaru': 'no'}" in failure.message


def test_two_toolsets_of_one_id_are_refused() -> None:
    agent = Agent(TestModel(), name="agent", toolsets=[FunctionToolset(id="same")])

    failure = failure_of(KitaruAgent(agent), toolsets=[FunctionToolset(id="same")])

    assert "two toolsets of the agent have the id 'same'" in failure.message


def test_wrap_still_works_and_says_what_to_use() -> None:
    with pytest.warns(DeprecationWarning, match="use KitaruAgent"):
        agent = wrap(Agent(TestModel()), name="agent")

    assert isinstance(agent, KitaruAgent)


def test_wrap_takes_what_older_programs_give_it_and_names_the_new_way() -> None:
    with pytest.warns(DeprecationWarning, match="wrap") as told:
        agent = wrap(
            Agent(TestModel()),
            tool_capture_config={"mode": "full"},
            tool_capture_config_by_name={"pay": {"mode": "off"}},
            granular_checkpoints=False,
        )

    assert agent.name == "agent"
    assert [str(warning.message) for warning in told] == [
        "wrap() is deprecated; use KitaruAgent(agent, name='agent', "
        "capture=CapturePolicy(tool_arguments=False, tool_results=False), "
        "granular_checkpoints=…)"
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_wrap_refuses_what_nobody_knows() -> None:
    agent = Agent(TestModel())

    with pytest.raises(KitaruUsageError, match="mode must be 'full' or"):
        wrap(agent, tool_capture_config={"mode": "some"})
    with pytest.raises(KitaruUsageError, match="did you mean 'capture'"):
        wrap(agent, captur=None)


@pytest.mark.parametrize(
    ("package", "said"),
    [
        pytest.param(None, "which is not installed: pip install", id="missing"),
        pytest.param("", "needs pydantic-ai-slim >=2.66,<3, but", id="too old"),
    ],
)
def test_a_framework_that_is_missing_or_too_old_says_what_to_install(
    package: str | None, said: str, tmp_path: Path
) -> None:
    last = installed.refusal(
        "pydantic_ai", package, "kitaru.adapters.pydantic_ai", tmp_path
    )

    assert said in last
    assert "'kitaru[pydantic-ai]'" in last
