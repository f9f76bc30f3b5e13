"""What parts today's code from a recording, and what does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from kitaru import KitaruClient
from kitaru.errors import KitaruDivergenceError, KitaruUsageError
from kitaru.testing import FlowTester, replay_recording
from tests.support.articles import (
    Note,
    as_it_was,
    draft,
    fewer,
    gather,
    made,
    publish,
    ran,
    recorded,
)


@pytest.fixture(autouse=True)
def client() -> Iterator[KitaruClient]:
    """A client of an engine in memory."""
    with FlowTester() as tester:
        yield tester.client


def test_masked_values_are_no_other_arguments(
    client: KitaruClient, tmp_path: Path
) -> None:
    def secretive(topic: str) -> str:
        return draft([Note(str(publish(topic)), date(2026, 11, 1))])

    exec_id = made(secretive).run("whales").exec_id
    client.executions.export(exec_id, tmp_path / "it.json")

    found = replay_recording(made(secretive), tmp_path / "it.json")

    assert found == client.executions.get(exec_id).result


def test_arguments_that_are_new_each_time_are_no_divergence(
    client: KitaruClient, tmp_path: Path
) -> None:
    def dated(topic: str) -> str:
        gather(str(uuid4()))
        return draft.with_options(id="dated")([Note(topic, date(2026, 11, 1))])

    def other(topic: str) -> str:
        return dated(f"other {topic}")

    def by_uuid(topic: str) -> str:
        return publish(uuid4())["text"]  # type: ignore[arg-type]  # what users do

    exec_id = made(by_uuid).run("whales").exec_id
    client.executions.export(exec_id, tmp_path / "it.json")
    replay_recording(made(by_uuid), tmp_path / "it.json")

    client.executions.export(made(dated).run("whales").exec_id, tmp_path / "own.json")
    with pytest.raises(KitaruDivergenceError, match="'gather' is made with other"):
        replay_recording(made(other), tmp_path / "own.json")


def test_inputs_can_be_given_in_place_of_recorded_ones(
    client: KitaruClient, tmp_path: Path
) -> None:
    path = recorded(client, tmp_path)

    with pytest.raises(KitaruDivergenceError, match="call 'gather' is made with other"):
        replay_recording(made(as_it_was), path, inputs={"topic": "cats"})


def another_call(topic: str) -> str:
    return publish(draft(gather(topic)) + "!")["text"]


def one_more(topic: str) -> str:
    notes = gather(topic)
    draft(notes)
    return draft(notes)


def other_order(topic: str) -> str:
    return publish(str(gather(topic)))["text"]


def other_result(topic: str) -> str:
    return as_it_was(topic).upper()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (another_call, "'publish' is made with other arguments than recorded"),
        (one_more, "'draft_2'"),
        (other_order, "call 2 was 'draft', now the flow asks for 'publish'"),
        (fewer, "call 'publish' was recorded and is not made any more"),
        (other_result, 'returned "WHALES BY NOVEMBER", recorded was "whales by Nov'),
    ],
)
def test_the_first_divergence_is_named_with_both_sides(
    client: KitaruClient, tmp_path: Path, body: Callable[..., Any], told: str
) -> None:
    path = recorded(client, tmp_path)

    with pytest.raises(KitaruDivergenceError, match=told):
        replay_recording(made(body), path)

    assert ran == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "cannot be read"),
        ("[]", "is no recording"),
        ('{"format": 99}', "written by a newer Kitaru"),
        ('{"exec_id": "1", "flow_name": "x", "status": "failed"}', "of flow 'x'"),
    ],
)
def test_what_is_no_recording_of_the_flow_is_refused(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "recording.json"
    path.write_text(text)

    with pytest.raises(KitaruUsageError, match=told):
        replay_recording(made(as_it_was), path)
