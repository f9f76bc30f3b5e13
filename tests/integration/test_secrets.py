"""Secrets in ZenML's store, and nowhere else."""

from __future__ import annotations

import logging
import sqlite3
import traceback
from contextlib import closing
from pathlib import Path

import pytest
from zenml.client import Client

from kitaru import (
    KitaruClient,
    checkpoint,
    create_secret,
    delete_secret,
    flow,
    get_secret,
    log,
    wait,
)
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru._ops import secrets
from kitaru.errors import KitaruBackendError, KitaruUsageError
from tests.support.leaks import find_leaks

VALUE = "hunter2-zq8-not-for-your-eyes"


@checkpoint
def calls_service(question: str) -> str:
    secret = get_secret("service")
    password = secret["PASSWORD"]
    print("asking with", secret)
    logging.getLogger("agent").warning("using %r", secret)
    if not password.startswith("hunter2"):
        return "never"
    raise ConnectionError(f"the service refused {question}")


@flow
def asks_service(question: object) -> str:
    whole = get_secret("service").values
    assert whole
    return calls_service(question)


@flow
def recovers(question: str) -> bool:
    secret = get_secret("service")
    try:
        calls_service(question)
    except ConnectionError:
        wait(schema=None, name=f"look_at_{secret.name}", timeout=0)
    return True


@checkpoint(runtime="isolated")
def makes_a_secret() -> None:
    known = "zq9-known-over-there-only"
    create_secret("elsewhere", {"WORD": known})
    print("made", known)
    log(made=known)


@flow
def makes_one_elsewhere() -> None:
    makes_a_secret()


def test_what_only_an_isolated_checkpoint_knows_is_hidden_in_the_flow_as_well(
    client: KitaruClient,
) -> None:
    exec_id = makes_one_elsewhere.run().exec_id

    (entry,) = client.executions.logs(exec_id)
    assert entry.message == "made ***"
    (call,) = client.executions.get(exec_id).checkpoints
    assert call.metadata == {"made": "***"}


def test_a_failing_flow_with_a_secret_in_scope_leaves_it_nowhere(
    client: KitaruClient, config: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    create_secret("service", {"PASSWORD": VALUE})

    handle = asks_service.run("who?")
    other = recovers.run("what?")
    execution = client.executions.get(handle.exec_id)

    shown = capfd.readouterr()
    said = [shown.out, shown.err, execution.model_dump_json()]
    said += [client.executions.get(other.exec_id).model_dump_json()]
    said += [entry.message for entry in client.executions.logs(handle.exec_id)]
    said.append(repr(handle))
    assert execution.failure is not None
    assert "the service refused" in execution.failure.message
    assert "asking with" in shown.out
    assert VALUE not in "\n".join(said)
    assert find_leaks(config, VALUE) == []


@checkpoint
def careless(answer: str) -> str:
    password = get_secret("service")["PASSWORD"]
    print("the password is", password)
    logging.getLogger("agent").warning("using %s", password)
    log(password=password, nested={"list": [f"Bearer {password}"]})
    raise ConnectionError(f"refused with {password}", {"headers": password})


@flow
def quotes_it(ask: bool) -> str:
    password = get_secret("service")["PASSWORD"]
    log(also=f"here: {password}")
    print("in the flow:", password)
    if ask:
        wait(name="ask", question=f"Is {password} right?", timeout=0)
    return careless("yes")


def test_what_careless_code_says_of_a_secret_is_masked_where_it_is_kept(
    client: KitaruClient, config: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    create_secret("service", {"PASSWORD": VALUE})

    handles = [quotes_it.run(True), quotes_it.run(False)]
    waiting, failed = (client.executions.get(handle.exec_id) for handle in handles)

    said = [waiting.model_dump_json(), failed.model_dump_json()]
    for handle in handles:
        said += [entry.message for entry in client.executions.logs(handle.exec_id)]
    assert failed.failure is not None
    assert "refused with ***" in failed.failure.message
    assert failed.checkpoints[0].metadata["nested"] == {"list": ["Bearer ***"]}
    assert failed.metadata["also"] == "here: ***"
    assert waiting.pending_wait is not None
    assert waiting.pending_wait.question == "Is *** right?"
    assert VALUE not in "\n".join(said)
    # What user code prints on its own terminal is its own; Kitaru's lines are masked.
    assert "✗   careless  ConnectionError" in capfd.readouterr().err.replace(VALUE, "")
    assert find_leaks(config, VALUE) == []


def test_the_search_for_leaks_finds_them(client: KitaruClient, config: Path) -> None:
    create_secret("service", {"PASSWORD": VALUE})
    (config / "note").write_text(f"x {VALUE}")
    (store,) = config.rglob("zenml.db")
    with closing(sqlite3.connect(store)) as db, db:
        db.execute("UPDATE project SET description = ?", (VALUE,))

    found = find_leaks(config, VALUE)

    assert {place.partition(":")[0] for place in found} >= {"note", "project"}


def test_a_flow_cannot_take_a_secret_as_input(
    client: KitaruClient, config: Path
) -> None:
    create_secret("service", {"PASSWORD": VALUE})

    with pytest.raises(KitaruUsageError, match=r"get_secret\('service'\)"):
        asks_service.run(get_secret("service"))

    assert client.executions.list() == []
    assert find_leaks(config, VALUE) == []


def test_zenml_sees_the_same_secret(engine: ZenMLEngine) -> None:
    info = create_secret("service", {"PASSWORD": VALUE, "USER": "bob"}, private=True)

    found = Client().get_secret("service")

    assert str(found.id) == info.secret_id
    assert found.private
    assert found.secret_values == {"PASSWORD": VALUE, "USER": "bob"}
    assert info.keys == ("PASSWORD", "USER")


def test_names_are_exact(engine: ZenMLEngine) -> None:
    create_secret("service", {"PASSWORD": VALUE})

    for name in ("serv", "SERVICE", "service2"):
        with pytest.raises(KitaruUsageError, match="no secret"):
            get_secret(name)
        with pytest.raises(KitaruUsageError, match="no secret"):
            delete_secret(name)
    with pytest.raises(KitaruUsageError, match="did you mean 'service'"):
        get_secret("servic")

    assert get_secret("service")["PASSWORD"] == VALUE


def test_putting_adds_and_replaces_keys(engine: ZenMLEngine) -> None:
    secrets.put("service", {"USER": "bob", "PASSWORD": "old"})

    info, is_new = secrets.put("service", {"PASSWORD": VALUE})

    assert (info.keys, is_new) == (("PASSWORD", "USER"), False)
    assert get_secret("service").values == {"USER": "bob", "PASSWORD": VALUE}


def test_pages_of_secrets_go_by_name(engine: ZenMLEngine) -> None:
    for name in ("c", "a", "b"):
        create_secret(name, {"K": VALUE})

    first = secrets.find(page=1, size=2)
    second = secrets.find(page=2, size=2)

    assert [item.name for item in (*first.items, *second.items)] == ["a", "b", "c"]
    assert (first.total, first.items[0].keys) == (3, None)


def test_a_broken_store_says_so_without_the_value(
    engine: ZenMLEngine, config: Path
) -> None:
    (store,) = config.rglob("zenml.db")
    with closing(sqlite3.connect(store)) as db, db:
        db.execute(
            "CREATE TRIGGER refuse BEFORE UPDATE ON secret "
            "BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )

    with pytest.raises(KitaruBackendError, match="creating secret 'service'") as caught:
        create_secret("service", {"PASSWORD": VALUE})

    shown = "".join(traceback.format_exception(caught.value))
    assert VALUE not in shown
    assert "parameters" not in shown
    assert caught.value.__context__ is None
