"""Executions, artifacts and logs as the client shows them, on every engine."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from kitaru.cli.app import app
from kitaru.errors import KitaruStateError, KitaruUsageError, KitaruUserCodeError

pytestmark = pytest.mark.usefixtures("engine")


@checkpoint(type="llm_call")
def talk(n: int) -> str:
    print(f"talking {n}")
    logging.getLogger("users.own").warning("and logging")
    kitaru.log(tokens=n, cost={"eur": 1})
    kitaru.log(cost={"usd": 2})
    kitaru.save("prompt", {"text": "hello"}, type="prompt", tags=["first"])
    return "answer " * n


@flow
def chatting(n: int) -> str:
    kitaru.log(topic="weather")
    return talk(n)


def test_metadata_belongs_to_where_it_was_logged(client: KitaruClient) -> None:
    handle = chatting.run(2)

    execution = client.executions.get(handle.exec_id)

    assert execution.metadata == {"topic": "weather"}
    (call,) = execution.checkpoints
    assert call.metadata == {"tokens": 2, "cost": {"eur": 1, "usd": 2}}
    assert call.checkpoint_type == "llm_call"


def test_artifacts_can_be_listed_and_loaded(client: KitaruClient) -> None:
    handle = chatting.run(2)

    refs = client.artifacts.list(handle.exec_id)

    assert [(ref.name, ref.save_type) for ref in refs] == [
        ("prompt", "prompt"),
        ("talk", "output"),
        ("result", "output"),
    ]
    answer = "answer answer "
    assert [ref.load() for ref in refs] == [{"text": "hello"}, answer, answer]
    again = client.artifacts.get(refs[0].artifact_id)
    assert again.load() == {"text": "hello"}
    assert client.artifacts.list(handle.exec_id, kind="prompt", limit=5) == [refs[0]]


class Colour(Enum):
    RED = "r"


class Plan(BaseModel):
    topic: str
    due: date
    key: str = "never shown"


@dataclass
class Point:
    x: int
    again: Point | None = None


@flow(retries=2, image={"base_image": "python:3.12", "environment": {"A_KEY": "abc"}})
def planned(plan: Plan, colour: Colour, password: str, n: int = 3) -> object:
    point = Point(n)
    if n == 4:
        point.again = point
    return {("by", "tuple"): [plan.due, point], "colours": {colour}}


class NoData:
    pass


@flow
def opaque(given: object) -> object:
    return given


def test_an_execution_shows_what_it_was_given_and_gave_back(
    client: KitaruClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_KEY", "never shown")
    plan = Plan(topic="cats", due=date(2026, 1, 31))

    handle = planned.run(plan, Colour.RED, "hunter2")

    found = client.executions.get(handle.exec_id)
    assert found.inputs == {
        "plan": {"topic": "cats", "due": "2026-01-31", "key": "***"},
        "colour": "RED",
        "password": "***",
    }
    assert found.result == {
        "('by', 'tuple')": ["2026-01-31", {"x": 3, "again": None}],
        "colours": ["RED"],
    }
    assert found.settings == {
        "retries": 2,
        "image": {"base_image": "python:3.12", "environment": {"A_KEY": "***"}},
    }
    shown = CliRunner().invoke(app, ["executions", "get", handle.exec_id]).output
    assert 'settings {"retries": 2, "image": {"base_image": "python:3.12"' in shown
    assert 'inputs {"plan": {"topic": "cats"' in shown
    assert "result {" in shown


@pytest.mark.filterwarnings("ignore::kitaru.errors.KitaruPickleWarning")
def test_what_only_its_classes_can_read_is_not_read_to_be_shown(
    client: KitaruClient,
) -> None:
    found = client.executions.get(opaque.run(NoData()).exec_id)
    circle = planned.run(Plan(topic="a", due=date(2026, 1, 1)), Colour.RED, "", 4)

    assert (found.inputs, found.result) == (None, None)
    assert client.executions.get(circle.exec_id).result is None


class Crawler(threading.Thread):
    def run(self) -> None:
        print("printed by a thread")


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_threads_of_a_checkpoint_belong_to_it(
    client: KitaruClient, runtime: Literal["inline", "isolated"]
) -> None:
    def work(n: int) -> str | None:
        print(f"printed {n}")
        logging.getLogger("users.own").warning("logged %s", n)
        kitaru.log(**{f"work_{n}": n})
        return kitaru.current_execution_id()

    @checkpoint(runtime=runtime)
    def crawl() -> list[str | None]:
        thread = Crawler()
        thread.start()
        thread.join()
        with ThreadPoolExecutor(2) as pool:
            return [*pool.map(work, range(2)), pool.submit(work, n=2).result()]

    @flow
    def crawling() -> list[str | None]:
        return crawl()

    handle = crawling.run()

    assert handle.wait() == [handle.exec_id] * 3
    (call,) = client.executions.get(handle.exec_id).checkpoints
    assert call.metadata == {"work_0": 0, "work_1": 1, "work_2": 2}
    entries = list(client.executions.logs(handle.exec_id, checkpoint="crawl"))
    assert sorted(entry.message for entry in entries) == [
        "logged 0",
        "logged 1",
        "logged 2",
        "printed 0",
        "printed 1",
        "printed 2",
        "printed by a thread",
    ]


def test_a_pool_works_for_whoever_asks(client: KitaruClient) -> None:
    with ThreadPoolExecutor(1) as pool:

        @checkpoint
        def crawl(n: int) -> None:
            pool.submit(print, f"page {n}").result()

        @flow
        def crawling() -> str | None:
            crawl(1)
            crawl(2)
            return pool.submit(kitaru.current_execution_id).result()

        handle = crawling.run()

    assert handle.wait() is None
    entries = client.executions.logs(handle.exec_id)
    assert [(e.message, e.checkpoint) for e in entries] == [
        ("page 1", "crawl"),
        ("page 2", "crawl_2"),
    ]


@pytest.mark.parametrize("runtime", ["inline", "isolated"])
def test_a_checkpoint_finds_values_by_the_same_names_wherever_it_runs(
    runtime: Literal["inline", "isolated"], tmp_path: Path
) -> None:
    first = chatting.run(3)
    report = tmp_path / "report.md"

    @checkpoint
    def draw(n: int) -> list[int]:
        return [n]

    @checkpoint(runtime=runtime)
    def reading() -> dict[str, object]:
        def own(name: str) -> object:
            return kitaru.load(str(kitaru.current_execution_id()), name)

        notes = ["as saved"]
        report.write_text("as saved")
        kitaru.save("notes", notes)
        kitaru.save("report", report)
        notes.append("later")
        report.write_text("later")
        copy = own("report")
        assert isinstance(copy, Path)
        return {
            "saved there": kitaru.load(first.exec_id, "prompt"),
            "result there": kitaru.load(first.exec_id[:18], "talk"),
            "first call": own("draw"),
            "second call": own("draw_2"),
            "saved here": own("notes"),
            "file here": (copy.name, copy.read_text()),
            "no flow's result": _refusal(first.exec_id, "result"),
        }

    @flow
    def borrowing() -> dict[str, object]:
        draw(1)
        draw(2)
        return reading()

    assert borrowing.run().wait() == {
        "saved there": {"text": "hello"},
        "result there": "answer answer answer ",
        "first call": [1],
        "second call": [2],
        "saved here": ["as saved"],
        "file here": ("report.md", "as saved"),
        "no flow's result": (
            f"execution {first.exec_id} has no artifact or checkpoint result 'result'"
        ),
    }


def _refusal(exec_id: str, name: str) -> str:
    try:
        kitaru.load(exec_id, name)
    except KitaruUsageError as error:
        return str(error)
    return "found"


def test_loading_an_unknown_name_suggests_one() -> None:
    first = chatting.run(1)

    @checkpoint
    def reading() -> object:
        return kitaru.load(first.exec_id, "promt")

    @flow
    def borrowing() -> object:
        return reading()

    with pytest.raises(KitaruUserCodeError, match=r"'promt'; did you mean 'prompt'"):
        borrowing.run().wait()


def test_prints_and_logging_are_kept_with_their_checkpoint(
    client: KitaruClient,
) -> None:
    handle = chatting.run(2)

    entries = list(client.executions.logs(handle.exec_id, checkpoint="talk"))

    assert [(e.message, e.level) for e in entries] == [
        ("talking 2", "INFO"),
        ("and logging", "WARNING"),
    ]
    assert {e.checkpoint for e in entries} == {"talk"}
    last = list(client.executions.logs(handle.exec_id, limit=1))
    assert [e.message for e in last] == ["and logging"]


def test_listing_is_newest_first_and_filtered(client: KitaruClient) -> None:
    @flow
    def special(fail: bool) -> None:
        if fail:
            raise RuntimeError("asked to")

    good, bad = special.run(False), special.run(True)

    listed = client.executions.list(flow="special", limit=2)
    assert [e.exec_id for e in listed] == [bad.exec_id, good.exec_id]
    failed = client.executions.list(flow="special", status="failed", limit=1)
    assert [e.exec_id for e in failed] == [bad.exec_id]
    assert (
        client.executions.latest(flow="special", status="completed").exec_id
        == good.exec_id
    )
    second = client.executions.list(flow="special", page=2, size=1)
    assert [e.exec_id for e in second] == [good.exec_id]


def test_ids_may_be_shortened(client: KitaruClient) -> None:
    handle = chatting.run(1)

    assert client.executions.get(handle.exec_id[:13]).exec_id == handle.exec_id


@pytest.mark.parametrize(
    ("id", "message"),
    [
        ("not-an-id", "is not an execution id"),
        ("", "is not an execution id"),
        ("00000000", "no execution '00000000'"),
        ("00000000-0000-4000-8000-000000000000", "no execution"),
    ],
    ids=["words", "empty", "prefix", "full"],
)
def test_unknown_ids_are_refused(client: KitaruClient, id: str, message: str) -> None:
    with pytest.raises(KitaruUsageError, match=message):
        client.executions.get(id)


def test_a_mistyped_id_suggests_the_closest(client: KitaruClient) -> None:
    handle = chatting.run(1)
    right = handle.exec_id[:8]
    wrong = right[:7] + ("0" if right[7] != "0" else "1")

    with pytest.raises(KitaruUsageError, match=f"did you mean .*'{right}'"):
        client.executions.get(wrong)


def test_what_has_completed_can_be_neither_retried_nor_cancelled(
    client: KitaruClient,
) -> None:
    handle = chatting.run(1)

    with pytest.raises(KitaruStateError, match="it has completed"):
        client.executions.retry(handle.exec_id)
    with pytest.raises(KitaruStateError, match="already completed"):
        client.executions.cancel(handle.exec_id)


def test_resuming_what_has_completed_leaves_it_as_it_is(client: KitaruClient) -> None:
    handle = chatting.run(1)
    before = client.executions.get(handle.exec_id)

    assert client.executions.resume(handle.exec_id) == before
    done = CliRunner().invoke(app, ["executions", "resume", handle.exec_id])

    assert done.exit_code == 0
    assert "has completed; there is nothing to resume" in done.output


def test_lineage_names_the_calls_whose_results_were_used(client: KitaruClient) -> None:
    @checkpoint
    def make() -> list[int]:
        return [1, 2]

    @checkpoint
    def use(values: list[int]) -> int:
        return sum(values)

    @flow
    def chained() -> int:
        return use(make())

    first, second = client.executions.get(chained.run().exec_id).checkpoints

    assert second.parent_call_ids == (first.call_id,)


@pytest.mark.shared_rule("arguments", "message")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"status": "paused"}, "status 'paused' is not known"),
        ({"page": 0}, "page 0"),
        ({"size": 0}, "size 0"),
        ({"limit": 100_000}, "not possible"),
    ],
    ids=["status", "page", "size", "limit"],
)
def test_impossible_listings_are_refused(
    client: KitaruClient, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(KitaruUsageError, match=message):
        client.executions.list(**arguments)
