"""What the conformance suite has to know of an adapter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support import claude_code

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Driver:
    """One adapter: a program with its flows, and the calls these make.

    The program has an async function `journey`, the body of a flow (parallel equal tool
    calls, one that the model is asked to try again, one to an MCP server, structured
    output), and the flows `asking` (a tool's question beside another tool) and
    `secretive` (an API key, a password).

    Attributes:
        program: The file; it runs the flow named on its command line.
        calls: Those of `journey` in order: the label of the work, and the invocation id
            of the checkpoint.
        result: What `journey` returns.
        wait: Name of the wait of `asking`.
        answered: What `asking` returns when the answer is `answer`.
        question: What it asks.
        answer: What a person says to that.
        flavour: Text of the file `flavour` beside the program, for one with several.
        files: Further files that the program needs beside it.
    """

    name: str
    program: Path
    calls: tuple[tuple[str, str], ...]
    result: list[str]
    wait: str
    answered: str
    question: str = "Which colour, please?"
    answer: object = "red"
    flavour: str = ""
    files: tuple[Path, ...] = ()

    def __str__(self) -> str:
        return self.name


PYDANTIC_AI = Driver(
    name="pydantic_ai",
    program=HERE / "pydantic_ai_program.py",
    calls=(
        ("model 1", "researcher.r1.s1.model"),
        ("search c0", "researcher.r1.s1.t0.search"),
        ("search c1", "researcher.r1.s1.t1.search"),
        ("flaky 1", "researcher.r1.s1.t2.flaky"),
        ("mcp", "researcher.r1.s1.t3.add"),
        ("model 2", "researcher.r1.s2.model"),
        ("flaky 2", "researcher.r1.s2.t0.flaky"),
        ("model 3", "researcher.r1.s3.model"),
    ),
    result=["found x", "found x", "once more", "3", "at last"],
    wait="colour",
    answered="prepared and red",
)

OPENAI_AGENTS = Driver(
    name="openai_agents",
    program=HERE / "openai_agents_program.py",
    calls=(
        ("model 1", "researcher.r1.s1.model"),
        ("search c0", "researcher.r1.s1.t0.search"),
        ("search c1", "researcher.r1.s1.t1.search"),
        ("flaky 1", "researcher.r1.s1.t2.flaky"),
        ("mcp", "researcher.r1.s1.t3.add"),
        ("model 2", "researcher.r1.s2.model"),
        ("flaky 2", "researcher.r1.s2.t0.flaky"),
        ("model 3", "researcher.r1.s3.model"),
    ),
    result=["found x", "found x", "once more", "3", "at last"],
    wait="approve_colour",
    answered="prepared and red",
    question="Allow the call of tool 'colour'?",
    answer=True,
)

_IN_CALLS = (
    ("model 1", "researcher.r1.s1.model"),
    ("search c0", "researcher.r1.s2.tools.t0.search"),
    ("search c1", "researcher.r1.s2.tools.t1.search"),
    ("flaky 1", "researcher.r1.s2.tools.t2.flaky"),
    ("mcp", "researcher.r1.s2.tools.t3.add"),
    ("model 2", "researcher.r1.s3.model"),
    ("flaky 2", "researcher.r1.s4.tools.t0.flaky"),
    ("model 3", "researcher.r1.s5.model"),
)
LANGGRAPH = Driver(
    name="langgraph",
    program=HERE / "langgraph_program.py",
    flavour="calls",
    calls=_IN_CALLS,
    result=["found x", "found x", "once more", "3", "at last"],
    wait="painter.r1.s2.tools[1].interrupt",
    answered="prepared and red",
)
LANGGRAPH_GRAPHS = Driver(
    name="langgraph_graphs",
    program=HERE / "langgraph_program.py",
    flavour="graph_call",
    calls=(
        ("model 1", "talker.r1"),
        ("model 2", "talker.r2"),
        ("model 3", "talker.r3"),
    ),
    result=["one", "yes", "two", "yes", "three", "yes"],
    wait="painter.r1.s2.tools[1].interrupt",
    answered="prepared and red",
)

# The whole invocation is one checkpoint, so there are no calls of tools to be killed
# after; nor is there a tool that is asked to try again, or an MCP server, whose calls
# Claude makes by itself. What holds is that of whole invocations in one session.
CLAUDE_AGENT_SDK = Driver(
    name="claude_agent_sdk",
    program=HERE / "claude_agent_sdk_program.py",
    files=(
        HERE / "claude_agent_sdk_model.py",
        Path(claude_code.__file__),
    ),
    calls=(
        ("model 1", "claude.r1"),
        ("model 2", "claude.r2"),
        ("model 3", "claude.r3"),
    ),
    result=["1 heard one", "2 heard two", "3 heard three"],
    wait="approve_mcp__own__colour",
    answered="prepared and red",
    question="Allow Claude to use 'mcp__own__colour'?",
    answer=True,
)

DRIVERS = (PYDANTIC_AI, OPENAI_AGENTS, LANGGRAPH, LANGGRAPH_GRAPHS, CLAUDE_AGENT_SDK)
