"""Which surface offers which operation: the table of the requirement, as code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import ParamSpec, TypeVar

from kitaru.errors import KitaruUsageError

P = ParamSpec("P")
R = TypeVar("R")


class Surface(StrEnum):
    """Where a user can reach an operation."""

    SDK = "SDK"
    CLIENT = "client"
    CLI = "CLI"
    MCP = "MCP"
    PAGE = "page"


class Op(StrEnum):
    """One thing a user can do."""

    EXECUTION_LAUNCH = "launch a new execution"
    EXECUTION_GET = "inspect an execution"
    EXECUTION_LIST = "list executions"
    EXECUTION_LATEST = "latest execution"
    EXECUTION_LOGS = "read logs"
    EXECUTION_RETRY = "retry an execution"
    EXECUTION_RESUME = "resume a paused execution"
    EXECUTION_REPLAY = "replay an execution"
    EXECUTION_CANCEL = "cancel an execution"
    EXECUTION_MANY = "retry or cancel many"
    EXECUTION_EXPORT = "export a recording"
    CHECK = "check living executions against code"
    EXECUTION_COMPARE = "compare executions"
    BREAK = "set, remove breakpoints"
    RECONCILE = "continue or fail what nobody goes on with"
    WAIT_INPUT = "answer a wait"
    WAIT_ABORT = "abort a wait"
    WAIT_LIST = "list pending waits"
    ARTIFACT_LIST = "list artifacts"
    ARTIFACT_GET = "get an artifact"
    DEPLOYMENT_BUILD = "build a flow without deploying it"
    DEPLOYMENT_CREATE = "deploy a flow version"
    DEPLOYMENT_LIST = "list deployments"
    DEPLOYMENT_GET = "show a deployment"
    DEPLOYMENT_LOGS = "read logs of a deployment"
    DEPLOYMENT_TAG = "tag a deployment"
    DEPLOYMENT_DELETE = "delete a deployment"
    DEPLOYMENT_INVOKE = "invoke a deployment"
    DEPLOYMENT_CURL = "print a curl command"
    SCHEDULE = "schedules of deployments"
    STACK_CREATE = "create a local stack"
    STACK_CREATE_REMOTE = "create a remote stack"
    STACK_VERIFY = "check a stack"
    STACK_LIST = "list stacks"
    STACK_USE = "use a stack"
    STACK_SHOW = "show a stack"
    STACK_DELETE = "delete a stack"
    SECRET_CREATE = "create a secret"
    SECRET_READ = "read a secret"
    SECRET_DELETE = "delete a secret"
    ACCOUNT_MANAGE = "manage service accounts"
    API_KEY_MANAGE = "manage API keys"
    AUTH_TOKEN = "print an auth token"
    CONNECT = "connect to a server"
    SERVER_START = "start the local server"
    SERVER_STOP = "stop the local server"
    CONFIGURE = "set defaults"
    PROJECT_INIT = "set a project up"
    MODEL_REGISTER = "register a model alias"
    MODEL_LIST = "list model aliases"
    CLEAN = "clean local state"
    STATUS = "show the status"
    INFO = "gather diagnostics"
    ANALYTICS = "show and set the analytics preference"
    LOG_STORE = "show and set where logs go"
    DOCS_FIND = "find a page of the documentation"
    SKILLS = "install skills, check a flow_architecture.md"
    SERVE_PAGE = "serve the page"


SDK, CLIENT, CLI, MCP, PAGE = Surface

MATRIX: dict[Op, frozenset[Surface]] = {
    Op.EXECUTION_LAUNCH: frozenset({SDK, MCP}),
    Op.EXECUTION_GET: frozenset({SDK, CLIENT, CLI, MCP, PAGE}),
    Op.EXECUTION_LIST: frozenset({CLIENT, CLI, MCP, PAGE}),
    Op.EXECUTION_LATEST: frozenset({CLIENT, MCP, PAGE}),
    Op.EXECUTION_LOGS: frozenset({CLIENT, CLI, MCP, PAGE}),
    Op.EXECUTION_RETRY: frozenset({CLIENT, CLI, MCP, PAGE}),
    Op.EXECUTION_RESUME: frozenset({CLIENT, CLI, PAGE}),
    Op.EXECUTION_REPLAY: frozenset({SDK, CLIENT, CLI, MCP, PAGE}),
    Op.EXECUTION_CANCEL: frozenset({CLIENT, CLI, MCP, PAGE}),
    Op.EXECUTION_MANY: frozenset({CLIENT, CLI, MCP, PAGE}),
    Op.EXECUTION_EXPORT: frozenset({CLIENT, CLI, MCP, PAGE}),
    Op.CHECK: frozenset({CLI}),
    Op.EXECUTION_COMPARE: frozenset({CLIENT, CLI, MCP, PAGE}),
    Op.BREAK: frozenset({SDK, CLIENT, CLI, MCP, PAGE}),
    Op.RECONCILE: frozenset({CLIENT, CLI, PAGE}),
    Op.WAIT_INPUT: frozenset({CLIENT, CLI, MCP, PAGE}),
    Op.WAIT_ABORT: frozenset({CLIENT, PAGE}),
    Op.WAIT_LIST: frozenset({CLIENT, PAGE}),
    Op.ARTIFACT_LIST: frozenset({CLIENT, MCP, PAGE}),
    Op.ARTIFACT_GET: frozenset({CLIENT, MCP, PAGE}),
    Op.DEPLOYMENT_BUILD: frozenset({CLI}),
    Op.DEPLOYMENT_CREATE: frozenset({CLI, MCP}),
    Op.DEPLOYMENT_LIST: frozenset({CLIENT, CLI, MCP, PAGE}),
    Op.DEPLOYMENT_GET: frozenset({CLIENT, CLI, MCP, PAGE}),
    Op.DEPLOYMENT_LOGS: frozenset({CLI}),
    Op.DEPLOYMENT_TAG: frozenset({CLIENT, CLI, MCP, PAGE}),
    Op.DEPLOYMENT_DELETE: frozenset({CLIENT, CLI, MCP, PAGE}),
    Op.DEPLOYMENT_INVOKE: frozenset({CLIENT, CLI, MCP, PAGE}),
    Op.DEPLOYMENT_CURL: frozenset({CLI}),
    Op.SCHEDULE: frozenset({CLIENT, CLI, PAGE}),
    Op.STACK_CREATE: frozenset({SDK, CLI, MCP}),
    Op.STACK_CREATE_REMOTE: frozenset({CLI, MCP}),
    Op.STACK_VERIFY: frozenset({CLI}),
    Op.STACK_LIST: frozenset({SDK, CLI, MCP}),
    Op.STACK_USE: frozenset({SDK, CLI}),
    Op.STACK_SHOW: frozenset({SDK, CLI}),
    Op.STACK_DELETE: frozenset({SDK, CLI, MCP}),
    Op.SECRET_CREATE: frozenset({SDK, CLI, MCP}),
    Op.SECRET_READ: frozenset({SDK, CLI}),
    Op.SECRET_DELETE: frozenset({SDK, CLI}),
    Op.ACCOUNT_MANAGE: frozenset({CLIENT, CLI}),
    Op.API_KEY_MANAGE: frozenset({CLIENT, CLI}),
    Op.AUTH_TOKEN: frozenset({CLI}),
    Op.CONNECT: frozenset({SDK, CLI}),
    Op.SERVER_START: frozenset({CLI, MCP}),
    Op.SERVER_STOP: frozenset({CLI, MCP}),
    Op.CONFIGURE: frozenset({SDK}),
    Op.PROJECT_INIT: frozenset({CLI}),
    Op.MODEL_REGISTER: frozenset({CLI}),
    Op.MODEL_LIST: frozenset({CLI}),
    Op.CLEAN: frozenset({CLI}),
    Op.STATUS: frozenset({CLI, MCP}),
    Op.INFO: frozenset({CLI}),
    Op.ANALYTICS: frozenset({CLI}),
    Op.LOG_STORE: frozenset({CLI}),
    Op.DOCS_FIND: frozenset({MCP}),
    Op.SKILLS: frozenset({CLI}),
    Op.SERVE_PAGE: frozenset({CLI}),
}
REMARKS: dict[tuple[Op, Surface], str] = {
    (Op.EXECUTION_LAUNCH, SDK): "flow object, Python entry point",
    (Op.EXECUTION_GET, SDK): "limited: the handle of a run",
    (Op.EXECUTION_REPLAY, SDK): "flow object",
    (Op.BREAK, SDK): "at a start",
    (Op.SCHEDULE, CLI): "made by `deploy --every`",
    (Op.EXECUTION_LATEST, CLI): "`list --limit 1`",
    (Op.STACK_CREATE_REMOTE, MCP): "credentials by name only",
    (Op.STACK_DELETE, SDK): "local ones",
    (Op.SECRET_CREATE, MCP): "values never come back",
    (Op.SECRET_READ, CLI): "values only on request",
    (Op.SERVER_START, CLI): "`login`",
    (Op.SERVER_STOP, CLI): "`logout`",
    (Op.INFO, MCP): "`kitaru_status`",
}


@dataclass(frozen=True, slots=True)
class Exposure:
    """A function that is the face of an operation on a surface."""

    op: Op
    surface: Surface
    name: str


exposures: list[Exposure] = []


def exposes(op: Op, *, on: Surface) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a function as the face of one operation on one surface.

    One operation may have several faces on a surface, as `get` and `list` of a thing.

    Raises:
        KitaruUsageError: If the table does not grant the operation to that surface.
    """
    if on not in MATRIX.get(op, frozenset()):
        raise KitaruUsageError(f"the {on} may not offer: {op}")

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        exposures.append(
            Exposure(op, on, f"{function.__module__}.{function.__qualname__}")
        )
        return function

    return mark
