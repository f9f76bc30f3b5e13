"""Tell webhooks what they are to be told; whoever lives tries, at least once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kitaru._core.secrecy import masking
from kitaru._core.waits import notices
from kitaru._core.waits.notices import Notice
from kitaru._engine.journal.notices import listeners
from kitaru._engine.port.engine import Engine
from kitaru.errors import KitaruError, KitaruUsageError

logger = logging.getLogger(__name__)

# Seconds that a receiver may take, and between two looks while a flow runs.
_PATIENCE = 5.0
_LOOK_EVERY = 1.0


def deliver(engine: Engine) -> None:
    """Try what is due, once each; what fails is tried again later."""
    for notice in engine.notices.take():
        problem = _problem(engine, notice)
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


def _problem(engine: Engine, notice: Notice) -> str | None:
    """Make one try; return why it failed."""
    import http.client
    import ssl
    from urllib.parse import urlsplit

    try:
        secret = _secret(engine, notice.target.secret)
    except KitaruError as error:
        return str(error)
    moment = int(time.time())
    content = notices.body(notice, moment)
    told = notices.headers(notice, content, moment, secret)
    parts = urlsplit(notice.target.webhook)
    assert parts.hostname is not None  # checked when it was given
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            parts.hostname,
            parts.port,
            timeout=_PATIENCE,
            context=ssl.create_default_context(),
        )
    else:
        connection = http.client.HTTPConnection(
            parts.hostname, parts.port, timeout=_PATIENCE
        )
    where = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", where, body=content, headers=told)
        # What is told to one place is not told to another one: redirects fail.
        status = connection.getresponse().status
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()
    return None if 200 <= status < 300 else f"HTTP {status}"


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
