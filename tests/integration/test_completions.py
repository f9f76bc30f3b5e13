"""What the shell completes after `kitaru executions get`."""

from __future__ import annotations

from pathlib import Path

import pytest

from kitaru import KitaruClient, flow
from kitaru._ops import completions


@flow
def small() -> int:
    return 1


def test_the_shell_knows_the_ids_of_executions_and_their_flows(
    client: KitaruClient,
) -> None:
    first, second = (small.run().exec_id for _ in range(2))

    assert sorted(completions.execution_ids("")) == sorted(
        (exec_id[:8], "small") for exec_id in (first, second)
    )
    assert completions.execution_ids(first[:7]) == [(first[:8], "small")]


def test_completing_makes_nothing_where_nothing_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITARU_CONFIG_PATH", str(tmp_path / "none"))

    assert completions.execution_ids("") == []
    assert not (tmp_path / "none").exists()
