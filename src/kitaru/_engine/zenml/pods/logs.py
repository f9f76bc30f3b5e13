"""Logs of executions that run elsewhere: shipped to the artifact store as they grow.

Each pod ships an object of its own, so what a killed pod had shipped stays.
"""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from zenml.artifact_stores import BaseArtifactStore
from zenml.client import Client

from kitaru._engine.output.log_file import LogFile
from kitaru._engine.zenml.setup.errors import translated
from kitaru.models import LogEntry

logger = logging.getLogger(__name__)

_SHIP_EVERY = 2.0
_TRIES = 5


class Shipper:
    """Keeps a copy of a pod's log in the artifact store while the `with` body runs."""

    def __init__(self, execution_id: str, path: Path) -> None:
        begun = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        self._store = Client().active_stack.artifact_store
        self._uri = f"{_folder(self._store, execution_id)}/{begun}.jsonl"
        self._path = path
        self._shipped = 0
        self._over = threading.Event()
        self._thread = threading.Thread(
            target=self._ship_on, name="kitaru-log-shipper", daemon=True
        )

    def __enter__(self) -> Shipper:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.ship()

    def _ship_on(self) -> None:
        while not self._over.wait(_SHIP_EVERY):
            self.ship()

    def ship(self) -> None:
        """Ship what there is."""
        try:
            data = self._path.read_bytes()
            if len(data) == self._shipped:
                return
            with self._store.open(self._uri, "wb") as file:
                file.write(data)
            self._shipped = len(data)
        except FileNotFoundError:
            return
        # A log that cannot be shipped must not end the flow; the next time may do.
        except Exception as error:
            logger.debug("the log is not shipped: %s", error, exc_info=True)


class RemoteLog:
    """The log of an execution, of all its pods; read with its stack active."""

    def __init__(self, execution_id: str) -> None:
        self._store = Client().active_stack.artifact_store
        self._folder = _folder(self._store, execution_id)

    def read(self) -> list[LogEntry]:
        """Return the entries, oldest first."""
        return self._after({})

    def _after(self, seen: dict[str, int]) -> list[LogEntry]:
        """Return the entries behind those that were seen of each pod, oldest first."""
        found: list[LogEntry] = []
        with (
            translated("reading the log"),
            tempfile.TemporaryDirectory(prefix="kitaru-log-") as copies,
        ):
            for name in self._names():
                entries = list(LogFile(self._copy(name, Path(copies))).read())
                found += entries[seen.get(name, 0) :]
                seen[name] = len(entries)
        # Pods of isolated checkpoints write beside that of the flow.
        return sorted(found, key=lambda entry: entry.timestamp)

    def follow(
        self, ended: Callable[[], bool], pause: Callable[[], None]
    ) -> Iterator[LogEntry]:
        """Yield entries as they come, until `ended()` and everything is read."""
        seen: dict[str, int] = {}
        while True:
            last = ended()
            yield from self._after(seen)
            if last:
                return
            pause()

    def _names(self) -> list[str]:
        self._look_anew()
        if not self._store.exists(self._folder):
            return []
        return sorted(str(name) for name in self._store.listdir(self._folder))

    def _copy(self, name: str, copies: Path) -> Path:
        copy = copies / name
        for tries_left in reversed(range(_TRIES)):
            try:
                with self._store.open(f"{self._folder}/{name}", "rb") as file:
                    copy.write_bytes(file.read())
                break
            except OSError:
                # A pod has written it anew since it was listed.
                if not tries_left:
                    raise
                self._look_anew()
        return copy

    def _look_anew(self) -> None:
        """Forget listings: pods write, while stores remember what they once saw."""
        files = getattr(self._store, "filesystem", None)
        if files is not None:
            files.invalidate_cache()


def _folder(store: BaseArtifactStore, execution_id: str) -> str:
    return f"{store.path}/kitaru/{execution_id}/log"
