"""What a death in the middle of creating a stack leaves, and how it goes away.

Each attempt has an id: a label of all that it makes, and a note on this machine for as
long as it lasts. Parts with the id of an attempt that is over, and that no stack uses,
belong to nobody.
"""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from zenml.client import Client

from kitaru._engine.disk import durable_files
from kitaru._engine.journal.leases import Holder
from kitaru._engine.settings import folders
from kitaru._engine.zenml.runs import runs
from kitaru._engine.zenml.setup.errors import translated

logger = logging.getLogger(__name__)

LABEL = "kitaru_attempt"
# A server may go on with what a client that died has asked for.
_ON_ITS_WAY = 60.0
_PAGE = 500


@dataclass(frozen=True, slots=True)
class _Attempt:
    file: Path
    store: str
    holder: Holder
    begun: float

    @property
    def is_over(self) -> bool:
        if self.holder.is_here and self.holder.is_alive(0):
            return False
        age = time.time() - self.begun
        return runs.store_is_a_file() or not 0 <= age < _ON_ITS_WAY


@contextmanager
def attempt() -> Iterator[dict[str, str]]:
    """Note that a stack is being made; yields the labels of its parts."""
    key = str(uuid4())
    noted = {
        "store": runs.store_id(),
        "holder": Holder.me().to_dict(),
        "begun": time.time(),
    }
    file = _folder() / f"{key}.json"
    durable_files.write(file, json.dumps(noted).encode())
    # Where it fails, the store takes the parts away before it says so.
    try:
        yield {LABEL: key}
    finally:
        file.unlink(missing_ok=True)


def remove_half_made() -> int:
    """Remove the parts of attempts that ended in the middle; return how many."""
    count = 0
    for found in _attempts():
        if found.store == runs.store_id() and found.is_over:
            doing = "removing the parts of a stack that was never whole"
            with translated(doing), warnings.catch_warnings():
                # Google's packages remark on every Python that is not the newest.
                warnings.simplefilter("ignore", FutureWarning)
                count += _remove(found.file.stem)
            found.file.unlink(missing_ok=True)
    return count


def _attempts() -> Iterator[_Attempt]:
    for file in sorted(_folder().glob("*.json")):
        try:
            noted = json.loads(file.read_text())
            yield _Attempt(
                file, noted["store"], Holder(**noted["holder"]), noted["begun"]
            )
        # Read while it is written, or gone by now.
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.debug("%s: %s", file, error)


def _remove(key: str) -> int:
    client = Client()
    count = 0
    for component in client.list_stack_components(size=_PAGE, hydrate=True).items:
        if (component.labels or {}).get(LABEL) != key:
            continue
        if client.list_stacks(component_id=component.id, size=1).total:
            continue
        with suppress(KeyError):
            client.zen_store.delete_stack_component(component.id)
            count += 1
    for connector in client.list_service_connectors(labels={LABEL: key}).items:
        if client.list_stack_components(connector_id=connector.id, size=1).total:
            continue
        with suppress(KeyError):
            client.zen_store.delete_service_connector(connector.id)
            count += 1
    return count


def _folder() -> Path:
    return folders.own_folder() / "stacks"
