"""Tools that ask a person, and the waits of the flow that carry their questions."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, Never, get_type_hints, overload

from pydantic_ai.exceptions import CallDeferred
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.tools import (
    DeferredToolRequests,
    DeferredToolResults,
    Tool,
    ToolApproved,
    ToolDenied,
)
from pydantic_core import to_jsonable_python

from kitaru._core.calls.names import check_name
from kitaru._core.settings import options
from kitaru._core.waits import answers as wait_answers
from kitaru.adapters._shared import boundary, identity, questions, runs
from kitaru.adapters._shared.boundary import Place
from kitaru.adapters._shared.options import HITL_TOOL, WAIT_FOR_INPUT
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters._shared.questions import Question
from kitaru.adapters.pydantic_ai.operations import METADATA_KEY

_KEY = "kitaru_question"
# The tool of `AskUser`, a capability of PydanticAI's harness.
_ASK_USER = "ask_user_question"
_ADVICE = (
    "Use hitl_tool(...), or take the tool out of its checkpoint with "
    "metadata={'kitaru': False}"
)
# Types of answers, by name and schema: what goes through PydanticAI has to be JSON.
_answer_types: dict[str, Any] = {}


class QuestionTool(Tool[Any]):
    """A tool by which the model asks a person; also puts its question on a function."""

    _asked: _Asked

    def __call__(self, function: Callable[..., Any]) -> QuestionTool:
        """Return the tool with the parameters and the description of a function."""
        return _tool(self._asked, function)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a tool asks; what is not said a function says that is decorated."""

    question: str | None
    name: str | None
    schema: Any
    question_arg: str
    timeout: float | None


@overload
def hitl_tool(function: Callable[..., Any], /) -> QuestionTool: ...
@overload
def hitl_tool(
    *,
    question: str,
    name: str,
    schema: Any = str,
    question_arg: str = "question",
    timeout: float | None = None,
) -> QuestionTool: ...
@overload
def hitl_tool(
    *,
    question: str | None = None,
    name: str | None = None,
    schema: Any = None,
    question_arg: str = "question",
    timeout: float | None = None,
) -> Callable[[Callable[..., Any]], QuestionTool]: ...
def hitl_tool(
    function: Callable[..., Any] | None = None,
    /,
    *positional: Never,
    question: str | None = None,
    name: str | None = None,
    schema: Any = None,
    question_arg: str = "question",
    timeout: float | None = None,
    **unknown: Never,
) -> Any:
    """Return a tool by which the model asks a person, or make one of a function.

    In a flow the question becomes a wait: the process may end, and the answer is what
    the tool returns to the model. Outside a flow it is a deferred tool call, as
    PydanticAI knows them.

    As a decorator, with or without parentheses, it takes from the function what is not
    said: its name, its docstring as the question, the type it returns as `schema`. The
    model calls the tool with the function's parameters, which are shown with the
    question; its body never runs.

    Args:
        function: The function, when used without parentheses.
        *positional: Refused: options are given by name.
        question: What is asked if the model does not say; also tells the model what the
            tool is for.
        name: Name of the tool, and of the wait.
        schema: Type of the answer, anything pydantic can describe; `str` by default.
        question_arg: The tool's argument in which the model puts its question.
        timeout: Seconds that this process stays and polls; see `kitaru.wait`.
        **unknown: Refused.

    Raises:
        KitaruUsageError: If an option is unknown or wrong, a name cannot be used, or
            pydantic cannot describe `schema`.

    Example:
        >>> hitl_tool(question="Publish it?", name="approve", schema=bool).name
        'approve'
        >>> @hitl_tool
        ... def review(draft: str) -> bool:
        ...     "Is this draft good enough?"
        >>> review.name
        'review'
    """
    given = {
        "question": question,
        "name": name,
        "schema": schema,
        "question_arg": question_arg,
        "timeout": timeout,
        **unknown,
    }
    if positional or not (function is None or inspect.isfunction(function)):
        options.refuse_positional([function, *positional], HITL_TOOL, "hitl_tool")
    options.check(given, HITL_TOOL, "hitl_tool")
    asked = _Asked(question, name, schema, question_arg, timeout)
    if function is not None:
        return _tool(asked, function)
    if question is None or name is None:
        return lambda decorated: _tool(asked, decorated)
    return _tool(asked, None)


def _tool(asked: _Asked, function: Callable[..., Any] | None) -> QuestionTool:
    """Return the tool that asks a question, with the parameters of a function."""
    name, question, schema = asked.name, asked.question, asked.schema
    parameters: dict[str, Any] = {
        "type": "object",
        "properties": {
            asked.question_arg: {"type": "string", "description": "What to ask."}
        },
        "additionalProperties": False,
    }
    if function is not None:
        own = Tool[Any](function)
        name = name or own.name
        question = question or own.description or f"{name}?"
        schema = get_type_hints(function).get("return") if schema is None else schema
        parameters = own.function_schema.json_schema
    assert name is not None  # otherwise there is a function
    name = check_name("wait", name)
    schema = str if schema in (None, NoneType) else schema
    described = wait_answers.answer_schema(schema)
    _answer_types[_type_key(name, described)] = schema

    async def defer(**arguments: Any) -> Any:
        text = str(arguments.get(asked.question_arg) or question)
        told = {"question": text, "name": name, "schema": described}
        raise CallDeferred(metadata={_KEY: {**told, "timeout": asked.timeout}})

    tool = QuestionTool.from_schema(
        defer,
        name=name,
        description=f"Ask a person: {question}",
        json_schema=parameters,
    )
    # It only says that there is a question; asking is for the flow.
    tool.metadata = {METADATA_KEY: False}
    tool._asked = asked
    return tool


def wait_for_input(
    *positional: Never,
    question: str | None = None,
    schema: Any = str,
    name: str | None = None,
    timeout: float | None = None,
    metadata: Mapping[str, Any] | None = None,
    **unknown: Never,
) -> Any:
    """Ask a person from the body of a tool, and return the answer.

    The tool has to run without a checkpoint: `metadata={"kitaru": False}`. It runs
    again from its top when the flow goes on, so it should do nothing but ask. Make it a
    plain `def`: the wait then lets calls beside it finish first.

    Args:
        *positional: Refused: options are given by name.
        question: What is asked.
        schema: Type of the answer, anything pydantic can describe.
        name: Name of the wait; `input` by default.
        timeout: Seconds that this process stays and polls; see `kitaru.wait`.
        metadata: Further JSON data to show with the question.
        **unknown: Refused.

    Raises:
        KitaruUsageError: If an option is unknown or wrong.
        KitaruContextError: In a checkpointed tool, or outside a flow.
    """
    options.refuse_positional(positional, WAIT_FOR_INPUT, "wait_for_input")
    given = {
        "question": question,
        "schema": schema,
        "name": name,
        "timeout": timeout,
        "metadata": metadata,
        **unknown,
    }
    options.check(given, WAIT_FOR_INPUT, "wait_for_input")
    return questions.ask_from_tool(
        Question(
            text=question or "",
            name=check_name("wait", name or "input"),
            schema=schema,
            timeout=timeout,
            metadata=dict(metadata or {}),
            advice=_ADVICE,
        )
    )


async def answer(
    requests: DeferredToolRequests,
    *,
    run: runs.Run | None,
    handles_approvals: bool,
    capture: CapturePolicy,
) -> DeferredToolResults | None:
    """Ask what an agent's deferred calls ask for, one after the other.

    Args:
        requests: The calls.
        run: The run of the agent.
        handles_approvals: Whether approvals are asked for, too; not if the agent's
            output type says that its caller wants to see them.
        capture: Cleans what is shown with a question.
    """
    approvals: dict[str, Any] = {}
    answers: dict[str, Any] = {}
    for call in requests.calls:
        asked = requests.metadata.get(call.tool_call_id, {}).get(_KEY)
        if asked is None:
            if handles_approvals and (own := _questions_of(call, run, capture)):
                answers[call.tool_call_id] = await _answers_to(own, run)
            continue
        answers[call.tool_call_id] = to_jsonable_python(
            await _ask(
                Question(
                    text=capture.cleaned(asked["question"]),
                    name=asked["name"],
                    schema=_answer_types[_type_key(asked["name"], asked["schema"])],
                    timeout=asked["timeout"],
                    metadata=_shown(call, run, capture),
                    advice=_ADVICE,
                ),
                run,
            )
        )
    for call in requests.approvals if handles_approvals else ():
        agreed = await _ask(
            Question(
                text=f"Allow the call of tool {call.tool_name!r}?",
                name=f"approve_{identity.clean(call.tool_name)}",
                schema=bool,
                metadata=_shown(call, run, capture),
                advice=_ADVICE,
            ),
            run,
        )
        approvals[call.tool_call_id] = ToolApproved() if agreed else ToolDenied()
    if not approvals and not answers:
        return None
    return requests.build_results(approvals=approvals, calls=answers)


async def _ask(question: Question, run: runs.Run | None) -> Any:
    (answer,) = await _ask_all([question], run)
    return answer


async def _ask_all(asked: list[Question], run: runs.Run | None) -> list[Any]:
    if boundary.place() is Place.CHECKPOINT:
        raise questions.misplaced(
            asked[0], "the agent runs as one turn, or in a tool that is a checkpoint"
        )
    return await questions.ask_all_from_loop(asked, run)


def _questions_of(
    call: ToolCallPart, run: runs.Run | None, capture: CapturePolicy
) -> dict[str, Question]:
    """Return what a call of the harness's `AskUser` asks, by header; none of others."""
    found = (
        call.args_as_dict().get("questions") if call.tool_name == _ASK_USER else None
    )
    items = found if isinstance(found, list) else []
    if not all(
        isinstance(item, dict) and {"header", "question"} <= item.keys()
        for item in items
    ):
        return {}  # a tool of somebody else's, with that name
    return {
        item["header"]: Question(
            text=capture.cleaned(item["question"]),
            name=identity.clean(item["header"]),
            schema=list[str] if item.get("multi_select") else str,
            metadata={
                "agent": run.agent if run else call.tool_name,
                "options": capture.cleaned(
                    {
                        option["label"]: option.get("description") or ""
                        for option in item.get("options", ())
                    }
                ),
            },
            advice=_ADVICE,
        )
        for item in items
    }


async def _answers_to(
    asked: Mapping[str, Question], run: runs.Run | None
) -> dict[str, list[str]]:
    """Ask all of them together; any text answers one, as an answer of one's own."""
    given = await _ask_all(list(asked.values()), run)
    return {
        header: answer if isinstance(answer, list) else [answer]
        for header, answer in zip(asked, given, strict=True)
    }


def _shown(
    call: ToolCallPart, run: runs.Run | None, capture: CapturePolicy
) -> dict[str, Any]:
    shown: dict[str, Any] = {"tool": call.tool_name}
    if run is not None:
        shown["agent"] = run.agent
    if capture.tool_arguments:
        shown["arguments"] = capture.cleaned(call.args_as_dict())
    return shown


def _type_key(name: str, described: object) -> str:
    return f"{name} {json.dumps(described, sort_keys=True)}"
