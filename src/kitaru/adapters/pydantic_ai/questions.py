"""Tools that ask a person, and the waits of the flow that carry their questions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

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
from kitaru._core.waits import answers as wait_answers
from kitaru.adapters._shared import boundary, identity, questions, runs
from kitaru.adapters._shared.boundary import Place
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.adapters._shared.questions import Question
from kitaru.adapters.pydantic_ai.operations import METADATA_KEY
from kitaru.errors import KitaruUsageError

_KEY = "kitaru_question"
_ADVICE = (
    "Use hitl_tool(...), or take the tool out of its checkpoint with "
    "metadata={'kitaru': False}"
)
# Types of answers, by name and schema: what goes through PydanticAI has to be JSON.
_answer_types: dict[str, Any] = {}


def hitl_tool(
    *,
    question: str,
    name: str,
    schema: Any = str,
    question_arg: str = "question",
    timeout: float | None = None,
) -> Tool[Any]:
    """Return a tool by which the model asks a person.

    In a flow the question becomes a wait: the process may end, and the answer is what
    the tool returns to the model. Outside a flow it is a deferred tool call, as
    PydanticAI knows them.

    Args:
        question: What is asked if the model does not say; also tells the model what the
            tool is for.
        name: Name of the tool, and of the wait.
        schema: Type of the answer, anything pydantic can describe.
        question_arg: The tool's argument in which the model puts its question.
        timeout: Seconds that this process stays and polls; see `kitaru.wait`.

    Raises:
        KitaruUsageError: If a name cannot be used or pydantic cannot describe `schema`.

    Example:
        >>> approve = hitl_tool(question="Publish it?", name="approve", schema=bool)
        >>> approve.name
        'approve'
    """
    check_name("wait", name)
    if not question_arg.isidentifier():
        raise KitaruUsageError(
            f"hitl_tool(question_arg={question_arg!r}) must be a Python name"
        )
    described = wait_answers.answer_schema(schema)
    _answer_types[_type_key(name, described)] = schema

    async def defer(**arguments: Any) -> Any:
        asked = str(arguments.get(question_arg) or question)
        told = {"question": asked, "name": name, "schema": described}
        raise CallDeferred(metadata={_KEY: {**told, "timeout": timeout}})

    tool = Tool[Any].from_schema(
        defer,
        name=name,
        description=f"Ask a person: {question}",
        json_schema={
            "type": "object",
            "properties": {
                question_arg: {"type": "string", "description": "What to ask."}
            },
            "additionalProperties": False,
        },
    )
    # It only says that there is a question; asking is for the flow.
    tool.metadata = {METADATA_KEY: False}
    return tool


def wait_for_input(
    *,
    question: str | None = None,
    schema: Any = str,
    name: str | None = None,
    timeout: float | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Any:
    """Ask a person from the body of a tool, and return the answer.

    The tool has to run without a checkpoint: `metadata={"kitaru": False}`. It runs
    again from its top when the flow goes on, so it should do nothing but ask. Make it a
    plain `def`: the wait then lets calls beside it finish first.

    Args:
        question: What is asked.
        schema: Type of the answer, anything pydantic can describe.
        name: Name of the wait; `input` by default.
        timeout: Seconds that this process stays and polls; see `kitaru.wait`.
        metadata: Further JSON data to show with the question.

    Raises:
        KitaruContextError: In a checkpointed tool, or outside a flow.
    """
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
    if boundary.place() is Place.CHECKPOINT:
        raise questions.misplaced(
            question, "the agent runs as one turn, or in a tool that is a checkpoint"
        )
    return await questions.ask_from_loop(question, run)


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
