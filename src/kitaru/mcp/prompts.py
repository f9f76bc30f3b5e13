"""Prompts: ready instructions a user can give the assistant."""

from __future__ import annotations

import json

from kitaru._ops import waits
from kitaru.mcp.wording import readable


def answer_wait(exec_id: str) -> str:
    """Help the user decide what a waiting execution asks, then answer it.

    Args:
        exec_id: Id of the execution, or its beginning if that is unique.
    """
    wait = waits.find(exec_id)
    schema = (
        "none: it is a plain gate" if wait.schema is None else json.dumps(wait.schema)
    )
    return f"""Execution {wait.exec_id} of a durable flow waits for a decision.

Wait: {wait.name}
Question: {readable(wait.question or "(none given)")}
JSON schema of the answer: {schema}

1. Look at it with kitaru_executions_get(exec_id="{wait.exec_id}"), and read the
   artifacts that matter for the question with kitaru_artifacts_get.
2. Tell me in a few sentences what has been done so far and what the question means.
3. The decision is mine. Ask me; do not make the answer up.
4. Answer with kitaru_executions_input(exec_id="{wait.exec_id}", wait="{wait.name}",
   value=<my answer>), or leave `value` out to have me asked with a form.
5. If the answer is refused, nothing was stored: correct it with me and answer again.
6. Afterwards look at the execution again and tell me how it went on.
"""
