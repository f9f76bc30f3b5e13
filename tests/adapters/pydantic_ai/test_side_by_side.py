"""Agents as PydanticAI's own guides build them: the same with and without Kitaru."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel, Field
from pydantic_ai import Agent, ModelRetry, RunContext, ToolOutput
from pydantic_ai.capabilities import ProcessHistory
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.test import TestModel
from pydantic_ai.toolsets import FunctionToolset

from kitaru import flow
from kitaru.adapters.pydantic_ai import KitaruAgent
from kitaru.testing import FlowTester
from tests.adapters.pydantic_ai.agents import scripted


@dataclass
class Customer:
    name: str
    balance: float


class Support(BaseModel):
    advice: str
    block_card: bool
    risk: int = Field(ge=0, le=10)


class Flight(BaseModel):
    number: str


class NoFlight(BaseModel):
    reason: str


def dice_game() -> Agent[Any, Any]:
    agent = Agent(
        scripted([("roll", {}), ("player", {})]),
        deps_type=Customer,
        system_prompt="You are a dice game.",
    )
    agent.tool_plain(name="roll")(lambda: "4")

    @agent.tool
    def player(ctx: RunContext[Customer]) -> str:
        return ctx.deps.name

    return agent


def bank_support() -> Agent[Any, Any]:
    agent = Agent(
        scripted(
            [("balance", {"pending": True})],
            [("final_result", {"advice": "wait", "block_card": False, "risk": 99})],
            [("final_result", {"advice": "wait", "block_card": False, "risk": 1})],
        ),
        deps_type=Customer,
        output_type=Support,
        instructions="You are a support agent.",
    )

    @agent.instructions
    async def customer(ctx: RunContext[Customer]) -> str:
        return f"The customer is {ctx.deps.name}."

    @agent.tool
    async def balance(ctx: RunContext[Customer], pending: bool) -> float:
        return ctx.deps.balance

    return agent


def flight_search() -> Agent[Any, Any]:
    agent = Agent(
        scripted(
            [("final_result_Flight", {"number": "bad"})],
            [("final_result_NoFlight", {"reason": "none left"})],
        ),
        deps_type=Customer,
        output_type=[Flight, NoFlight],
    )

    @agent.output_validator
    async def check(ctx: RunContext[Customer], output: Any) -> Any:
        if isinstance(output, Flight) and output.number == "bad":
            raise ModelRetry("no such flight")
        return output

    return agent


def output_function() -> Agent[Any, Any]:
    def shout(text: str) -> str:
        return text.upper()

    return Agent(
        scripted([("shout", {"text": "hello"})]),
        deps_type=Customer,
        output_type=ToolOutput(shout, name="shout"),
    )


def toolsets() -> Agent[Any, Any]:
    weather: FunctionToolset[Any] = FunctionToolset()
    weather.add_function(lambda: "sunny", name="today")
    return Agent(
        scripted([("weather_today", {})]),
        deps_type=Customer,
        toolsets=[weather.prefixed("weather").filtered(lambda ctx, tool: True)],
    )


def history_processor() -> Agent[Any, Any]:
    def last(messages: list[ModelMessage]) -> list[ModelMessage]:
        return messages[-3:]

    agent = Agent(
        scripted([("look", {})]),
        deps_type=Customer,
        capabilities=[ProcessHistory(last)],
    )
    agent.tool_plain(name="look")(lambda: [1, 2])
    return agent


def any_tool() -> Agent[Any, Any]:
    agent = Agent(TestModel(), deps_type=Customer, output_type=Support)
    agent.tool_plain(name="one")(lambda: 1)
    agent.tool_plain(name="two")(lambda: {"two": 2})
    return agent


def of(result: Any) -> tuple[Any, ...]:
    """Return what users see of a result, without times and random ids."""
    kinds = [
        [(part.part_kind, getattr(part, "content", None)) for part in message.parts]
        for message in result.all_messages()
    ]
    usage = result.usage
    return result.output, usage.requests, usage.tool_calls, usage.total_tokens, kinds


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "with events"])
@pytest.mark.parametrize(
    "build",
    [
        dice_game,
        bank_support,
        flight_search,
        output_function,
        toolsets,
        history_processor,
        any_tool,
    ],
)
def test_it_gives_the_same(
    build: Callable[[], Agent[Any, Any]], streamed: bool
) -> None:
    async def watch(ctx: Any, events: Any) -> None:
        async for _ in events:
            pass

    options: dict[str, Any] = {"deps": Customer("Ann", 123.5)}
    if streamed:
        options["event_stream_handler"] = watch
    seen: list[Any] = []

    def in_a_flow(**strategy: Any) -> Any:
        agent = KitaruAgent(build(), name="agent", **strategy)

        @flow
        def working() -> None:
            seen.append(agent.run_sync("hi", **options))

        with FlowTester() as tester:
            execution = tester.run(working).execution
        assert execution.status == "completed", execution.failure
        return of(seen.pop())

    bare = of(build().run_sync("hi", **options))

    assert of(KitaruAgent(build(), name="agent").run_sync("hi", **options)) == bare
    assert in_a_flow() == bare
    assert in_a_flow(checkpoint_strategy="turn") == bare
