"""Webhooks are told of waits: signed, at least once, by whoever lives."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
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
    """A webhook that can refuse, hang, let its answer drip, die and come back."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.asked = threading.Event()
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.drips = False
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
                # Whoever was told to wait may hang up.
                with suppress(OSError):
                    while receiver.drips and not receiver.goes_on.wait(0.05):
                        self.wfile.write(b"H")
                        self.wfile.flush()
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
    return asking_with({"webhook": url, "secret": secret} if secret else url)


def asking_with(notify: Any) -> Any:
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


@pytest.mark.parametrize("drips", [False, True], ids=["hangs", "drips"])
def test_a_receiver_has_its_seconds(
    client: KitaruClient, engine: Engine, receiver: Receiver, drips: bool
) -> None:
    receiver.goes_on.clear()
    receiver.drips = drips

    handle = asking_with({"webhook": receiver.url, "timeout": 0.2}).run()

    (late,) = client.executions.get(handle.exec_id).undelivered
    assert receiver.asked.is_set()
    # A receiver that drips slowly enough has not answered either.
    assert "timed out" in late.problem or (drips and "no answer" in late.problem)
    receiver.drips = False
    receiver.goes_on.set()
    _try_again(engine)
    assert client.executions.get(handle.exec_id).undelivered == ()
    client.executions.cancel(handle.exec_id)


def _is_time_to_remind(engine: Engine) -> None:
    if isinstance(engine, MemoryEngine):
        for execution in engine.executions.values():
            for wait_id, due in execution.reminders.items():
                execution.reminders[wait_id] = replace(due, at=due.at - due.every)
            engine.get(execution.execution_id)
    else:
        journal: Any = engine.journal  # type: ignore[attr-defined]  # theirs have one
        with journal.transaction() as db:
            db.execute("UPDATE due SET at = 1 WHERE kind = 'remind'")
    delivery.deliver(engine)


def test_who_was_asked_is_reminded_until_somebody_answers(
    client: KitaruClient, engine: Engine, receiver: Receiver
) -> None:
    handle = asking_with({"webhook": receiver.url, "remind": 3600}).run()

    _is_time_to_remind(engine)
    _is_time_to_remind(engine)
    delivery.deliver(engine)
    client.executions.input(handle.exec_id, value=True)
    _is_time_to_remind(engine)

    kinds = [kind for kind, _ in receiver.events()]
    assert kinds == ["wait.opened", "wait.reminded", "wait.reminded", "wait.answered"]
    reminders = [json.loads(content)["data"] for _, content in receiver.got[1:3]]
    assert [(one["name"], one["reminder"]) for one in reminders] == [
        ("ok", 1),
        ("ok", 2),
    ]
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 4


def test_what_an_execution_says_counts_for_its_waits_and_its_end(
    client: KitaruClient, receiver: Receiver
) -> None:
    @flow
    def asking() -> bool:
        kitaru.wait(name="quiet", timeout=0, expires=3600, notify=False)
        return bool(kitaru.wait(schema=bool, name="ok", timeout=0))

    told = {"webhook": receiver.url, "link": "https://pages.example/"}
    handle = asking.run(notify=told)
    client.executions.input(handle.exec_id, value=None)
    client.executions.input(handle.exec_id, value=True)

    bodies = [json.loads(content) for _, content in receiver.got]
    assert [(body["type"], body["data"].get("name")) for body in bodies] == [
        ("wait.opened", "ok"),
        ("wait.answered", "ok"),
        ("execution.completed", None),
    ]
    page = f"https://pages.example/executions/{handle.exec_id}"
    assert [body["data"]["page"] for body in bodies] == [
        *[f"{page}/waits/{bodies[0]['data']['wait_id']}"] * 2,
        page,
    ]
    assert bodies[2]["data"]["flow_name"] == "asking"
    assert client.executions.get(handle.exec_id).settings["notify"] == told


def test_each_failure_is_told_with_its_reason_and_a_cancel_is_not(
    client: KitaruClient, receiver: Receiver
) -> None:
    @flow(notify=receiver.url)
    def failing() -> None:
        raise LookupError("nothing there")

    @flow(notify=receiver.url)
    def asking() -> None:
        kitaru.wait(name="ok", timeout=0, notify=False)

    handle = failing.run()
    client.executions.retry(handle.exec_id)
    handle.status  # noqa: B018  looking is enough
    client.executions.cancel(asking.run().exec_id)

    bodies = [json.loads(content) for _, content in receiver.got]
    assert [body["type"] for body in bodies] == ["execution.failed"] * 2
    assert bodies[0]["data"]["failure"] == {
        "message": "nothing there",
        "exception_type": "builtins.LookupError",
        "origin": "user_code",
    }


def test_a_stack_without_an_alerter_is_a_reason_that_is_shown(
    client: KitaruClient, engine: Engine
) -> None:
    if not engine.alerts_here:
        pytest.skip("another process does that: see tests/integration/test_alerts.py")
    handle = asking_with({"alerter": True}).run()

    (late,) = client.executions.get(handle.exec_id).undelivered

    assert (late.event, late.webhook) == ("wait.opened", "the alerter")
    assert "no alerter" in late.problem
    client.executions.cancel(handle.exec_id)
    # Nobody else is to try it.
    for notice in [*engine.notices.open(), *engine.notices.take(alerts=True)]:
        engine.notices.told(notice)


WRONG: list[Any] = [
    "hook.example",
    "ftp://x/y",
    "http://x:port/",
    {"url": "http://x"},
    {"webhook": 1},
    {"webhook": "http://x", "remind": 0},
    {"webhook": "http://x", "timeout": -1},
    {"secret": "alone"},
    5,
    True,
]


def test_what_is_no_webhook_is_refused_before_anything_is_asked(
    client: KitaruClient,
) -> None:
    told = []

    @flow
    def asking() -> None:
        for notify in WRONG:
            try:
                kitaru.wait(notify=notify)
            except KitaruUsageError as error:
                told.append("notify" in str(error))

    handle = asking.run()

    assert told == [True] * len(WRONG)
    assert client.executions.get(handle.exec_id).waits == ()


def test_what_is_no_webhook_starts_nothing(client: KitaruClient) -> None:
    before = [found.exec_id for found in client.executions.list()]

    for notify in WRONG:
        with pytest.raises(KitaruUsageError, match="notify"):
            asking_with(None).run(notify=notify)

    assert [found.exec_id for found in client.executions.list()] == before
