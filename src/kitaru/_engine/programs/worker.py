"""A process of a pool: goes on with one execution after the other, then ends."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from pathlib import Path

from kitaru._core.secrecy import masking
from kitaru._engine import flow_loading
from kitaru._engine.journal.leases import Holder
from kitaru._engine.local.engine import LocalEngine
from kitaru._engine.output import log_folders
from kitaru._engine.output.streams import say
from kitaru._engine.runners import delivery, spawning
from kitaru._engine.runners.queue import PATIENCE
from kitaru._engine.runners.spawning import Surroundings
from kitaru._engine.runners.starting import Starter
from kitaru.errors import KitaruError

logger = logging.getLogger(__name__)


class Worker:
    """Goes on with the executions of a pool in this process."""

    def __init__(self, engine: LocalEngine, pool: str) -> None:
        self._engine = engine
        self._journal = engine.journal
        self._queue = engine.queue
        self._starter = Starter(self._journal, self._queue)
        self._pool = pool
        self._me = Holder.me()
        self._surroundings = Surroundings(
            sys.executable, str(Path.cwd()), dict(os.environ), engine.store_id()
        )
        self._since = time.time()
        self._file: str | None = None
        self._over = threading.Event()
        self._watch = threading.Thread(
            target=self._relieve, name="kitaru-pool", daemon=True
        )

    def run(self, execution_id: str) -> None:
        """Go on with an execution, then with those that queue."""
        self._queue.join(execution_id, self._pool, self._me)
        self._watch.start()
        try:
            self._run(execution_id)
        finally:
            self._over.set()
            self._watch.join()
            delivery.deliver_quietly(self._engine)

    def _run(self, execution_id: str) -> None:
        following: str | None = execution_id
        while following is not None:
            if not self._can_run(following):
                self._hand_on(following)
                return
            self._go_on(following)
            following = self._queue.take(self._pool, self._me)

    def _relieve(self) -> None:
        """Start one more process as long as all are busy and executions queue."""
        while not self._over.wait(PATIENCE):
            self._engine.wake_others()
            delivery.deliver_quietly(self._engine)
            try:
                execution_id = self._queue.relieve(self._pool, self._me)
                if execution_id is not None:
                    self._start(execution_id)
            except KitaruError as error:
                logger.debug("no further process: %s", error, exc_info=True)

    def _go_on(self, execution_id: str) -> None:
        self._restore()
        _redirect(log_folders.path_of(execution_id))
        try:
            self._engine.continue_here(
                execution_id,
                handed_over=True,
                # Others need this process more than a question that may take days.
                is_awaited=lambda: self._queue.is_awaited(self._pool),
            )
        except KitaruError as error:
            say(masking.text(f"{type(error).__name__}: {error}"))
            self._journal.release(execution_id, self._me)
        except BaseException:
            # This process ends; those that queue must not wait for it.
            self._hand_on(self._queue.take(self._pool, self._me))
            raise

    def _can_run(self, execution_id: str) -> bool:
        """Whether the flow's code, as this process has it, is what is on disk now."""
        try:
            source = self._engine.flow_source(execution_id)
        except KitaruError:
            return True  # Going on with it meets the same error, and tells of it.
        if self._file is None:
            self._file = source.file
        return source.file == self._file and not flow_loading.files_changed_since(
            self._since
        )

    def _hand_on(self, execution_id: str | None) -> None:
        """Let a fresh process take this one's place."""
        if execution_id is not None:
            self._start(execution_id)
        self._queue.leave(self._me)

    def _start(self, execution_id: str) -> None:
        log = log_folders.path_of(execution_id)
        self._starter.start(execution_id, self._surroundings, self._pool, log=log)

    def _restore(self) -> None:
        """Undo what a flow before may have changed."""
        os.chdir(self._surroundings.folder)
        if dict(os.environ) != self._surroundings.variables:
            os.environ.clear()
            os.environ.update(self._surroundings.variables)


def _redirect(log: Path) -> None:
    """Let output past Python's own streams go to another log."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    with spawning.opened(log) as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
