"""A failure of the user's code shows the user's code."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import traceback
from pathlib import Path

import pytest

from kitaru import checkpoint, flow
from kitaru._engine.memory.engine import MemoryEngine
from kitaru._engine.open import use_engine
from kitaru.client import KitaruClient
from kitaru.errors import KitaruUserCodeError

TESTS_OWN = Path(__file__).name


@checkpoint
def fetch() -> str:
    try:
        raise OSError("no route")
    except OSError as error:
        raise ValueError("no page") from error


@flow
def crawl() -> str:
    return fetch()


def failure() -> tuple[str, KitaruUserCodeError]:
    with use_engine(MemoryEngine()):
        handle = crawl.run()
        with pytest.raises(KitaruUserCodeError) as caught:
            handle.wait()
        stored = KitaruClient().executions.get(handle.exec_id).failure
    assert stored is not None
    return str(stored.traceback), caught.value


def frames(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("  File ")]


def test_the_stored_traceback_has_the_frames_of_the_user() -> None:
    stored, _ = failure()

    assert "ValueError: no page" in stored
    assert "OSError: no route" in stored
    assert [line.rsplit(" ", 1)[1] for line in frames(stored)] == [
        "fetch",
        "crawl",
        "fetch",
    ]
    assert all(TESTS_OWN in line for line in frames(stored))


def test_the_cause_of_what_a_handle_raises_has_the_frames_of_the_user() -> None:
    _, error = failure()

    assert isinstance(error.__cause__, ValueError)
    shown = "".join(traceback.format_exception(error.__cause__))
    assert all(TESTS_OWN in line for line in frames(shown))


def test_our_frames_are_there_for_who_looks_for_a_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KITARU_DEBUG", "1")

    _, error = failure()

    shown = "".join(traceback.format_exception(error.__cause__))
    assert any("kitaru/_engine" in line for line in frames(shown))


def test_pytest_shows_the_line_of_the_test_and_none_of_ours(tmp_path: Path) -> None:
    test = tmp_path / "test_users.py"
    test.write_text(
        textwrap.dedent("""\
            from kitaru import checkpoint

            @checkpoint
            def one() -> int:
                return 1

            def test_one() -> None:
                assert one() == 1
            """)
    )

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "test_users.py:8: KitaruContextError" in done.stdout
    assert "checkpoints.py" not in done.stdout


def test_a_handle_is_one_short_line() -> None:
    @flow
    def verbose() -> str:
        return "x" * 10_000

    with use_engine(MemoryEngine()):
        handle = verbose.run()

    assert repr(handle) == f"<FlowHandle {handle.exec_id} of verbose>"
