"""Living executions against the code as it is now, on every engine."""

from __future__ import annotations

import pytest

from kitaru import KitaruClient
from tests.support.essays import (
    as_it_was,
    deployed,
    more,
    problem_of,
)

pytestmark = pytest.mark.usefixtures("engine")


def test_new_work_after_what_is_done_breaks_nothing(client: KitaruClient) -> None:
    exec_id = as_it_was().run("whales").exec_id

    now = deployed(more)

    assert problem_of(exec_id) is None
    assert client.executions.get(exec_id).status == "waiting"
    assert now.name == "essay"


def test_a_failed_execution_goes_on_where_it_failed() -> None:
    was = as_it_was()
    exec_id = was.run("broken").exec_id

    assert problem_of(exec_id) is None
