"""A page past the end is empty, and no error."""

from __future__ import annotations

import pytest

from kitaru import KitaruClient, create_secret, flow
from kitaru._ops import executions, secrets
from kitaru.errors import KitaruUsageError


@flow
def small() -> int:
    return 1


def test_executions_past_the_end_are_none_of_so_many(client: KitaruClient) -> None:
    small.run()

    found = executions.find(page=9, size=20)

    assert (found.items, found.total) == ((), 1)
    assert client.executions.list(page=9, size=20) == []


def test_secrets_past_the_end_are_none_of_so_many(client: KitaruClient) -> None:
    create_secret("one", {"KEY": "v"})

    found = secrets.find(page=2, size=1)

    assert (found.items, found.total) == ((), 1)


def test_a_page_before_the_first_is_still_refused(client: KitaruClient) -> None:
    with pytest.raises(KitaruUsageError, match="pages start at 1"):
        executions.find(page=0, size=20)
