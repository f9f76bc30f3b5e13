"""`KitaruClaudeRunner`: Claude Code, durable in a flow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Never

from claude_agent_sdk import AssistantMessage, ClaudeAgentOptions, Message, ToolUseBlock

from kitaru._core.calls import usage as totals
from kitaru._core.calls.names import check_name
from kitaru._core.settings import options as known
from kitaru.adapters._shared import boundary, identity, questions, runs
from kitaru.adapters._shared.boundary import Boundary, Place
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters.claude_agent_sdk import asking, checking, permissions
from kitaru.adapters.claude_agent_sdk.checking import OptionsFactory
from kitaru.adapters.claude_agent_sdk.invocations import Said, invoke
from kitaru.adapters.claude_agent_sdk.permissions import Gatekeeper, Permissions
from kitaru.adapters.claude_agent_sdk.results import (
    ClaudeRunRequest,
    ClaudeRunResult,
    PendingPermission,
)
from kitaru.adapters.claude_agent_sdk.transcripts import Given, sessions
from kitaru.checkpoints import checked_settings
from kitaru.errors import KitaruUsageError
from kitaru.models import Usage

CheckpointStrategy = Literal["invocation"]

INVOCATION = "claude_invocation"


@dataclass(frozen=True)
class _Turn:
    """What one invocation of a run is told.

    `prompt` is `None` where a deferred call goes on. `decisions` and `expected` are of
    the whole run so far.
    """

    prompt: str | None
    resume: str | None
    decisions: Mapping[str, asking.Decision] = field(default_factory=dict)
    expected: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Found:
    """How an invocation ended."""

    output: Any
    session_id: str | None
    usage: Usage
    messages: tuple[Message, ...] = ()
    deferred: PendingPermission | None = None
    expected: frozenset[str] = frozenset()


_KEYS = {"output", "session_id", "usage", "messages", "deferred", "expected", "session"}


class KitaruClaudeRunner:
    """Runs Claude Code in a flow; an invocation that has ended is never made again.

    Each invocation is one checkpoint, which keeps what it added to its session: it goes
    on in any process, on any machine. Calls of tools that need a person's permission
    end it and become waits of the flow. Outside a flow it is the SDK's `query()`. The
    options given are never changed.

    Args:
        name: First part of the run's ids.
        options: The SDK's options.
        options_factory: Makes new ones for each invocation, in place of `options`.
        checkpoint_strategy: `"invocation"`, the only one: what Claude did inside, such
            as commands and files, cannot be done again piece by piece.
        capture: What to keep beside the result.
        checkpoint_config: Settings of the checkpoints, such as `{"retries": 2}`.
        permissions: `"wait"` (default): a person is asked, by a wait of the flow.
            `"deny"`: what a person would be asked is refused. `"sdk"`: your options
            decide, `can_use_tool` and hooks included.
        wait_timeout: Seconds that a process stays and polls while it waits.
        **unknown: Refused.

    Raises:
        KitaruUsageError: If an option is unknown or wrong, or two of them decide about
            the same thing.

    Example:
        >>> runner = KitaruClaudeRunner(
        ...     name="reviewer",
        ...     options=ClaudeAgentOptions(allowed_tools=["Read", "Grep"]),
        ... )
        >>> runner
        <KitaruClaudeRunner reviewer>
    """

    def __init__(
        self,
        *,
        name: str,
        options: ClaudeAgentOptions | None = None,
        options_factory: OptionsFactory | None = None,
        checkpoint_strategy: CheckpointStrategy = "invocation",
        capture: CapturePolicy | None = None,
        checkpoint_config: Mapping[str, Any] | None = None,
        permissions: Permissions = "wait",
        wait_timeout: float | None = None,
        **unknown: Never,
    ) -> None:
        given = {
            "name": name,
            "options": options,
            "options_factory": options_factory,
            "checkpoint_strategy": checkpoint_strategy,
            "capture": capture,
            "checkpoint_config": checkpoint_config,
            "permissions": permissions,
            "wait_timeout": wait_timeout,
        }
        known.check({**given, **unknown}, checking.OPTIONS, "KitaruClaudeRunner")
        checking.check_source(options, options_factory)
        if options is not None:
            checking.check_permissions(options, permissions)
        self._name = identity.clean(check_name("agent", name))
        self._given = options
        self._factory = options_factory
        self._permissions = permissions
        self._wait_timeout = wait_timeout
        self._capture = capture or CapturePolicy()
        settings = checked_settings(checkpoint_config, what="checkpoint_config")
        self._boundary = Boundary({INVOCATION: settings})

    def run_sync(self, request: str | ClaudeRunRequest) -> ClaudeRunResult:
        """Do what `run` does, where no event loop runs.

        Raises:
            KitaruUsageError: On an event loop.
        """
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop()
            raise KitaruUsageError(
                "run_sync() was called where an event loop runs; use: await runner.run()"
            )
        return asyncio.run(self.run(request))

    async def run(self, request: str | ClaudeRunRequest) -> ClaudeRunResult:
        """Run Claude until it has answered.

        Args:
            request: A prompt, or a `ClaudeRunRequest`.

        Raises:
            KitaruUsageError: For options that cannot be used in a flow.
            claude_agent_sdk.ResultError: If the run ended with an error, such as too
                many turns.
        """
        asked = _asked(request)
        turn = _Turn(asked.prompt, asked.session_id)
        if boundary.place() is Place.FLOW:
            return await self._durably(turn)
        # Inside a checkpoint it is noted there.
        return await self._boundary.run(
            INVOCATION, self._name, self._name, lambda: self._plainly(turn)
        )

    # -- each way to run -----------------------------------------------------

    async def _plainly(self, turn: _Turn) -> ClaudeRunResult:
        options, is_inside = self._options(), boundary.place() is Place.CHECKPOINT
        keeper = None
        if is_inside:
            options, keeper = self._guarded(options, turn)
        known_of = sessions().transcript()
        is_kept = bool(turn.resume) and known_of.has(turn.resume or "")
        said, usage = await invoke(
            turn.prompt,
            options,
            resume=turn.resume or options.resume,
            transcript=known_of if is_kept else None,
            is_counted=self._capture.usage,
        )
        found = _found(said, usage, keeper)
        if is_inside and found.deferred and self._permissions == "wait":
            asked = asking.questions(found.deferred, self._capture)
            raise questions.misplaced(asked[0], "Claude runs in one")
        return _result([found])

    async def _durably(self, turn: _Turn) -> ClaudeRunResult:
        activity = runs.activity()
        assert activity is not None  # there is a flow here
        ended: list[_Found] = []
        with activity.run(self._name) as run:
            while True:
                call_id = identity.repeated(run.id, len(ended) + 1)
                found = await self._recorded(call_id, turn)
                ended.append(found)
                if found.deferred is None or self._permissions == "sdk":
                    return _result(ended)
                asked = asking.questions(
                    found.deferred, self._capture, self._wait_timeout
                )
                answers = await questions.ask_all_from_loop(asked, run)
                decision = asking.decision(found.deferred, answers)
                turn = _Turn(
                    None,
                    found.session_id,
                    {**turn.decisions, found.deferred.call_id: decision},
                    found.expected,
                )

    async def _recorded(self, call_id: str, turn: _Turn) -> _Found:
        """Run an invocation as a checkpoint, or rebuild how it ended."""
        options = self._options()
        checking.check_for_flow(options)
        given = Given(prompt=turn.prompt, system=_system_prompt(options))

        async def work() -> dict[str, Any]:
            if self._capture.prompts and turn.prompt is not None:
                self._capture.keep("prompt", turn.prompt, type="prompt")
            guarded, keeper = self._guarded(options, turn)
            transcript = sessions().transcript()
            said, usage = await invoke(
                turn.prompt,
                guarded,
                resume=turn.resume,
                transcript=transcript,
                is_counted=self._capture.usage,
            )
            found = _found(said, usage, keeper)
            self._keep(found)
            return _stored(found, given.left_out(transcript.added))

        # What somebody overrode it with may be anything.
        stored: Any = await self._boundary.run(
            INVOCATION,
            self._name,
            call_id,
            work,
            inputs={
                "prompt": turn.prompt,
                "resume": turn.resume,
                "decisions": dict(turn.decisions),
            },
        )
        if not (isinstance(stored, Mapping) and stored.keys() == _KEYS):
            return _Found(stored, None, Usage())
        sessions().add(given.put_back(stored["session"]))
        return _rebuilt(stored)

    # -- helpers -------------------------------------------------------------

    def _options(self) -> ClaudeAgentOptions:
        if self._factory is None:
            return self._given or ClaudeAgentOptions()
        made = checking.made_by(self._factory)
        checking.check_permissions(made, self._permissions)
        return made

    def _guarded(
        self, options: ClaudeAgentOptions, turn: _Turn
    ) -> tuple[ClaudeAgentOptions, Gatekeeper | None]:
        if self._permissions == "wait":
            allowed, expected = options.allowed_tools, set(turn.expected)
            keeper = Gatekeeper(allowed, turn.decisions, expected)
            return keeper.guarded(options), keeper
        guarded = permissions.hooked(options, permissions.no_opinion)
        if self._permissions == "deny":
            guarded = permissions.in_charge(guarded, permissions.deny)
        return guarded, None

    def _keep(self, found: _Found) -> None:
        """Keep what people look at."""
        calls = [
            {"tool": block.name, "arguments": block.input}
            for message in found.messages
            if isinstance(message, AssistantMessage)
            for block in message.content
            if isinstance(block, ToolUseBlock)
        ]
        if calls and self._capture.tool_arguments:
            self._capture.keep("tool_calls", calls, type="context")
        if self._capture.responses and found.deferred is None:
            self._capture.keep("response", found.output, type="response")

    def __repr__(self) -> str:
        return f"<KitaruClaudeRunner {self._name}>"


def _asked(request: object) -> ClaudeRunRequest:
    if isinstance(request, ClaudeRunRequest):
        return request
    if isinstance(request, str):
        return ClaudeRunRequest.start(request)
    raise KitaruUsageError(
        "KitaruClaudeRunner.run takes a prompt or a ClaudeRunRequest, got "
        f"{type(request).__name__}"
    )


def _system_prompt(options: ClaudeAgentOptions) -> str | None:
    """Return what the user says of it."""
    said: Any = options.system_prompt
    if isinstance(said, Mapping):
        return said.get("prompt") or said.get("append")
    return said if isinstance(said, str) else None


def _found(said: Said, usage: Usage, keeper: Gatekeeper | None) -> _Found:
    last = said.results[-1]
    call = last.deferred_tool_use
    structured = last.structured_output
    return _Found(
        output=last.result if structured is None else structured,
        session_id=last.session_id,
        usage=usage,
        messages=tuple(said.messages),
        deferred=PendingPermission(call.id, call.name, call.input) if call else None,
        expected=frozenset(keeper.expected) if keeper else frozenset(),
    )


def _stored(found: _Found, session: list[dict[str, Any]]) -> dict[str, Any]:
    call = found.deferred
    return {
        "output": found.output,
        "session_id": found.session_id,
        "usage": found.usage,
        "messages": list(found.messages),
        "deferred": vars(call) if call else None,
        "expected": sorted(found.expected),
        "session": session,
    }


def _rebuilt(stored: Mapping[str, Any]) -> _Found:
    call = stored["deferred"]
    return _Found(
        output=stored["output"],
        session_id=stored["session_id"],
        usage=stored["usage"],
        messages=tuple(stored["messages"]),
        deferred=PendingPermission(**call) if call else None,
        expected=frozenset(stored["expected"]),
    )


def _result(ended: list[_Found]) -> ClaudeRunResult:
    last = ended[-1]
    usage = totals.total(found.usage for found in ended)
    return ClaudeRunResult(
        output=last.output,
        session_id=last.session_id,
        usage=usage,
        cost=usage.cost,
        messages=tuple(message for found in ended for message in found.messages),
        status="deferred" if last.deferred else "completed",
        deferred=last.deferred,
    )
