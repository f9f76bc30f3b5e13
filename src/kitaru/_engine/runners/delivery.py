"""Tell people what they are to be told; whoever lives tries, at least once."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from kitaru import _recorded_names as recorded_names
from kitaru._core.secrecy import masking
from kitaru._core.waits import notices
from kitaru._core.waits.notices import Channel, Notice
from kitaru._engine.journal.notices import listeners
from kitaru._engine.port.engine import Engine
from kitaru.errors import KitaruError, KitaruUsageError

logger = logging.getLogger(__name__)

# Seconds between two looks while a flow runs.
_LOOK_EVERY = 1.0
# A receiver that lets its answer drip has so many times its seconds for all of it.
_ALTOGETHER = 2
_alerting: list[subprocess.Popen[bytes]] = []


def deliver(engine: Engine) -> None:
    """Try what is due, once each; what fails is tried again later."""
    _try(engine, engine.notices.take(), lambda notice: _request(engine, notice))
    if engine.alerts_here:
        _try(engine, engine.notices.take(alerts=True), lambda one: _alert(engine, one))
    elif engine.notices.has_alerts():
        _alert_elsewhere()


def _try(
    engine: Engine, those: list[Notice], tell: Callable[[Notice], str | None]
) -> None:
    for notice in those:
        problem = tell(notice)
        if problem is None:
            engine.notices.told(notice)
        else:
            engine.notices.failed(notice, masking.text(problem))


@contextmanager
def delivering(engine: Engine) -> Iterator[Engine]:
    """Deliver what comes up while a flow runs here, and what is left once it has."""
    is_over = threading.Event()
    threads: list[threading.Thread] = []

    def look() -> None:
        deliver_quietly(engine)
        while not is_over.wait(_LOOK_EVERY):
            deliver_quietly(engine)

    def begin() -> None:
        # Most flows tell nobody anything.
        if not threads:
            thread = threading.Thread(target=look, name="kitaru-notices", daemon=True)
            threads.append(thread)
            thread.start()

    listeners.append(begin)
    try:
        yield engine
    finally:
        listeners.remove(begin)
        is_over.set()
        for thread in threads:
            thread.join()
    deliver_quietly(engine)


def deliver_quietly(engine: Engine) -> None:
    """Try what is due; what cannot be done now is done by whoever looks next."""
    try:
        deliver(engine)
    except KitaruError as error:
        # A journal that is locked for long must not end a flow.
        logger.debug("nothing was delivered: %s", error, exc_info=True)


def _alert(engine: Engine, notice: Notice) -> str | None:
    """Let the alerter of the stack tell something; return why it did not."""
    try:
        engine.alert(notices.text(notice.payload))
    except KitaruError as error:
        return str(error)
    return None


def _alert_elsewhere() -> None:
    """Let a process do it that may import ZenML, which takes seconds."""
    if _alerting and _alerting[0].poll() is None:
        return
    command = [sys.executable, "-P", "-m", recorded_names.DELIVER_ONCE]
    try:
        # It outlives a flow that ends meanwhile.
        started = subprocess.Popen(
            command,
            env=os.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        logger.debug("the alerter is told later: %s", error, exc_info=True)
        return
    _alerting[:] = [started]


def _request(engine: Engine, notice: Notice) -> str | None:
    """Tell a webhook something; return why that failed."""
    channel = notice.channel
    try:
        secret = _secret(engine, channel.secret)
    except KitaruError as error:
        return str(error)
    moment = int(time.time())
    content = notices.body(notice, moment)
    told = notices.headers(notice, content, moment, secret)
    status = _status(channel, content, told)
    if isinstance(status, str):
        return status
    return None if 200 <= status < 300 else f"HTTP {status}"


def _status(channel: Channel, content: bytes, headers: dict[str, str]) -> int | str:
    """Make a request; return the status of the answer, or why there is none."""
    import http.client
    import socket
    import ssl
    from urllib.parse import urlsplit

    assert channel.url is not None  # the alerter is told otherwise
    parts = urlsplit(channel.url)
    assert parts.hostname is not None  # checked when it was given
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            parts.hostname,
            parts.port,
            timeout=channel.timeout,
            context=ssl.create_default_context(),
        )
    else:
        connection = http.client.HTTPConnection(
            parts.hostname, parts.port, timeout=channel.timeout
        )
    is_late = threading.Event()

    def hang_up() -> None:
        # First: whoever reads is woken by what follows.
        is_late.set()
        with suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)

    late = threading.Timer(channel.timeout * _ALTOGETHER, hang_up)
    late.daemon = True
    where = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.connect()
        late.start()
        connection.request("POST", where, body=content, headers=headers)
        # What is told to one place is not told to another one: redirects fail.
        return connection.getresponse().status
    except (OSError, ValueError, http.client.HTTPException) as error:
        if is_late.is_set():
            return f"no answer within {channel.timeout * _ALTOGETHER:g} s"
        return f"{type(error).__name__}: {error}"
    finally:
        late.cancel()
        connection.close()


def _secret(engine: Engine, name: str | None) -> str | None:
    if name is None:
        return None
    values = engine.secrets.get(name).values
    if len(values) == 1:
        (only,) = values.values()
        return only
    if "secret" in values:
        return values["secret"]
    raise KitaruUsageError(
        f"secret {name!r} has several values and none is called 'secret'"
    )
