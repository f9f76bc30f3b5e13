"""Where calls stand, for frameworks that do not say."""

from __future__ import annotations

from kitaru.adapters._shared.places import Places
from kitaru.adapters._shared.runs import Run


def places() -> Places:
    return Places(Run("writer.r1", "writer", alone=True))


def test_a_request_made_again_belongs_to_the_same_step() -> None:
    found = places()

    asked = [found.model_request(), found.model_request()]
    found.answered(1, [])

    assert asked == ["writer.r1.s1.model", "writer.r1.s1.model"]
    assert found.model_request() == "writer.r1.s2.model"


def test_tool_calls_are_placed_by_the_answer_that_asked_for_them() -> None:
    found = places()
    found.answered(1, ["a", "b"])
    found.answered(2, ["c"])

    made = [found.tool_call(call, "look") for call in ("c", "b", "a", "unknown")]

    assert made == [
        "writer.r1.s2.t0.look",
        "writer.r1.s1.t1.look",
        "writer.r1.s1.t0.look",
        "writer.r1.s2.t.look",
    ]
