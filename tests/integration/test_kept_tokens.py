"""An API key is exchanged once for many processes, and again when its token is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from kitaru import KitaruClient
from tests.support.in_process import forget_store
from tests.support.server import RunningServer

pytestmark = pytest.mark.zenml


@contextmanager
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collect the paths of requests with the statuses of their answers."""
    found: list[str] = []
    send = requests.Session.send

    def noting(
        session: requests.Session, request: requests.PreparedRequest, **how: Any
    ) -> requests.Response:
        answer = send(session, request, **how)
        path = str(request.path_url).partition("?")[0].removeprefix("/api/v1")
        found.append(f"{path} {answer.status_code}")
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(requests.Session, "send", noting)
        yield found


def listed_anew() -> None:
    """List executions as a new process does."""
    forget_store()
    KitaruClient().executions.list(size=1)


def test_one_exchange_will_do_until_the_token_is_refused(
    config: Path, zenml_server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITARU_SERVER_URL", zenml_server.url)
    monkeypatch.setenv("KITARU_AUTH_TOKEN", zenml_server.api_key)

    with asked(monkeypatch) as first:
        listed_anew()
    with asked(monkeypatch) as second:
        listed_anew()
    (file,) = (config / "kitaru" / "server" / "tokens").iterdir()
    said = json.loads(file.read_text())
    file.write_text(json.dumps(said | {"token": "not.a.token"}))
    with asked(monkeypatch) as third:
        listed_anew()

    assert first.count("/login 200") == 1
    assert not [one for one in second if "/login" in one or "401" in one]
    assert third.count("/login 200") == 1
    assert len([one for one in third if "401" in one]) == 1
    assert json.loads(file.read_text())["token"] not in ("not.a.token", said["token"])


def test_where_zenml_may_not_keep_credentials_neither_do_we(
    config: Path, zenml_server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITARU_SERVER_URL", zenml_server.url)
    monkeypatch.setenv("KITARU_AUTH_TOKEN", zenml_server.api_key)
    monkeypatch.setenv("ZENML_DISABLE_CREDENTIALS_DISK_CACHING", "true")

    with asked(monkeypatch) as found:
        listed_anew()

    assert found.count("/login 200") == 1
    assert not (config / "kitaru" / "server" / "tokens").exists()
