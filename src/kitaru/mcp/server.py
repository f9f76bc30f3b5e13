"""The server: all tools, resources and prompts together."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastmcp import FastMCP
from fastmcp.exceptions import PromptError, ResourceError, ToolError, ValidationError
from fastmcp.prompts import Prompt
from fastmcp.resources import ResourceTemplate
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from pydantic import ValidationError as RefusedArguments

from kitaru.mcp import (
    artifacts,
    deployments,
    documentation,
    executions,
    fleet,
    local_server,
    prompts,
    secrets,
    stacks,
    status,
)
from kitaru.mcp.registry import tools, with_our_errors
from kitaru.version import __version__

# Importing them is what fills `tools`.
MODULES = (
    artifacts,
    documentation,
    executions,
    fleet,
    deployments,
    local_server,
    secrets,
    stacks,
    status,
)

_INSTRUCTIONS = """\
Kitaru runs durable flows: Python functions whose checkpoints keep their results. An
execution that failed goes on with retry; replay runs one again from a checkpoint with
changed values; an execution that waits needs an answer of a person.
Start flows of the project with kitaru_executions_run, deployed versions of flows with
kitaru_deployments_invoke; look with kitaru_executions_get.
How Kitaru works, and which surface does what: kitaru_docs_find."""


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
        middleware=[_NameArguments()],
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
    server.add_template(
        ResourceTemplate.from_function(
            with_our_errors(documentation.read_resource, ResourceError),
            documentation.RESOURCE,
            name="kitaru_docs",
            title="Page of the documentation",
            mime_type="text/markdown",
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


class _NameArguments(Middleware):
    """Tells which arguments of a call do not fit, one line each."""

    async def on_call_tool(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        try:
            return await call_next(context)
        except ValidationError as error:
            cause = error.__cause__
            if not isinstance(cause, RefusedArguments):
                raise
            # What was given is not repeated: it may be the value of a secret.
            problems = "; ".join(_told(problem) for problem in cause.errors())
            raise ToolError(
                f"KitaruUsageError: {context.message.name}: {problems}; nothing was done"
            ) from None


def _told(problem: Any) -> str:
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
