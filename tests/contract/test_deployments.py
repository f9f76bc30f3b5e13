"""Deployed versions: numbers, tags, and executions of them, the same on every engine."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kitaru._engine.port.engine import Engine
from kitaru._ops import deployments
from kitaru.client import KitaruClient
from kitaru.errors import KitaruUsageError
from kitaru.models import Deployment
from tests.support.polling import eventually

CODE = """
from pydantic import BaseModel
import kitaru

class Wish(BaseModel):
    topic: str
    depth: int = 1

@kitaru.checkpoint
def gather(wish: Wish) -> str:
    return f"{wish.topic} {wish.depth}"

@kitaru.flow
def NAME(wish: Wish, loud: bool = False) -> str:
    found = gather(wish)
    kitaru.wait(name="gate", timeout=0)
    return found.upper() if loud else found
"""
_names = (f"deployed_{number}" for number in itertools.count())

Deploy = Callable[..., Deployment]


@pytest.fixture
def flow() -> str:
    """The stores of these tests are shared; a flow of each is not."""
    return next(_names)


@pytest.fixture
def deploy(engine: Engine, flow: str, tmp_path: Path) -> Deploy:
    file = tmp_path / f"{flow}.py"
    file.write_text(CODE.replace("NAME", flow))

    def made(*tags: str, code: str = "") -> Deployment:
        file.write_text(file.read_text() + code)
        target = f"{file.name}:{flow}"
        return deployments.deploy(target, project=tmp_path, tags=tags).deployment

    return made


def known(client: KitaruClient, flow: str) -> dict[int, tuple[str, ...]]:
    return {one.version: one.tags for one in client.deployments.list(flow=flow)}


def test_versions_are_numbered_and_the_newest_is_the_default_one(
    deploy: Deploy, client: KitaruClient, flow: str
) -> None:
    first, second = deploy("staging"), deploy(code="# changed\n")

    assert (first.version, first.tags) == (1, ("default", "staging"))
    assert known(client, flow) == {2: ("default",), 1: ("staging",)}
    assert client.deployments.get(flow=flow) == second
    assert client.deployments.get(flow=flow, tag="staging").version == 1
    assert (second.code != first.code, second.same_code_as) == (True, None)


def test_unchanged_code_is_said_to_be_that_of_an_earlier_version(
    deploy: Deploy, client: KitaruClient, flow: str
) -> None:
    first, again = deploy(), deploy()

    assert (again.version, again.code, again.same_code_as) == (2, first.code, 1)


def test_a_rollback_moves_default_and_no_number_is_used_twice(
    deploy: Deploy, client: KitaruClient, flow: str
) -> None:
    deploy(), deploy(), deploy()

    client.deployments.tag(flow=flow, version=1, tag="default")
    client.deployments.delete(flow=flow, version=3)
    client.deployments.delete(flow=flow, version=2)

    assert known(client, flow) == {1: ("default",)}
    with pytest.raises(KitaruUsageError, match=r"version 3 of flow .* was deleted"):
        client.deployments.get(flow=flow, version=3)
    assert deploy().version == 4
    assert known(client, flow) == {4: ("default",), 1: ()}


def test_a_tag_is_on_several_versions_unless_it_is_exclusive(
    deploy: Deploy, client: KitaruClient, flow: str
) -> None:
    deploy(), deploy()
    for version in (1, 2):
        client.deployments.tag(flow=flow, version=version, tag="canary")

    with pytest.raises(KitaruUsageError, match="'canary' is on versions 1 and 2"):
        client.deployments.invoke(flow=flow, tag="canary", inputs={})

    client.deployments.tag(flow=flow, version=1, tag="canary", exclusive=True)
    assert known(client, flow) == {2: ("default",), 1: ("canary",)}
    client.deployments.untag(flow=flow, tag="canary", version=1)
    assert known(client, flow) == {2: ("default",), 1: ()}


REFUSED: dict[str, dict[str, Any]] = {
    "version 7 of flow '.*' is not there; known: 1": {"version": 7},
    "version 0 is not possible": {"version": 0},
    "has the tag 'stagng'; did you mean 'staging'": {"tag": "stagng"},
    "tag 'a b' is not possible": {"tag": "a b"},
    "use one of them": {"version": 1, "tag": "staging"},
    "wish is missing; nothing was started": {"inputs": {}},
    "wish.topic must be a string, got 3": {"inputs": {"wish": {"topic": 3}}},
    "no input 'lod', did you mean": {"inputs": {"wish": {"topic": "x"}, "lod": 1}},
    "key must be a text": {"inputs": {"wish": {"topic": "x"}}, "key": ""},
    "tags must be a list": {"inputs": {"wish": {"topic": "x"}}, "tags": ["kitaru"]},
    "attributes must be": {
        "inputs": {"wish": {"topic": "x"}},
        "attributes": {"a b": 1},
    },
    "budget.* 'eur'": {"inputs": {"wish": {"topic": "x"}}, "budget": {"eur": 1}},
}


def test_what_cannot_be_invoked_starts_nothing(
    deploy: Deploy, client: KitaruClient, flow: str
) -> None:
    deploy("staging")

    for said, wanted in REFUSED.items():
        with pytest.raises(KitaruUsageError, match=said):
            client.deployments.invoke(flow=flow, **wanted)

    assert client.executions.list(flow=flow) == []


def test_a_flow_that_is_not_deployed_is_answered_with_one_that_is(
    deploy: Deploy, client: KitaruClient, flow: str
) -> None:
    deploy()

    with pytest.raises(KitaruUsageError, match=f"did you mean .*'{flow}'"):
        client.deployments.get(flow=f"{flow}x")


def test_default_moves_and_is_never_taken_away(
    deploy: Deploy, client: KitaruClient, flow: str
) -> None:
    deploy()

    with pytest.raises(KitaruUsageError, match="only moved"):
        client.deployments.untag(flow=flow, tag="default")
    with pytest.raises(KitaruUsageError, match="reserved"):
        client.deployments.tag(flow=flow, version=1, tag="kitaru-version")


def test_an_execution_runs_its_version_whatever_becomes_of_the_folder(
    deploy: Deploy, client: KitaruClient, flow: str, tmp_path: Path
) -> None:
    deploy()
    deploy(code="gather = None\n")
    (tmp_path / f"{flow}.py").unlink()

    started = client.deployments.invoke(
        flow=flow, version=1, inputs={"wish": {"topic": "tides"}, "loud": True}
    )
    waits = eventually(
        lambda: client.executions.pending_waits(started.exec_id), what="the question"
    )
    client.executions.input(started.exec_id, wait=waits[0].wait_id)
    done = eventually(
        lambda: (
            (found := client.executions.get(started.exec_id)).status == "completed"
            and found
        ),
        what="the end",
    )

    assert (done.version, done.result) == (1, "TIDES 1")
    assert done.inputs == {"wish": {"topic": "tides"}, "loud": True}
    of_it = deployments.executions_of(flow=flow, version=1)
    assert [one.exec_id for one in of_it.items] == [started.exec_id]
    assert deployments.executions_of(flow=flow, version=2).items == ()


def test_a_key_has_one_execution_which_is_found_by_its_labels(
    deploy: Deploy, client: KitaruClient, flow: str
) -> None:
    deploy(), deploy()
    wanted: dict[str, Any] = {
        "inputs": {"wish": {"topic": "tides"}},
        "key": f"order of {flow}",
        "tags": ["nightly"],
        "attributes": {"customer": flow},
        "budget": {"usd": 2},
    }

    first = client.deployments.invoke(flow=flow, version=1, **wanted)
    again = client.deployments.invoke(flow=flow, **wanted)

    assert (again.exec_id, again.version) == (first.exec_id, 1)
    assert (first.key, first.tags) == (wanted["key"], ("nightly",))
    assert first.attributes == wanted["attributes"]
    assert first.budget is not None
    assert first.budget.usd == 2
    (found,) = client.executions.list(tags=["nightly"], where={"customer": flow})
    assert found.exec_id == first.exec_id
