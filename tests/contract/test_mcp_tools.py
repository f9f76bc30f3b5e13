"""What the MCP server offers: exactly what the table of capabilities grants."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client
from mcp_types import Tool

from kitaru._ops.capabilities import MATRIX, MCP, Op, exposures
from kitaru.mcp import registry, server
from tests.support import assistant

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mcp.md"
NAMES = {
    "kitaru_executions_list",
    "kitaru_executions_get",
    "kitaru_executions_latest",
    "kitaru_executions_run",
    "kitaru_executions_input",
    "kitaru_executions_retry",
    "kitaru_executions_replay",
    "kitaru_executions_break",
    "kitaru_executions_cancel",
    "kitaru_executions_compare",
    "kitaru_executions_change_all",
    "kitaru_executions_export",
    "get_execution_logs",
    "kitaru_deployments_deploy",
    "kitaru_deployments_invoke",
    "kitaru_deployments_list",
    "kitaru_deployments_get",
    "kitaru_deployments_delete",
    "kitaru_deployments_tag",
    "kitaru_deployments_untag",
    "kitaru_artifacts_list",
    "kitaru_artifacts_get",
    "kitaru_docs_find",
    "kitaru_secrets_create",
    "kitaru_stacks_list",
    "kitaru_status",
    "kitaru_start_local_server",
    "kitaru_stop_local_server",
    "manage_stack",
}
READERS = {
    "kitaru_executions_export",
    "kitaru_executions_compare",
    "kitaru_executions_list",
    "kitaru_executions_get",
    "kitaru_executions_latest",
    "get_execution_logs",
    "kitaru_deployments_list",
    "kitaru_deployments_get",
    "kitaru_artifacts_list",
    "kitaru_artifacts_get",
    "kitaru_docs_find",
    "kitaru_stacks_list",
    "kitaru_status",
}


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> list[Tool]:
    """The tools as a client gets them."""
    found: list[Tool] = []

    async def look(client: Client) -> None:
        found.extend((await client.list_tools()).tools)

    assistant.talk(tmp_path_factory.mktemp("project"), look)
    return found


def faces() -> dict[str, str]:
    """Return the functions behind the tools, by tool."""
    return {
        tool.name: _place(inspect.unwrap(tool.fn))  # type: ignore[attr-defined]  # all are functions
        for tool in registry.tools
    }


def _place(function: Any) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def test_exactly_the_agreed_tools_are_offered(offered: list[Tool]) -> None:
    assert sorted(tool.name for tool in offered) == sorted(NAMES)


def test_all_hints_are_set_on_every_tool(offered: list[Tool]) -> None:
    for tool in offered:
        assert tool.annotations is not None, tool.name
        hints = tool.annotations.model_dump(exclude={"title"})
        assert all(isinstance(hint, bool) for hint in hints.values()), tool.name
        assert len(hints) == 4


def test_what_only_looks_says_so(offered: list[Tool]) -> None:
    said = {t.name for t in offered if t.annotations and t.annotations.read_only_hint}

    assert said == READERS
    for tool in offered:
        assert tool.annotations is not None
        assert not (
            tool.annotations.read_only_hint and tool.annotations.destructive_hint
        )


def test_every_tool_and_every_argument_is_described(offered: list[Tool]) -> None:
    for tool in offered:
        assert tool.title, tool.name
        assert tool.description, tool.name
        for name, argument in tool.input_schema["properties"].items():
            assert argument.get("description"), f"{tool.name}({name})"


def test_every_tool_describes_what_it_gives_back(offered: list[Tool]) -> None:
    for tool in offered:
        assert tool.output_schema is not None, tool.name
        assert tool.output_schema["type"] == "object"


def test_the_catalogue_is_short_enough_for_a_conversation(offered: list[Tool]) -> None:
    catalogue = [
        tool.model_dump_json(by_alias=True, exclude_none=True) for tool in offered
    ]

    assert sum(map(len, catalogue)) < 2_000 * len(offered)


def test_ids_of_executions_have_one_name_on_every_tool(offered: list[Tool]) -> None:
    arguments = {name for tool in offered for name in tool.input_schema["properties"]}

    assert "exec_id" in arguments
    assert "execution_id" not in str([tool.model_dump() for tool in offered])


def test_every_tool_is_the_face_of_an_operation_that_the_table_grants() -> None:
    granted = {face.name: face.op for face in exposures if face.surface is MCP}

    for tool, function in faces().items():
        assert function in granted, tool
    assert set(faces().values()) == set(granted)


def test_every_operation_that_the_table_grants_is_offered() -> None:
    assert server.MODULES
    wanted = {op for op, surfaces in MATRIX.items() if MCP in surfaces}

    offered = {face.op for face in exposures if face.surface is MCP}

    assert offered == wanted


def test_no_tool_resumes_aborts_or_lists_waits() -> None:
    ops = {face.op for face in exposures if face.surface is MCP}

    assert ops.isdisjoint({Op.EXECUTION_RESUME, Op.WAIT_ABORT, Op.WAIT_LIST})


def test_the_documentation_has_all_tools_with_their_hints(offered: list[Tool]) -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|", PAGE.read_text(), re.M)

    documented = {name: (title.strip(), kind.strip()) for name, title, kind in rows}

    assert documented == {t.name: (t.title, _kind(t)) for t in offered}


def _kind(tool: Tool) -> str:
    assert tool.annotations is not None
    if tool.annotations.read_only_hint:
        return "looks"
    return "acts" if tool.annotations.destructive_hint else "adds"
