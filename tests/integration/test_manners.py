"""What a run shows: its own lines, the user's output, and nothing of ZenML."""

from __future__ import annotations

import logging
import traceback

import pytest

from kitaru import checkpoint, flow
from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru.errors import KitaruUserCodeError


@flow
def printing() -> None:
    print("mine")


@pytest.mark.usefixtures("engine")
def test_stdout_belongs_to_the_user_even_if_zenml_logs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logger = logging.getLogger("zenml")
    before = logger.level
    # As it is in a process that imported ZenML itself.
    logger.setLevel(logging.INFO)

    try:
        printing.run()
        left_as = logger.level
    finally:
        logger.setLevel(before)

    assert capsys.readouterr().out == "mine\n"
    assert left_as == logging.INFO


def test_a_failure_shows_the_users_frames_and_none_of_zenml(
    engine: ZenMLEngine,
) -> None:
    @checkpoint
    def breaking() -> None:
        raise ValueError("no")

    @flow
    def failing() -> None:
        breaking()

    with pytest.raises(KitaruUserCodeError) as caught:
        failing.run().wait()

    shown = "".join(traceback.format_exception(caught.value.__cause__))
    assert "in breaking" in shown
    assert "site-packages/zenml" not in shown
