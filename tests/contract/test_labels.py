"""Keys, tags and attributes of executions, and what they are listed by."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from typer.testing import CliRunner

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from kitaru.cli.app import app
from kitaru.errors import KitaruUsageError

pytestmark = pytest.mark.usefixtures("engine")
ran: list[str] = []


@pytest.fixture
def unique() -> str:
    """A word of this test alone: the suite has one store."""
    return uuid.uuid4().hex[:10] + "x"


@checkpoint
def ship(order: str) -> str:
    ran.append(order)
    if order == "broken":
        raise ValueError("no such order")
    return f"shipped {order}"


@flow
def shipping(order: str) -> str:
    kitaru.log(carrier=f"{order} line")
    return ship(order)


@flow
def invoicing(order: str) -> str:
    return ship(order)


def test_a_key_has_one_execution(client: KitaruClient, unique: str) -> None:
    first = shipping.run(unique, key=unique)
    again = shipping.run("another", key=unique)
    copied = shipping.with_options(key=unique).run("a third")

    assert first.exec_id == again.exec_id == copied.exec_id
    assert again.wait() == f"shipped {unique}"
    assert ran.count("another") == 0
    assert client.executions.get(first.exec_id).key == unique


def test_a_key_of_another_flow_is_refused(client: KitaruClient, unique: str) -> None:
    first = shipping.run("a", key=unique)

    with pytest.raises(
        KitaruUsageError, match=f"{first.exec_id[:8]} of flow 'shipping'; flow 'invo"
    ):
        invoicing.run("b", key=unique)

    assert client.executions.list(flow="invoicing", where={"x": unique}) == []


def test_keys_that_differ_in_case_are_two(unique: str) -> None:
    one, other = shipping.run("a", key=unique), shipping.run("a", key=unique.upper())

    assert one.exec_id != other.exec_id


def test_a_key_of_several_threads_at_once_starts_one(unique: str) -> None:
    at_once = Barrier(4)

    def start() -> str:
        at_once.wait()
        return shipping.run(unique, key=unique).exec_id

    with ThreadPoolExecutor(4) as threads:
        # Which engine this is stands in the context.
        started = [threads.submit(copy_context().run, start) for _ in range(4)]
        ids = {one.result() for one in started}

    assert len(ids) == 1
    assert ran.count(unique) == 1


def test_executions_are_listed_by_what_they_are_found_by(
    client: KitaruClient, unique: str
) -> None:
    tagged = shipping.with_options(tags=["nightly", unique])
    first = tagged.run("a", attributes={"customer": "a", "n": 1}).exec_id
    second = tagged.run("b", tags=["big"], attributes={"customer": "b"}).exec_id
    broken = tagged.run("broken", attributes={"ok": True}).exec_id

    def found(**filters: Any) -> list[str]:
        return [e.exec_id for e in client.executions.list(tags=[unique], **filters)]

    assert found() == [broken, second, first]
    assert [e.exec_id for e in client.executions.list(tags=[unique, "big"])] == [second]
    assert found(where={"customer": "a"}) == [first]
    assert found(where={"customer": "a", "n": 1}) == [first]
    assert found(where={"n": "1"}) == [first]
    assert found(where={"customer": "a", "n": 2}) == []
    assert found(where={"ok": True}) == found(where={"ok": "true"}) == [broken]
    assert found(failed_in="ship") == [broken]
    assert found(failed_in="shi") == []
    assert found(status="completed", since=timedelta(hours=1)) == [second, first]
    assert found(since=datetime.now(UTC) + timedelta(hours=1)) == []
    assert found(failed_in="ship", page=2, size=1) == []
    shown = client.executions.get(second)
    assert shown.metadata == {"carrier": "b line"}
    assert found(where={"carrier": "b line"}) == [second]
    assert (shown.tags, shown.attributes, shown.key) == (
        ("nightly", unique, "big"),
        {"customer": "b"},
        None,
    )


def test_a_replay_keeps_tags_and_attributes_and_has_no_key(
    client: KitaruClient, unique: str
) -> None:
    source = shipping.run("a", key=unique, tags=["x"], attributes={"customer": "a"})

    replay = shipping.replay(source.exec_id, from_="ship", attributes={"n": 2})

    shown = client.executions.get(replay.exec_id)
    assert (shown.key, shown.tags) == (None, ("x",))
    assert shown.attributes == {"customer": "a", "n": 2}
    with pytest.raises(KitaruUsageError, match="a replay takes no key"):
        shipping.replay(source.exec_id, from_="ship", key=unique)


def test_the_command_lists_by_them(unique: str) -> None:
    one = shipping.run("a", tags=[unique], attributes={"customer": "a=b"}).exec_id

    by_attribute = ["--where", "customer=a=b", "--since", "1h", "-o", "json"]
    listed = CliRunner().invoke(
        app, ["executions", "list", "--tag", unique, *by_attribute]
    )

    assert [e["exec_id"] for e in json.loads(listed.output)["items"]] == [one]


@pytest.mark.shared_rule("start", "told")
@pytest.mark.parametrize(
    ("start", "told"),
    [
        (lambda: shipping.run("a", key=" "), "key must be a text of at most 250"),
        (lambda: shipping.run("a", tags="nightly"), "tags must be a list of texts"),
        (lambda: shipping.run("a", tags=["kitaru"]), "not 'kitaru'"),
        (lambda: shipping.run("a", tags=[str(uuid.uuid4())]), "no ids"),
        (lambda: shipping.run("a", attributes={"a:b": 1}), "attributes must be a"),
        (lambda: shipping.run("a", attributes={"a": [1]}), "attributes must be a"),
        (lambda: shipping.with_options(tag=["a"]), "did you mean 'tags'"),
        (lambda: shipping.run("a", tagz=["a"]), "did you mean 'tags'"),
        (lambda: KitaruClient().executions.list(since="soon"), "since must be a span"),
        (
            lambda: KitaruClient().executions.list(since=datetime(2026, 1, 1)),
            "since has no time zone",
        ),
        (
            lambda: KitaruClient().executions.list(failed_in="ship", status="waiting"),
            "asks for failed executions",
        ),
    ],
)
def test_what_means_nothing_is_refused(start: Callable[[], object], told: str) -> None:
    with pytest.raises(KitaruUsageError, match=told):
        start()
