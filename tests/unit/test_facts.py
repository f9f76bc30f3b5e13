"""The facts of an execution come back as they were written, from older versions too."""

from __future__ import annotations

import json

import pytest

from kitaru import ImageSettings
from kitaru._core.calls import failures, references
from kitaru._core.calls.records import StoredValue
from kitaru._core.calls.replay import ReplayPlan
from kitaru._core.flows.facts import VERSION, ExecutionFacts, LocalFacts
from kitaru._core.settings.settings import Settings
from kitaru._core.sources import FlowSource
from kitaru.errors import KitaruStateError
from kitaru.models import FailureOrigin

SOURCE = FlowSource("shop", "orders", "/shop/shop.py", "/shop", "ab12")
INPUTS = StoredValue("json", "builtins:dict", "aa", 2, payload=b"{}")
REPLAY = ReplayPlan(
    source="ex_1",
    anchor="draft",
    reuse=frozenset({"gather", "review"}),
    overrides={"gather": INPUTS},
    guarded=True,
    reuse_waits=True,
)
RUNNER = {"host": "laptop", "pid": 7, "started": "1"}


@pytest.mark.parametrize(
    "facts",
    [
        ExecutionFacts(SOURCE, INPUTS),
        ExecutionFacts(
            SOURCE,
            INPUTS,
            settings=Settings(
                stack="gpu", retries=2, cache=True, image=ImageSettings(user="me")
            ),
            replay=REPLAY,
            runner=RUNNER,
            is_remote=True,
        ),
    ],
    ids=["the least", "all"],
)
def test_facts_come_back_through_json(facts: ExecutionFacts) -> None:
    written = json.dumps(facts.to_dict())

    assert ExecutionFacts.from_dict(json.loads(written), execution_id="ex") == facts


def test_facts_without_a_version_are_read_as_the_oldest() -> None:
    # As runs of the first version hold them.
    recorded = {
        "source": SOURCE.to_dict(),
        "inputs": references.reference(INPUTS),
        "stack": "gpu",
        "retries": None,
        "cache": True,
        "image": None,
        "runner": RUNNER,
    }

    read = ExecutionFacts.from_dict(recorded, execution_id="ex")

    assert read == ExecutionFacts(
        SOURCE,
        INPUTS,
        settings=Settings(stack="gpu", cache=True),
        runner=RUNNER,
        version=0,
    )


def test_facts_of_this_machine_come_back_through_json() -> None:
    failure = failures.without_exception("the runner died", FailureOrigin.RUNTIME)
    facts = LocalFacts(
        store="s",
        flow="orders",
        inputs="file.json",
        python="/usr/bin/python3",
        cwd="/shop",
        project="/deployed",
        synchronous=False,
        failure=failure,
        result=INPUTS,
        compacted=True,
        uses=("/kitaru/ex_1/",),
    )

    written = json.dumps(facts.to_dict())

    assert LocalFacts.from_dict(json.loads(written), execution_id="ex") == facts


def test_facts_of_this_machine_that_say_nothing_count_as_incomplete() -> None:
    read = LocalFacts.from_dict({}, execution_id="ex")

    assert read == LocalFacts(synchronous=True, version=0)


@pytest.mark.parametrize("read", [ExecutionFacts.from_dict, LocalFacts.from_dict])
def test_facts_of_a_newer_version_are_refused_with_a_way_out(read: object) -> None:
    facts = ExecutionFacts(SOURCE, INPUTS).to_dict() | {"version": VERSION + 1}

    with pytest.raises(KitaruStateError, match="execution ex was recorded by a newer"):
        read(facts, execution_id="ex")  # type: ignore[operator]
