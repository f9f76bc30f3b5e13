"""ZenML's configuration file is whole at every moment, whoever starts or dies."""

from __future__ import annotations

import threading
from pathlib import Path

import yaml
from zenml.config.global_config import GlobalConfiguration

from kitaru._engine.zenml.engine import ZenMLEngine


def test_who_reads_while_another_writes_finds_all_of_it(
    engine: ZenMLEngine, config: Path
) -> None:
    file = config / "config.yaml"
    before = yaml.safe_load(file.read_text())
    over = threading.Event()
    found = []

    def read() -> None:
        while not over.is_set():
            found.append(yaml.safe_load(file.read_text()))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(200):
        GlobalConfiguration().analytics_opt_in = bool(number % 2)
    over.set()
    reader.join()

    assert found
    assert {frozenset(one) for one in found} == {frozenset(before)}
    assert [f.name for f in config.glob(".config*")] == []


def test_a_process_that_changes_nothing_writes_nothing(config: Path) -> None:
    file = config / "config.yaml"
    ZenMLEngine().journal.close()
    before = file.stat().st_ino, file.stat().st_mtime_ns

    GlobalConfiguration._reset_instance()
    ZenMLEngine().journal.close()

    assert (file.stat().st_ino, file.stat().st_mtime_ns) == before
