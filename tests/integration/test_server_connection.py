"""`connect()`, `KitaruClient(server_url=...)` and the environment, on a real server."""

from __future__ import annotations

import json
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from kitaru import (
    KitaruBackendError,
    KitaruClient,
    KitaruError,
    KitaruStateError,
    KitaruUsageError,
    checkpoint,
    connect,
    flow,
    wait,
)
from kitaru._ops import connection
from tests.support.in_process import forget_store
from tests.support.polling import DEADLINE
from tests.support.server import RunningServer, free_port


@checkpoint
def doubled(number: int) -> int:
    return number * 2


@flow
def doubling(number: int) -> int:
    return doubled(number)


@flow
def asking() -> str:
    return f"said {wait(schema=bool, name='ok', timeout=0)}"


@flow
def connecting_inside(url: str) -> str:
    with pytest.raises(KitaruStateError, match="runs in this process"):
        connect(url)
    return "refused"


def stored(config: Path) -> dict[str, bytes]:
    """Return the files that hold the login."""
    names = ("config.yaml", "credentials.yaml")
    return {n: (config / n).read_bytes() for n in names if (config / n).exists()}


def holding(folder: Path, secrets: tuple[str, ...]) -> list[str]:
    """Return the files under a folder that hold a secret."""
    return [
        str(file)
        for file in folder.rglob("*")
        if file.is_file() and any(s.encode() in file.read_bytes() for s in secrets)
    ]


@contextmanager
def answering(body: object) -> Iterator[str]:
    """Run a web server that answers everything with one JSON value."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def silent() -> Iterator[str]:
    """Listen, and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_client_with_a_server_works_beside_the_local_store(
    config: Path, zenml_server: RunningServer
) -> None:
    here = doubling.run(1).exec_id
    before = stored(config)

    there = KitaruClient(server_url=zenml_server.url, auth_token=zenml_server.api_key)

    assert here not in [e.exec_id for e in there.executions.list()]
    assert here in [e.exec_id for e in KitaruClient().executions.list()]
    assert doubling.run(2).exec_id in [
        e.exec_id for e in KitaruClient().executions.list()
    ]
    assert stored(config) == before


def test_a_client_reads_values_and_logs_where_it_found_them(
    config: Path, zenml_server: RunningServer
) -> None:
    connect(zenml_server.url, api_key=zenml_server.api_key)
    exec_id = doubling.run(21).exec_id
    connection.logout()

    there = KitaruClient(server_url=zenml_server.url, auth_token=zenml_server.token)

    values = [found.load() for found in there.artifacts.list(exec_id, name="doubled")]
    assert values == [42]
    assert "doubled" in "".join(
        line.message for line in there.executions.logs(exec_id, source="all")
    )
    with pytest.raises(KitaruUsageError, match="no execution"):
        KitaruClient().executions.get(exec_id)


def test_connect_stores_the_login_for_this_and_later_processes(
    config: Path, zenml_server: RunningServer
) -> None:
    joined = connect(zenml_server.url + "/", api_key=zenml_server.api_key)

    assert (joined.kind, joined.url) == ("server", zenml_server.url)
    assert (joined.user, joined.project) == ("robot", "default")
    exec_id = doubling.run(3).exec_id
    # As a later process: nothing in memory.
    forget_store()
    assert KitaruClient().executions.get(exec_id).status.value == "completed"
    assert connection.current().chosen_by == "login"
    mode = (config / "credentials.yaml").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_password_is_never_stored(config: Path, zenml_server: RunningServer) -> None:
    joined = connection.login(
        zenml_server.url, user=zenml_server.user, password=zenml_server.password
    )

    assert joined.user == zenml_server.user
    assert holding(config, (zenml_server.password,)) == []
    assert connection.auth_token()


def test_logout_leaves_no_secret_on_the_disk(
    config: Path, zenml_server: RunningServer
) -> None:
    connect(zenml_server.url, api_key=zenml_server.api_key)
    exec_id = doubling.run(4).exec_id
    assert holding(config, (zenml_server.api_key,))

    done = connection.logout()

    assert done.left_server == zenml_server.url
    assert connection.current().kind == "local"
    assert holding(config.parent, zenml_server.secrets) == []
    with pytest.raises(KitaruUsageError):
        KitaruClient().executions.get(exec_id)


def test_a_checkpoint_asks_the_server_nothing_and_a_page_asks_once(
    config: Path, zenml_server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(zenml_server.url, api_key=zenml_server.api_key)
    asked: list[str] = []
    mine, send = threading.get_ident(), requests.Session.send

    def counted(session: Any, request: Any, **kwargs: Any) -> Any:
        if threading.get_ident() == mine:
            asked.append(f"{request.method} {request.path_url}")
        return send(session, request, **kwargs)

    @flow
    def twice(number: int) -> tuple[int, int]:
        before = len(asked)
        first = len(asked) - before + 0 * doubled(number)
        return first, len(asked) - before

    monkeypatch.setattr(requests.Session, "send", counted)
    twice.run(1)

    asked.clear()
    assert twice.run(1).get() == (0, 0)
    start = list(asked)
    asked.clear()
    KitaruClient().executions.list()
    page = list(asked)

    assert len(start) < 40, start
    assert len(page) == 1, page


def test_a_wait_is_answered_through_the_server(
    config: Path, zenml_server: RunningServer
) -> None:
    connect(zenml_server.url, api_key=zenml_server.api_key)
    handle = asking.run()
    assert handle.status.value == "waiting"

    other = KitaruClient(server_url=zenml_server.url, auth_token=zenml_server.token)

    assert [w.name for w in other.executions.pending_waits(handle.exec_id)] == ["ok"]
    with pytest.raises(KitaruUsageError, match="boolean"):
        other.executions.input(handle.exec_id, value="perhaps")
    other.executions.input(handle.exec_id, value=True)
    assert handle.wait(timeout=DEADLINE) == "said True"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param({"api_key": "ZENKEY_wrong"}, "refused the API key", id="key"),
        pytest.param({"api_key": "wrong-token"}, "refused the token", id="token"),
        pytest.param({}, "asks for credentials", id="none"),
        pytest.param({"project": "nope"}, "no project 'nope'.*default", id="project"),
        pytest.param(
            {"server_url": f"http://127.0.0.1:{free_port()}"}, "no server", id="nobody"
        ),
        pytest.param(
            {"server_url": "http://no-such-host.invalid"}, "no server", id="no host"
        ),
    ],
)
def test_a_failing_connect_says_why_and_changes_nothing(
    config: Path,
    zenml_server: RunningServer,
    arguments: dict[str, Any],
    says: str,
) -> None:
    doubling.run(5)
    before = stored(config)
    call = {"server_url": zenml_server.url, **arguments}
    if "project" in arguments:
        call["api_key"] = zenml_server.api_key
    begun = time.monotonic()

    with pytest.raises(KitaruBackendError, match=says) as caught:
        connect(**call)

    assert time.monotonic() - begun < DEADLINE
    assert "wrong" not in str(caught.value)
    assert stored(config).get("config.yaml") == before["config.yaml"]
    assert holding(config, zenml_server.secrets) == []
    assert doubling.run(6).wait() == 12
    assert connection.current().kind == "local"


@pytest.mark.parametrize(
    ("place", "patience", "says"),
    [
        pytest.param(
            lambda: answering({"id": _ID, "version": "0.50.1"}),
            DEADLINE,
            "runs ZenML 0.50.1, this environment has",
            id="version",
        ),
        pytest.param(
            lambda: answering(["hello"]), DEADLINE, "not as a ZenML server", id="other"
        ),
        pytest.param(silent, 0.3, "did not answer within 0.3 s", id="silent"),
    ],
)
def test_what_is_no_fitting_server_is_named(
    config: Path, place: Callable[[], Any], patience: float, says: str
) -> None:
    with place() as url, pytest.raises(KitaruBackendError, match=says):
        connect(url, api_key="ZENKEY_any", timeout=patience)


_ID = "d32d3c7c-2480-4f30-93d3-7527949a4344"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param({"server_url": "ftp://host"}, "not the URL of a server", id="ftp"),
        pytest.param(
            {"server_url": "https://me:s3cret@host"}, "must not hold", id="password"
        ),
        pytest.param({"server_url": "http://host:x"}, "not valid", id="port"),
        pytest.param({"server_url": " "}, "must not be empty", id="empty"),
        pytest.param({"timeout": 0}, "more than 0", id="timeout"),
        pytest.param({"api_key": " "}, "must not be empty", id="blank key"),
        pytest.param({"ssl_ca_cert": "/no/such"}, "cannot be read", id="certificate"),
        pytest.param(
            {"ssl_ca_cert": "/x", "no_verify_ssl": True}, "exclude", id="both"
        ),
    ],
)
def test_arguments_that_cannot_be_right_are_refused(
    config: Path, arguments: dict[str, Any], says: str
) -> None:
    with pytest.raises(KitaruUsageError, match=says) as caught:
        connect(**{"server_url": "http://127.0.0.1:9", **arguments})

    assert "s3cret" not in str(caught.value)


def test_the_environment_counts_more_than_the_login_and_less_than_arguments(
    config: Path, zenml_server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored(config)
    monkeypatch.setenv("KITARU_SERVER_URL", zenml_server.url)
    monkeypatch.setenv("KITARU_AUTH_TOKEN", zenml_server.api_key)

    exec_id = doubling.run(7).exec_id

    assert connection.current().chosen_by == "KITARU_SERVER_URL"
    assert holding(config, zenml_server.secrets) == []
    # ZenML makes an empty file of credentials at most.
    assert stored(config)["config.yaml"] == before["config.yaml"]
    monkeypatch.setenv("KITARU_SERVER_URL", "http://127.0.0.1:9")
    there = KitaruClient(server_url=zenml_server.url, auth_token=zenml_server.api_key)
    assert there.executions.get(exec_id).status.value == "completed"
    forget_store()
    with pytest.raises(KitaruBackendError, match=r"no server at http://127.0.0.1:9"):
        KitaruClient().executions.list()
    monkeypatch.delenv("KITARU_SERVER_URL")
    monkeypatch.delenv("KITARU_AUTH_TOKEN")
    assert connection.current().kind == "local"


def test_connect_counts_more_than_the_environment_in_its_process(
    config: Path, zenml_server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITARU_SERVER_URL", "http://127.0.0.1:9")

    joined = connect(zenml_server.url, api_key=zenml_server.api_key)

    assert joined.url == zenml_server.url
    handle = asking.run()
    # The process that goes on is told where, too.
    KitaruClient().executions.input(handle.exec_id, value=False)
    assert handle.wait(timeout=DEADLINE) == "said False"


def test_a_project_is_chosen_for_this_process_only(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zenml.client import Client

    KitaruClient().executions.list()
    Client().create_project("research", description="")
    before = stored(config)

    monkeypatch.setenv("KITARU_PROJECT", "research")
    forget_store()
    there = doubling.run(8).exec_id

    assert connection.current().project == "research"
    default = KitaruClient(project="default")
    assert there not in [e.exec_id for e in default.executions.list()]
    assert there in [e.exec_id for e in KitaruClient().executions.list()]
    assert stored(config) == before
    monkeypatch.setenv("KITARU_PROJECT", "reserch")
    forget_store()
    with pytest.raises(KitaruUsageError, match="did you mean 'research'"):
        KitaruClient().executions.list()


def test_a_token_without_a_server_is_refused(config: Path) -> None:
    with pytest.raises(KitaruUsageError, match="a token is for a server"):
        KitaruClient(auth_token="something")


def test_connecting_while_an_execution_runs_is_refused(
    config: Path, zenml_server: RunningServer
) -> None:
    assert connecting_inside.run(zenml_server.url).wait() == "refused"


def test_accounts_need_a_server(config: Path) -> None:
    with pytest.raises(KitaruStateError, match="kitaru login"):
        KitaruClient().auth.service_accounts.list()


def test_a_key_is_told_once_and_opens_the_server_until_it_is_rotated(
    config: Path, zenml_server: RunningServer
) -> None:
    auth = KitaruClient(server_url=zenml_server.url, auth_token=zenml_server.token).auth
    auth.service_accounts.create("builder", description="builds")

    made = auth.api_keys.create("builder", "ci")

    assert made.key not in repr(made)
    read = auth.api_keys.get("builder", "ci")
    assert "key" not in read.model_dump()
    assert [k.name for k in auth.api_keys.list("builder")] == ["ci"]
    KitaruClient(server_url=zenml_server.url, auth_token=made.key)
    rotated = auth.api_keys.rotate("builder", "ci")
    assert rotated.key != made.key
    with pytest.raises(KitaruBackendError, match="refused the API key"):
        KitaruClient(server_url=zenml_server.url, auth_token=made.key)
    auth.api_keys.update("builder", "ci", active=False)
    with pytest.raises(KitaruBackendError, match="refused the API key"):
        KitaruClient(server_url=zenml_server.url, auth_token=rotated.key)
    auth.api_keys.delete("builder", "ci")
    assert auth.api_keys.list("builder") == []


def test_service_accounts_are_created_changed_and_deleted(
    config: Path, zenml_server: RunningServer
) -> None:
    accounts = KitaruClient(
        server_url=zenml_server.url, auth_token=zenml_server.token
    ).auth.service_accounts

    made = accounts.create("mover", description="moves")

    assert accounts.get(made.account_id) == accounts.get("mover") == made
    changed = accounts.update("mover", name="shaker", active=False)
    assert (changed.name, changed.active) == ("shaker", False)
    assert "shaker" in [account.name for account in accounts.list()]
    accounts.delete("shaker")
    assert "shaker" not in [account.name for account in accounts.list()]


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        pytest.param(
            lambda a: a.service_accounts.get("no"), KitaruUsageError, id="get"
        ),
        pytest.param(
            lambda a: a.service_accounts.create("robot"), KitaruStateError, id="taken"
        ),
        pytest.param(
            lambda a: a.service_accounts.create(" "), KitaruUsageError, id="unnamed"
        ),
        pytest.param(
            lambda a: a.service_accounts.update("robot"), KitaruUsageError, id="as is"
        ),
        pytest.param(lambda a: a.api_keys.list("no"), KitaruUsageError, id="keys of"),
        pytest.param(
            lambda a: a.api_keys.get("robot", "no"), KitaruUsageError, id="key"
        ),
        pytest.param(
            lambda a: a.api_keys.create("robot", "first"), KitaruStateError, id="twice"
        ),
        pytest.param(
            lambda a: a.api_keys.rotate("robot", "first", keep_minutes=-1),
            KitaruUsageError,
            id="past",
        ),
        pytest.param(
            lambda a: a.service_accounts.list(size=0), KitaruUsageError, id="size"
        ),
    ],
)
def test_impossible_requests_for_accounts_are_named(
    config: Path,
    zenml_server: RunningServer,
    ask: Callable[[Any], object],
    error: type[KitaruError],
) -> None:
    client = KitaruClient(server_url=zenml_server.url, auth_token=zenml_server.token)

    with pytest.raises(error):
        ask(client.auth)
