from __future__ import annotations

from kitaru.mcp import portions
from kitaru.models import CheckpointCall, Execution, ExecutionStatus, Page

LONG = "z" * 10_000


def record(**facts: object) -> Execution:
    status = ExecutionStatus.FAILED
    return Execution(exec_id="1", flow_name="long", status=status, **facts)  # type: ignore[arg-type]  # a few fields of many


def test_what_is_short_stays_as_it_is() -> None:
    execution = record(metadata={"words": ("a", "b"), "n": 1}, status_reason="why")

    result = portions.execution_result(execution)

    assert result.execution == execution
    assert len(result.notes) == 1


def test_texts_in_listings_are_cut_shorter_than_those_of_one_execution() -> None:
    execution = record(metadata={"deep": [{"note": LONG}]}, status_reason=LONG)
    page = Page(items=(execution,), total=3, page=1, size=1)

    listed = portions.executions(page)
    single = portions.execution_result(execution)

    assert len(listed.model_dump_json()) < 2_000 < len(single.model_dump_json())
    assert len(single.model_dump_json()) < 10_000
    assert listed.next_page == 2


def test_metadata_is_left_out_where_it_fills_the_conversation() -> None:
    call = CheckpointCall(
        call_id="c",
        name="c",
        invocation_id="c",
        status="completed",
        metadata={"many": list(range(100_000))},
    )

    result = portions.execution_result(record(checkpoints=(call,)))

    assert result.execution.checkpoints[0].metadata == {}
    assert any(
        "metadata, inputs and result were left out" in note for note in result.notes
    )
