"""Requests are answered by what commands use, with a status that says what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kitaru._engine.memory.engine import MemoryEngine
from kitaru._engine.open import use_engine
from kitaru._ops import deployments
from kitaru.http import answers

CODE = """
import kitaru

@kitaru.flow
def requested(topic: str) -> str:
    kitaru.wait(name="gate", timeout=0)
    return topic
"""
FITS = {"topic": "x"}


def answered(do: str, name: str, body: Any = None) -> answers.Answer:
    return answers.answer({"do": do, "name": name, "body": body})


REFUSED: list[tuple[Any, int, str]] = [
    ({"tag": "both", "inputs": FITS}, 409, "on versions 1 and 2"),
    ({"tag": "neither", "inputs": FITS}, 404, "known tags"),
    ({"version": 0, "inputs": FITS}, 404, "from 1"),
    ({"version": True, "inputs": FITS}, 422, "must be a number"),
    ({"version": 1, "tag": "both", "inputs": FITS}, 422, "send one of them"),
    ({"inputs": {"topic": 1}}, 422, "topic must be a string"),
    ({"input": FITS}, 422, "did you mean 'inputs'"),
    ({"inputs": FITS, "tags": "nightly"}, 422, "tags must be a list"),
    ({"inputs": FITS, "attributes": {"a b": 1}}, 422, "attributes must be"),
    ({"inputs": FITS, "budget": {"eur": 1}}, 422, "'eur'"),
    (None, 422, "send an object"),
]


def test_each_answer_says_what_was_started_or_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITARU_CONFIG_PATH", str(tmp_path / "config"))
    (tmp_path / "requested.py").write_text(CODE)
    with use_engine(MemoryEngine()):
        for version in (1, 2):
            deployments.deploy("requested.py:requested", project=tmp_path)
            deployments.tag(flow="requested", version=version, tag="both")

        status, started = answered(
            "invoke", "requested", {"inputs": FITS, "version": 1}
        )

        assert (status, started["version"]) == (202, 1)
        _, found = answered("execution", started["exec_id"])
        assert (found["version"], found["status"]) == (1, "waiting")
        assert found["pending_wait"]["name"] == "gate"
        _, flow = answered("flow", "requested")
        assert [one["version"] for one in flow["deployments"]] == [2, 1]
        assert flow["deployments"][0]["schema"]["required"] == ["topic"]
        for body, wanted, said in REFUSED:
            refused, answer = answered("invoke", "requested", body)
            message = answer["error"]["message"]
            assert (refused, said in message) == (wanted, True), message


def test_a_second_request_of_a_key_is_answered_with_what_the_first_one_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITARU_CONFIG_PATH", str(tmp_path / "config"))
    (tmp_path / "requested.py").write_text(CODE)
    body = {"inputs": FITS, "key": "order-17", "tags": ["web"], "budget": {"usd": 1}}
    with use_engine(MemoryEngine()):
        deployments.deploy("requested.py:requested", project=tmp_path)
        status, started = answered("invoke", "requested", body)
        again, known = answered("invoke", "requested", body)

        assert (status, again) == (202, 200)
        assert known == started | {"status": "waiting"}
        _, found = answered("execution", started["exec_id"])
        assert (found["key"], found["tags"]) == ("order-17", ["web"])
        assert found["budget"]["usd"] == "1"
