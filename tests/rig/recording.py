"""Record what a rig holds, and restore it on another one: its database and its bucket."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.rig import rig as rigs
from tests.rig import services
from tests.rig.kube.api import certificate
from tests.rig.rig import Rig
from tests.support.recorded import Recording, pack

DATABASE = "zenml.db"
_OBJECTS = "bucket"


def record(
    rig: Rig, project: Path, target: Path, executions: Mapping[str, str]
) -> None:
    """Record a rig without pods, and stop it.

    Args:
        rig: The rig; it keeps its records in SQLite.
        project: Where the executions were started.
        target: The folder of the recording, with the flows.
        executions: The executions by what happened to them.
    """
    store = _store(rig)
    for key in store.find(services.BUCKET):
        # What an isolated checkpoint was asked to do holds paths, and no pod that is
        # to read it can come back.
        if not key.endswith("/request.pkl"):
            file = rig.state / _OBJECTS / key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(store.cat_file(key))
    rig.processes.stop_all()
    with closing(sqlite3.connect(rig.state / DATABASE)) as database, database:
        # Answers for requests that come twice, within minutes; packed.
        database.execute("DELETE FROM api_transaction_result")
        database.execute("DELETE FROM api_transaction")
    pack(
        rig.state,
        target,
        parts=(DATABASE, _OBJECTS),
        executions=executions,
        words={here: word for word, here in _words(rig, project).items()},
    )


@contextmanager
def restored(recording: Recording, project: Path) -> Iterator[Rig]:
    """Run a rig that has what was recorded, without any pod.

    Args:
        recording: The recording.
        project: What stands for the folder in which the executions were started.
    """

    def prepare(rig: Rig) -> None:
        (rig.state / "cluster").mkdir()
        certificate(rig.state / "cluster")
        recording.restore(rig.state, _words(rig, project))

    with rigs.empty(recording.folder.name, prepare) as rig:
        store = _store(rig)
        objects = rig.state / _OBJECTS
        for file in sorted(path for path in objects.rglob("*") if path.is_file()):
            store.pipe_file(str(file.relative_to(objects)), file.read_bytes())
        yield rig


def _words(rig: Rig, project: Path) -> dict[str, str]:
    """Return what differs between rigs, by the words that stand for it."""
    return {
        "@@PROJECT@@": str(project),
        "@@SERVER@@": rig.at.server_url,
        "@@CLUSTER@@": rig.at.cluster_url,
        "@@S3@@": rig.at.s3_url,
        "@@AUTHORITY@@": rigs.authority(rig.state),
    }


def _store(rig: Rig) -> Any:
    import s3fs

    return s3fs.S3FileSystem(**services.s3_options(rig.at), skip_instance_cache=True)
