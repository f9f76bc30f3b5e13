from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from kitaru import checkpoint, flow
from kitaru._core.secrecy.redaction import HIDDEN
from kitaru.adapters._shared.policy import CapturePolicy
from kitaru.testing import FlowTester


class Order(BaseModel):
    item: str
    password: str


class Odd:
    pass


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        pytest.param(
            Order(item="a", password="b"),
            {"item": "a", "password": HIDDEN},
            id="model",
        ),
        pytest.param({"odd": Odd()}, {"odd": "<Odd>"}, id="no JSON form"),
        pytest.param(("a", 1), ["a", 1], id="tuple"),
    ],
)
def test_values_become_json_without_secrets(value: object, kept: object) -> None:
    assert CapturePolicy().cleaned(value) == kept


def test_a_hook_redacts_further() -> None:
    policy = CapturePolicy(redact=lambda value: str(value).replace("Ann", "somebody"))

    assert policy.cleaned("Ann called") == "somebody called"


def test_nothing_is_kept_of_a_value_whose_hook_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(value: Any) -> Any:
        raise KeyError("no such thing")

    assert CapturePolicy(redact=broken).cleaned("Ann called") == HIDDEN
    assert "redact hook" in caplog.text


def test_outside_a_checkpoint_nothing_is_kept() -> None:
    CapturePolicy().keep("prompt", "hi", type="prompt")


def test_a_value_is_kept_once_in_a_checkpoint() -> None:
    @checkpoint
    def work() -> None:
        CapturePolicy().keep("prompt", "password: hunter2", type="prompt")
        CapturePolicy().keep("prompt", "again", type="prompt")

    @flow
    def working() -> None:
        work()

    with FlowTester() as tester:
        artifacts = tester.run(working).execution.checkpoints[0].artifacts

    kept = {a.name: a.load() for a in artifacts if a.save_type == "prompt"}
    assert kept == {"prompt": f"password: {HIDDEN}"}
