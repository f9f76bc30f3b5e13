"""The server: all tools, resources and prompts together."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastmcp import FastMCP
from fastmcp.exceptions import PromptError, ResourceError
from fastmcp.prompts import Prompt
from fastmcp.resources import ResourceTemplate

from kitaru.mcp import artifacts, executions, prompts, status
from kitaru.mcp.registry import tools, with_our_errors
from kitaru.version import __version__

# Importing them is what fills `tools`.
MODULES = (artifacts, executions, status)

_INSTRUCTIONS = """\
Kitaru runs durable flows: Python functions whose checkpoints keep their results. An
execution that failed goes on with retry; replay runs one again from a checkpoint with
changed values; an execution that waits needs an answer of a person.
Start flows of the project with kitaru_executions_run, look with kitaru_executions_get."""


def build(project: Path) -> FastMCP[Any]:
    """Return a server that runs flows below `project`."""
    # Errors go to the client; a log of them on stderr would tell nobody anything.
    logging.getLogger("fastmcp").setLevel(logging.CRITICAL)

    @asynccontextmanager
    async def lifespan(_: FastMCP[Any]) -> AsyncIterator[dict[str, Any]]:
        yield {"project": project}

    server = FastMCP(
        name="kitaru",
        instructions=_INSTRUCTIONS,
        version=__version__,
        lifespan=lifespan,
        tools=tools,
    )
    server.add_template(
        ResourceTemplate.from_function(
            with_our_errors(artifacts.read_resource, ResourceError),
            artifacts.RESOURCE,
            name="kitaru_artifact",
            title="Value of an artifact",
            mime_type="text/plain",
        )
    )
    server.add_prompt(
        Prompt.from_function(
            with_our_errors(prompts.answer_wait, PromptError),
            name="kitaru_answer_wait",
            title="Answer a wait",
        )
    )
    return server
