"""What may be said of the resources of a checkpoint."""

from __future__ import annotations

from typing import Any

import pytest

from kitaru import Resources, checkpoint
from kitaru._core.flows import resources
from kitaru.errors import KitaruUsageError


def _work() -> None: ...


def test_a_mapping_and_the_record_say_the_same() -> None:
    said = {"cpu": 2, "gpu": 0, "memory": "512MiB"}

    assert resources.read(said, place="here") == Resources(**said)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"cpu": 0}, r"cpu must be a number of cores above 0, got 0"),
        ({"cpu": True}, r"cpu must be a number of cores above 0, got True"),
        ({"cpu": "2"}, r"cpu must be a number of cores above 0, got '2'"),
        ({"cpu": float("inf")}, r"cpu must be .* got inf"),
        ({"gpu": -1}, r"gpu must be a whole number, 0 or more, got -1"),
        ({"gpu": 0.5}, r"gpu must be a whole number, 0 or more, got 0.5"),
        ({"memory": "4Gi"}, r"memory must be .*such as '4GB', got '4Gi'"),
        ({"memory": "0GB"}, r"memory must be .* got '0GB'"),
        ({"memory": 4}, r"memory must be .* got 4"),
        ({"cpus": 1}, r"unknown field 'cpus'; did you mean 'cpu'"),
        ({}, r"must say at least one of cpu, gpu, memory"),
        (Resources(), r"must say at least one of cpu, gpu, memory"),
        ("4GB", r"must say at least one of cpu, gpu, memory.* got '4GB'"),
    ],
    ids=str,
)
def test_what_no_platform_could_give_is_refused(said: Any, message: str) -> None:
    with pytest.raises(
        KitaruUsageError, match=f"checkpoint '_work': resources.*{message}"
    ):
        checkpoint(resources=said)(_work)


def test_resources_and_inline_contradict_each_other_later_too() -> None:
    plain = checkpoint(runtime="inline")(_work)

    with pytest.raises(KitaruUsageError, match="leave runtime='inline' out"):
        plain.with_options(resources={"gpu": 1})
