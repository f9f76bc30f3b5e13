"""The rig, brought up once, and a laptop for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig import rig as rigs
from tests.rig.laptop import Laptop
from tests.rig.rig import Rig


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give all of these tests the time that pods need."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.timeout(600))
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def rig() -> Iterator[Rig]:
    """The rig that runs already, or one for this session."""
    reason = rigs.why_not()
    if reason is not None:
        pytest.skip(f"the rig cannot run here: {reason}")
    # Those who test at once need one each: they stop servers and stores.
    is_alone = "PYTEST_XDIST_WORKER" not in os.environ
    running = rigs.find() if is_alone else None
    if running is not None:
        yield running
        return
    with rigs.for_session() as started:
        yield started


@pytest.fixture
def laptop(rig: Rig, tmp_path: Path) -> Iterator[Laptop]:
    """A folder with a project and a connection to the server; pods cannot see it."""
    place = Laptop(rig, tmp_path)
    yield place
    place.end()


@pytest.fixture
def colleague(rig: Rig, tmp_path: Path) -> Iterator[Laptop]:
    """Another laptop, without the flow's file."""
    place = Laptop(rig, tmp_path / "colleague")
    yield place
    place.end()
