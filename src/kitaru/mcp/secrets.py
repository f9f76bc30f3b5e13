"""The tool that stores secrets; no tool reads them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from kitaru._ops import secrets
from kitaru._ops.capabilities import MCP, Op, exposes
from kitaru.mcp.registry import Effect, tool
from kitaru.models import SecretInfo


@tool(
    "kitaru_secrets_create",
    title="Store a new secret",
    effect=Effect(
        read_only=False, destructive=False, idempotent=False, open_world=False
    ),
)
@exposes(Op.SECRET_CREATE, on=MCP)
def create(
    name: Annotated[str, Field(description="Name of the secret; it may not exist.")],
    values: Annotated[
        dict[str, str],
        Field(
            description="Values by key. They pass through this conversation: for a real "
            "password have the user type `kitaru secrets set NAME KEY` instead."
        ),
    ],
    private: Annotated[
        bool, Field(description="Only the user who is logged in may read it.")
    ] = False,
) -> SecretInfo:
    """Store a new secret in the secret store. Values never come back, only the keys."""
    return secrets.create(name, values, private=private)
