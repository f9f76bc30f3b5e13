"""One model request or tool call of an agent, as the middleware meets it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from langchain.agents.middleware.types import (
    ModelRequest,
    ModelResponse,
    ToolCallRequest,
)
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langgraph.config import get_config
from langgraph.errors import GraphInterrupt, ParentCommand
from langgraph.types import Command, Interrupt, interrupt

from kitaru.adapters._shared import boundary, events, identity, runs
from kitaru.adapters._shared.boundary import Place
from kitaru.adapters.langgraph import teams
from kitaru.adapters.langgraph.context import Frame, entered, frame
from kitaru.adapters.langgraph.marks import MODEL_REQUEST, TOOL_CALL
from kitaru.adapters.langgraph.tracks import part_of, path_of
from kitaru.checkpoints import CheckpointSettings
from kitaru.errors import KitaruContextError, KitaruUsageError

# Where LangGraph keeps the answers that a task has got.
_SCRATCHPAD = "__pregel_scratchpad"
_ASKED, _PARENT = "$interrupt", "$parent"


def is_recorded(kind: str) -> bool:
    """Whether calls made here are checkpoints.

    Raises:
        KitaruUsageError: In a flow, but in no run of a `KitaruGraphRunner`.
    """
    if boundary.place() is not Place.FLOW:
        return False
    if frame() is None:
        raise KitaruUsageError(
            f"a {kind.replace('_', ' ')} of an agent with KitaruLangGraphMiddleware was made in a flow "
            "without a KitaruGraphRunner, which gives calls their ids; use "
            "KitaruGraphRunner(agent, checkpoint_strategy='calls').invoke(...)"
        )
    return True


@contextmanager
def noted(kind: str, name: str) -> Iterator[None]:
    """Note a call on the checkpoint that runs, if one does."""
    if boundary.place() is not Place.CHECKPOINT:
        yield
        return
    metadata = get_config()["metadata"]
    place = part_of(
        metadata["langgraph_checkpoint_ns"],
        metadata["langgraph_step"],
        metadata["langgraph_path"],
    )
    with events.noted(kind, name, f"{path_of((place,))}.{identity.clean(name)}"):
        yield


class _Call:
    """Where a call stands in its graph."""

    def __init__(self) -> None:
        here = frame()
        assert here is not None  # it is recorded
        self.here: Frame = here
        config = get_config()
        self.namespace: str = config["metadata"]["langgraph_checkpoint_ns"]
        self.place = here.tracks.place(self.namespace, within=here.within)
        scratchpad = config["configurable"][_SCRATCHPAD]
        unread = scratchpad.get_null_resume(False)
        self.answers = [*scratchpad.resume, *([] if unread is None else [unread])]

    def unique(self, base: str) -> str:
        """Return the id of a call: which answers it is after, how often it was made.

        A task that asked runs again from its beginning with the answer. Answers are
        counted in the thread, repetitions from the beginning of the task.
        """
        activity = runs.activity()
        assert activity is not None  # there is a flow here
        return activity.unique(self.after_answers(base))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Let the task tell what becomes of a failure: a middleware may handle it."""
        try:
            yield
        except Exception as error:
            self.here.tracks.failed(self.namespace, error)
            raise

    def after_answers(self, base: str) -> str:
        """Return the id of what is done after the answers that its task has."""
        after = f"{base}.a{len(self.answers)}" if self.answers else base
        return identity.shortened(after)


class ModelCall(_Call):
    """A request to a model."""

    def __init__(self, request: ModelRequest[Any]) -> None:
        super().__init__()
        self._request = request
        self._id = self.unique(f"{self.here.prefix}{path_of(self.place)}")

    def run(self, work: Callable[[], ModelResponse[Any]]) -> ModelResponse[Any]:
        """Make it, or take the answer that it got before."""

        def recorded() -> Any:
            self._keep_prompt()
            return self._stored(work())

        with self.watched():
            found = self.here.boundary.run_sync(
                *self._told, recorded, inputs=self._inputs
            )
        return self._loaded(found)

    async def arun(
        self, work: Callable[[], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """Do the same, awaited."""

        async def recorded() -> Any:
            self._keep_prompt()
            return self._stored(await work())

        with self.watched():
            found = await self.here.boundary.run(
                *self._told, recorded, inputs=self._inputs
            )
        return self._loaded(found)

    @property
    def _told(self) -> tuple[str, str, str]:
        return MODEL_REQUEST, f"{self.here.run.agent}.model", self._id

    @property
    def _inputs(self) -> Any:
        request = self._request
        system = request.system_message
        return {
            "model": _model_name(request.model),
            "instructions": None if system is None else system.content,
            "messages": self.here.run.conversation.fingerprint(
                request.messages, _lasting
            ),
        }

    def _keep_prompt(self) -> None:
        if self.here.capture.prompts:
            added = [_lasting(message) for message in _added(self._request.messages)]
            self.here.capture.keep("prompt", added, type="prompt")

    def _stored(self, response: ModelResponse[Any] | AIMessage) -> Any:
        if isinstance(response, AIMessage):
            response = ModelResponse(result=[response])
        if self.here.capture.responses:
            text = "\n".join(_text(message) for message in response.result)
            self.here.capture.keep("response", text, type="response")
        # As they are: the engine keeps their types.
        if len(response.result) == 1 and response.structured_response is None:
            return response.result[0]
        return response

    def _loaded(self, stored: Any) -> ModelResponse[Any]:
        """Return the answer, also the first time; an override is its text."""
        if not isinstance(stored, ModelResponse | BaseMessage):
            return ModelResponse(result=[AIMessage(str(stored))])
        if isinstance(stored, BaseMessage):
            found: ModelResponse[Any] = ModelResponse(result=[stored])
        else:
            found = stored
        self.here.tracks.answered(found.result)
        return found


class ToolCall(_Call):
    """A call of a tool."""

    def __init__(self, request: ToolCallRequest) -> None:
        super().__init__()
        self._request = request
        self._call = request.tool_call
        self._base = self._place_id()

    def run(self, work: Callable[[], Any]) -> Any:
        """Call it, or take what it returned before."""
        settings = self._settings()
        if settings is False:
            call = runs.ToolCall(self.after_answers(self._base), self.here.run)
            with runs.inside_tool_call(call), entered(self._inside(call.id)):
                return work()

        def recorded() -> Any:
            self._keep_arguments()
            try:
                return self._kept(work())
            except GraphInterrupt as stop:
                return self._asked(stop)
            except ParentCommand as up:
                return {_PARENT: up.args[0]}

        with self.watched():
            stored = self.here.boundary.run_sync(
                *self._told(),
                recorded,
                inputs=self._inputs,
                settings=settings,
                is_handled=True,
            )
        return self._loaded(stored)

    async def arun(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Do the same, awaited."""
        settings = self._settings()
        if settings is False:
            loop = asyncio.get_running_loop()
            call = runs.ToolCall(self.after_answers(self._base), self.here.run, loop)
            with runs.inside_tool_call(call), entered(self._inside(call.id)):
                return await work()

        async def recorded() -> Any:
            self._keep_arguments()
            try:
                return self._kept(await work())
            except GraphInterrupt as stop:
                return self._asked(stop)
            except ParentCommand as up:
                return {_PARENT: up.args[0]}

        with self.watched():
            stored = await self.here.boundary.run(
                *self._told(),
                recorded,
                inputs=self._inputs,
                settings=settings,
                is_handled=True,
            )
        return self._loaded(stored)

    # -- what it is ------------------------------------------------------------

    def _place_id(self) -> str:
        """Return its id: the place of the call in the model's answer."""
        index = _place_in_answer(self._request.state, self._call["id"])
        place = self.place
        if index is not None and place:
            # That says which of the calls that were sent at once it is.
            step, node, _ = place[-1]
            place = (*place[:-1], (step, node, -1))
        which = "t" if index is None else f"t{index}"
        tool = identity.clean(self._call["name"])
        return f"{self.here.prefix}{path_of(place)}.{which}.{tool}"

    def _inside(self, call_id: str) -> Frame:
        return self.here.inside(call_id, self.namespace)

    def _told(self) -> tuple[str, str, str]:
        name = f"{self.here.run.agent}.{identity.clean(self._call['name'])}"
        return TOOL_CALL, name, self.unique(self._base)

    @property
    def _inputs(self) -> Any:
        told = {"tool": self._call["name"], "arguments": self._call["args"]}
        return told | ({"answers": self.answers} if self.answers else {})

    def _settings(self) -> CheckpointSettings | Literal[False]:
        tool = self._request.tool
        own = (getattr(tool, "metadata", None) or {}).get("kitaru")
        if own is False or teams.is_team(tool, self._call["args"]):
            return False
        return self.here.tools.of(self._call["name"], own=own)

    # -- how it is kept ----------------------------------------------------------

    def _keep_arguments(self) -> None:
        if self.here.capture.tool_arguments:
            self.here.capture.keep("arguments", self._call["args"], type="input")

    def _kept(self, result: Any) -> Any:
        if self.here.capture.tool_results:
            shown = result.content if isinstance(result, ToolMessage) else result
            self.here.capture.keep("result", shown, type="output")
        return result

    def _asked(self, stop: GraphInterrupt) -> Any:
        """Return an interrupt as it is stored; asking is no failure.

        Raises:
            KitaruContextError: If it is of an agent inside the tool, whose place in its
                own graph would be lost with this checkpoint.
        """
        questions: list[Interrupt] = list(stop.args[0])
        ids = {Interrupt.from_ns(None, self.namespace).id}
        if self.answers:
            text = f"{self.namespace}|{len(self.answers)}"
            ids.add(Interrupt.from_ns(None, text).id)
        if not questions or any(asked.id not in ids for asked in questions):
            name = self._call["name"]
            raise KitaruContextError(
                f"an agent inside tool {name!r} was interrupted, which cannot be "
                "answered inside the checkpoint that the tool is. Take the tool out of "
                f"it with tool_checkpoint_config_by_name={{{name!r}: False}}, and give "
                "that agent KitaruLangGraphMiddleware()"
            )
        return {_ASKED: [(asked.value, asked.response_schema) for asked in questions]}

    def _loaded(self, stored: Any) -> Any:
        """Return what the tool returned; an override is the text of it."""
        if isinstance(stored, dict) and stored.keys() == {_ASKED}:
            self._ask_again(stored[_ASKED])
        if isinstance(stored, dict) and stored.keys() == {_PARENT}:
            raise ParentCommand(stored[_PARENT])
        if isinstance(stored, ToolMessage | Command | list):
            return stored
        return ToolMessage(
            str(stored), tool_call_id=self._call["id"], name=self._call["name"]
        )

    def _ask_again(self, questions: list[Any]) -> None:
        """Stop the graph at the question, outside the checkpoint.

        LangGraph gives the first calls of `interrupt` in a task the answers that the
        task has; a question that is stored came after those.
        """
        [(value, schema), *_] = questions
        for _ in range(len(self.answers) + 1):
            interrupt(value, response_schema=schema)
        raise KitaruContextError(
            f"tool {self._call['name']!r} asked {value!r}, which is answered already; "
            "retry the execution"
        )


def _place_in_answer(state: Any, call_id: str | None) -> int | None:
    """Return the how-manieth of its answer's calls it is."""
    for messages in _lists_of(state):
        for message in reversed(messages):
            if isinstance(message, AIMessage) and message.tool_calls:
                ids = [call["id"] for call in message.tool_calls]
                if call_id in ids:
                    return ids.index(call_id)
    return None


def _lists_of(state: Any) -> Iterator[list[Any]]:
    if isinstance(state, list):
        yield state
        return
    values = state if isinstance(state, dict) else getattr(state, "__dict__", {})
    yield from (value for value in values.values() if isinstance(value, list))


def _model_name(model: Any) -> str:
    for name in ("model_name", "model"):
        found = getattr(model, name, None)
        if isinstance(found, str):
            return found
    return str(getattr(model, "_llm_type", type(model).__name__))


def _lasting(message: BaseMessage) -> Any:
    """Return what counts of a message; ids of those that people send are random."""
    calls = getattr(message, "tool_calls", None)
    return {
        "type": message.type,
        "content": message.content,
        **(
            {"calls": [[call["name"], call["args"]] for call in calls]} if calls else {}
        ),
    }


def _added(messages: list[Any]) -> list[Any]:
    """Return what was added to a conversation since the model's last answer."""
    added: list[Any] = []
    for message in reversed(messages):
        if isinstance(message, AIMessage):
            break
        added.insert(0, message)
    return added


def _text(message: BaseMessage) -> str:
    calls = getattr(message, "tool_calls", None) or ()
    lines = [f"{call['name']}({call['args']})" for call in calls]
    return "\n".join(filter(None, [str(message.text), *lines]))
