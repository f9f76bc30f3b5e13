"""Calls of an agent stop at breakpoints like any other call."""

from __future__ import annotations

from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

from kitaru import flow
from kitaru.adapters.pydantic_ai import KitaruAgent
from kitaru.testing import FlowTester


def test_an_agent_stops_before_the_call_of_a_tool_and_steps_to_its_next_request() -> (
    None
):
    plain = Agent(TestModel(), name="researcher")

    @plain.tool_plain
    def look(q: str) -> str:
        return f"found {q}"

    agent = KitaruAgent(plain, name="researcher")

    @flow
    def research() -> str:
        return agent.run_sync("hello").output

    with FlowTester() as tester:
        run = tester.run(
            research.with_options(break_before=["researcher.r1.s1.t0.look"])
        )
        (stop,) = run.execution.pending_waits
        spent = run.execution.usage
        run.input({"action": "step"})
        after = run.waits_for
        run.input({"action": "continue"})
        result = run.result

    assert stop.metadata["arguments"]["inputs"]["arguments"] == {"q": "a"}
    assert spent is not None
    assert spent.requests == 1
    assert after == "break:researcher.r1.s2.model"
    assert result == '{"look":"found a"}'
