"""Webhooks are told of waits: signed, at least once, by whoever lives."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import kitaru
from kitaru import KitaruClient, flow
from kitaru._engine.memory.engine import MemoryEngine
from kitaru._engine.port.engine import Engine
from kitaru._engine.runners import delivery
from kitaru.errors import KitaruUsageError
from tests.support.polling import DEADLINE


class Receiver:
    """A webhook that can refuse, hang, die and come back."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.asked = threading.Event()
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def start(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["content-length"]))
                receiver.asked.set()
                receiver.goes_on.wait(DEADLINE)
                if receiver.status < 300:
                    told = {name.lower(): value for name, value in self.headers.items()}
                    receiver.got.append((told, content))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def die(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def events(self) -> list[tuple[str, Any]]:
        bodies = [json.loads(content) for _, content in self.got]
        return [(body["type"], body["data"].get("answer")) for body in bodies]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.goes_on.set()
    made.die()


def _asking(url: str, secret: str | None = None) -> Any:
    notify = {"webhook": url, "secret": secret} if secret else url

    @flow
    def asking() -> bool:
        return bool(
            kitaru.wait(
                schema=bool, name="ok", question="OK?", timeout=0, notify=notify
            )
        )

    return asking


def _try_again(engine: Engine) -> None:
    """Let the pause after a failed try be over."""
    if isinstance(engine, MemoryEngine):
        engine.notices.not_before.clear()
    else:
        journal: Any = engine.journal  # type: ignore[attr-defined]  # theirs have one
        with journal.transaction() as db:
            db.execute("UPDATE due SET at = 1 WHERE kind = 'notice'")
    delivery.deliver(engine)


def test_a_webhook_is_told_that_a_wait_opens_and_is_answered(
    client: KitaruClient, receiver: Receiver
) -> None:
    handle = _asking(receiver.url).run()
    assert receiver.events() == [("wait.opened", None)]

    client.executions.input(handle.exec_id, value=True)

    assert handle.wait() is True
    assert receiver.events() == [("wait.opened", None), ("wait.answered", True)]
    headers, content = receiver.got[0]
    data = json.loads(content)["data"]
    assert (data["name"], data["question"], data["exec_id"]) == (
        "ok",
        "OK?",
        handle.exec_id,
    )
    assert "webhook-signature" not in headers
    assert receiver.got[0][0]["webhook-id"] != receiver.got[1][0]["webhook-id"]
    assert client.executions.get(handle.exec_id).undelivered == ()


def test_what_cannot_be_delivered_is_shown_and_tried_again(
    client: KitaruClient, engine: Engine, receiver: Receiver
) -> None:
    receiver.die()
    handle = _asking(receiver.url).run()
    (late,) = client.executions.get(handle.exec_id).undelivered
    assert (late.event, late.attempts, late.webhook) == (
        "wait.opened",
        1,
        receiver.url,
    )
    assert "refused" in late.problem

    receiver.status = 503
    receiver.start()
    _try_again(engine)
    (late,) = client.executions.get(handle.exec_id).undelivered
    assert (late.attempts, late.problem) == (2, "HTTP 503")

    receiver.status = 204
    _try_again(engine)

    assert receiver.events() == [("wait.opened", None)]
    assert client.executions.get(handle.exec_id).undelivered == ()
    client.executions.cancel(handle.exec_id)


def test_one_of_two_who_try_at_once_tells(
    client: KitaruClient, engine: Engine, receiver: Receiver
) -> None:
    receiver.status = 503
    handle = _asking(receiver.url).run()
    receiver.status = 204
    receiver.goes_on.clear()
    receiver.asked.clear()

    first = threading.Thread(target=_try_again, args=[engine])
    first.start()
    assert receiver.asked.wait(DEADLINE)
    delivery.deliver(engine)
    receiver.goes_on.set()
    first.join()

    assert receiver.events() == [("wait.opened", None)]
    client.executions.cancel(handle.exec_id)


def test_a_request_is_signed_with_the_secret_of_that_name(
    client: KitaruClient, engine: Engine, receiver: Receiver
) -> None:
    key = b"0123456789abcdef01234567"
    name = f"hook-{receiver.port}"
    engine.secrets.create(
        name, {"secret": "whsec_" + base64.b64encode(key).decode()}, private=False
    )
    handle = _asking(receiver.url, name).run()

    headers, content = receiver.got[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
    digest = hmac.new(key, signed + content, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    assert int(headers["webhook-timestamp"]) == json.loads(content)["timestamp"]
    client.executions.cancel(handle.exec_id)


def test_a_secret_that_is_not_there_is_a_reason_that_is_shown(
    client: KitaruClient, receiver: Receiver
) -> None:
    handle = _asking(receiver.url, "no-such-secret").run()

    (late,) = client.executions.get(handle.exec_id).undelivered
    assert "no-such-secret" in late.problem
    assert receiver.got == []
    client.executions.cancel(handle.exec_id)


WRONG = ["hook.example", "ftp://x/y", {"url": "http://x"}, {"webhook": 1}, 5]


def test_what_is_no_webhook_is_refused_before_anything_is_asked(
    client: KitaruClient,
) -> None:
    told = []

    @flow
    def asking() -> None:
        for notify in WRONG:
            try:
                kitaru.wait(notify=notify)  # type: ignore[arg-type]  # bad on purpose
            except KitaruUsageError as error:
                told.append("notify" in str(error))

    handle = asking.run()

    assert told == [True] * len(WRONG)
    assert client.executions.get(handle.exec_id).waits == ()
