"""One invocation of Claude Code, read to its very end."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import claude_agent_sdk as sdk
from claude_agent_sdk import (
    AssistantMessage,
    ClaudeAgentOptions,
    Message,
    ResultError,
    ResultMessage,
    UserMessage,
)

from kitaru._core.flows import scope
from kitaru._ops.language_models import counts
from kitaru.adapters.claude_agent_sdk.transcripts import Transcript
from kitaru.errors import KitaruContextError, KitaruRuntimeError
from kitaru.models import Usage

# Cost comes as a float; what is behind that is noise.
_SMALLEST = Decimal("1e-10")
_MISPLACED = (
    "Hooks, can_use_tool and tools of Claude run inside its invocation, which is one "
    "checkpoint; do it in the flow, before or after"
)


@dataclass
class Said:
    """What an invocation said, as far as it has come."""

    messages: list[Message] = field(default_factory=list)
    results: list[ResultMessage] = field(default_factory=list)

    def note(self, message: Message) -> None:
        """Keep a message; events and deltas are for those who watch."""
        if isinstance(message, AssistantMessage | UserMessage | ResultMessage):
            self.messages.append(message)
        if isinstance(message, ResultMessage):
            self.results.append(message)

    def usage(self, before: float) -> Usage:
        """Return what it took.

        Args:
            before: What the session had cost already, which Claude Code counts along.
        """
        answers = [
            message
            for message in self.messages
            if isinstance(message, AssistantMessage) and not message.error
        ]
        taken = [result.usage or {} for result in self.results]
        cached = sum(_count(usage, "cache_read_input_tokens") for usage in taken)
        written = sum(_count(usage, "cache_creation_input_tokens") for usage in taken)
        total = self.results[-1].total_cost_usd if self.results else None
        return counts.of_counts(
            provider="anthropic",
            model=answers[-1].model if answers else None,
            # Blocks of one answer come as messages of their own.
            requests=len({message.message_id for message in answers}),
            input_tokens=sum(_count(usage, "input_tokens") for usage in taken)
            + cached
            + written,
            output_tokens=sum(_count(usage, "output_tokens") for usage in taken),
            cached_tokens=cached,
            cost=None if total is None else _difference(total, before),
        )


def _count(usage: dict[str, Any], name: str) -> int:
    return int(usage.get(name) or 0)


def _difference(total: float, before: float) -> Decimal:
    exact = Decimal(str(total)) - Decimal(str(before))
    return max(exact.quantize(_SMALLEST), Decimal(0)).normalize()


async def invoke(
    prompt: str | None,
    options: ClaudeAgentOptions,
    *,
    resume: str | None,
    transcript: Transcript | None,
    is_counted: bool,
) -> tuple[Said, Usage]:
    """Run Claude Code once.

    Args:
        prompt: What is said; `None` to go on with a call that was deferred.
        options: The options, permissions included.
        resume: The session that goes on.
        transcript: What is known of it, and takes what is new; `None` leaves the
            session to Claude Code.
        is_counted: Whether to note the usage on the checkpoint that runs.

    Raises:
        claude_agent_sdk.ResultError: If the run ended with an error; what it had cost
            is noted.
        KitaruContextError: If something in it tried what no checkpoint can do.
    """
    told = replace(options, resume=resume)
    if transcript is not None:
        # A name of one's own: a killed attempt has left its session on this machine.
        new = None if resume else str(uuid.uuid4())
        store: Any = transcript
        told = replace(told, session_store=store, session_id=new)
        if resume and not transcript.has(resume):
            await _imported(resume, transcript, options)
    before = transcript.cost_before(resume) if transcript and resume else 0.0
    here = scope.current()
    call = here.call if here else None
    refused = len(call.refused) if call else 0
    said = Said()
    try:
        with _translated(call, refused):
            await _read(prompt, told, said)
    finally:
        # What was paid for is noted with a failure as well.
        usage = said.usage(before)
        if call is not None and is_counted and said.results:
            scope.spend(usage)
    _check_end(said.results)
    return said, usage


@contextlib.contextmanager
def _translated(call: scope.RunningCall | None, refused: int) -> Iterator[None]:
    """Raise what was refused to something in the invocation, whatever came of it."""
    failure: Exception | None = None
    try:
        yield
    except sdk.ClaudeSDKError as error:
        failure = error
    if call is not None and (tried := call.refused[refused:]):
        raise KitaruContextError(f"{tried[0]}. {_MISPLACED}") from tried[0]
    if failure is not None:
        raise failure


async def _read(prompt: str | None, options: ClaudeAgentOptions, said: Said) -> None:
    """Read an invocation to its end, not to its result: entries come after that."""
    over = asyncio.Event()

    async def held_open() -> AsyncIterator[dict[str, Any]]:
        # Callbacks are answered only while the input is open.
        await over.wait()
        for nothing in list[dict[str, Any]]():
            yield nothing

    given = held_open() if prompt is None else prompt
    async with contextlib.aclosing(
        sdk.query(prompt=given, options=options)
    ) as messages:  # type: ignore[type-var]  # a generator
        async for message in messages:
            said.note(message)
            if isinstance(message, ResultMessage):
                over.set()


async def _imported(
    session_id: str, transcript: Transcript, options: ClaudeAgentOptions
) -> None:
    """Take a session of this machine into the checkpoint, so that it can go elsewhere."""
    directory = None if options.cwd is None else str(options.cwd)
    store: Any = transcript
    try:
        await sdk.import_session_to_store(session_id, store, directory=directory)
    except (FileNotFoundError, ValueError):
        # Claude Code may know of it where its own settings say; it says if it does not.
        return


def _check_end(results: Sequence[ResultMessage]) -> None:
    if not results:
        raise KitaruRuntimeError(
            "Claude Code ended without a result; its own log says more: "
            "ClaudeAgentOptions(stderr=print)"
        )
    last = results[-1]
    if last.is_error:
        why = "; ".join(last.errors or ()) or last.result or last.subtype
        raise ResultError(
            f"Claude Code returned an error result: {why}",
            data={
                "subtype": last.subtype,
                "errors": last.errors,
                "result": last.result,
                "api_error_status": last.api_error_status,
                "terminal_reason": last.terminal_reason,
                "session_id": last.session_id,
            },
        )
