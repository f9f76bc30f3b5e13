"""What happens to a wait while its store is away."""

from __future__ import annotations

from uuid import UUID

import pytest
from zenml.client import Client
from zenml.enums import RunWaitConditionResolution as Resolution
from zenml.models import RunWaitConditionResolveRequest

import kitaru
from kitaru import flow
from kitaru._engine.zenml.engine import ZenMLEngine
from tests.support.polling import DEADLINE

pytestmark = pytest.mark.zenml


@flow
def asking() -> bool:
    answer: bool = kitaru.wait(schema=bool, timeout=DEADLINE)
    return answer


def test_a_store_that_is_away_for_a_moment_does_not_end_a_wait(
    engine: ZenMLEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Client().zen_store
    looking = store.get_run_wait_condition
    looks = 0

    def refuse_once(wait_id: UUID, hydrate: bool = True) -> object:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise RuntimeError("database is locked")
        if looks == 2:
            store.resolve_run_wait_condition(
                wait_id,
                RunWaitConditionResolveRequest(
                    resolution=Resolution.CONTINUE, result=True
                ),
            )
        return looking(wait_id, hydrate=hydrate)

    monkeypatch.setattr(
        type(store), "get_run_wait_condition", staticmethod(refuse_once)
    )

    assert asking.run().wait() is True
