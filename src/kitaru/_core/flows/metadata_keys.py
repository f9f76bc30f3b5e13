"""The keys of metadata that Kitaru keeps with ZenML's runs and steps.

Stores hold them for ever: a key that changes loses what older versions have written.
"""

from __future__ import annotations

# Of a step run: the whole record of a checkpoint call.
RECORD_KEY = "kitaru_record"

# Of a step run: where request and reply of a pod of its own are.
PLACE_KEY = "kitaru_isolated"

# Of a step run: what its language model calls spent.
USAGE_KEY = "kitaru_usage"

# Of a run: who has which turn, and how many retries were asked for.
TURN_KEY = "kitaru_turn"
RETRIES_KEY = "kitaru_retries"

# Of a run: why an execution failed whose journal died with its pod.
FAILURE_KEY = "kitaru_failure"

# Of a run, by ZenML's Kubernetes orchestrator: the job of each isolated checkpoint.
STEP_JOBS = "step_jobs"

# Of a run and of a wait, followed by the wait's name: its answer, by whom, with what.
ANSWER_KEY = "kitaru_answer_"

# What users do not see as metadata of their own.
_OWN_METADATA = (RECORD_KEY, STEP_JOBS, FAILURE_KEY, TURN_KEY, RETRIES_KEY)


def is_own(key: str) -> bool:
    """Whether metadata of a run or step is Kitaru's, not the user's."""
    return key in _OWN_METADATA or key.startswith(ANSWER_KEY)
