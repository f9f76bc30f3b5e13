from __future__ import annotations

import json
import logging
import multiprocessing
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from kitaru._core.flows import scope
from kitaru._core.flows.scope import RunningCall, Scope
from kitaru._engine.output import log_capture
from kitaru._engine.output.log_file import LogFile
from kitaru.errors import KitaruLogRetrievalError


class Runtime:
    """Stands for a flow; the logs ask it for its id only."""

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id


def flow_scope(execution_id: str, checkpoint: str | None = None) -> Scope:
    runtime: Any = Runtime(execution_id)
    call = RunningCall(checkpoint, checkpoint) if checkpoint else None
    return Scope(runtime, call)


@pytest.fixture
def log(tmp_path: Path) -> LogFile:
    return LogFile(tmp_path / "logs" / "ex.jsonl")


def messages(log: LogFile) -> list[str]:
    return [entry.message for entry in log.read()]


# -- the file -----------------------------------------------------------------


def test_entries_come_back_in_order_with_what_they_were_given(log: LogFile) -> None:
    log.write("one")
    log.write("two", level="ERROR", checkpoint="draft")

    one, two = log.read()

    assert (one.message, one.level, one.source, one.checkpoint) == (
        ("one", "INFO", "runner", None)
    )
    assert (two.message, two.level, two.source, two.checkpoint) == (
        ("two", "ERROR", "step", "draft")
    )
    assert one.timestamp <= two.timestamp
    assert one.timestamp.tzinfo is not None


@pytest.mark.parametrize(
    "text",
    [
        "a\nb",
        "a\r\nb",
        "a\u2028b\u2029c",
        "a\x85b",
        "a\x0b\x0cb",
        "\x1c\x1e",
        "ü 😀",
        "",
    ],
    ids=ascii,
)
def test_any_text_stays_one_entry(log: LogFile, text: str) -> None:
    log.write(text)

    assert messages(log) == [text]


def test_a_lone_surrogate_becomes_a_question_mark(log: LogFile) -> None:
    log.write("caf\udce9")

    assert messages(log) == ["caf?"]


def test_a_log_nobody_wrote_is_empty(log: LogFile) -> None:
    assert messages(log) == []


def test_lines_written_past_the_log_are_shown_as_they_are(log: LogFile) -> None:
    log.write("before")
    with log.path.open("ab") as file:
        file.write(b"Fatal Python error: Segmentation fault\n\xff\n\n{}\n")
    log.write("after")

    assert messages(log) == [
        "before",
        "Fatal Python error: Segmentation fault",
        "\ufffd",
        "{}",
        "after",
    ]


def test_a_line_that_is_still_being_written_is_left_for_later(log: LogFile) -> None:
    log.write("whole")
    with log.path.open("ab") as file:
        file.write(b'{"timestamp"')

    assert messages(log) == ["whole"]


def test_a_log_that_cannot_be_read_says_so(log: LogFile) -> None:
    log.path.mkdir(parents=True)

    with pytest.raises(KitaruLogRetrievalError, match=r"ex.jsonl cannot be read"):
        list(log.read())


def test_following_gives_each_entry_once_and_the_last_ones_too(log: LogFile) -> None:
    steps = iter([["b"], [], ["c", "d"]])
    ended = iter([False, False, False, True])
    log.write("a")

    def more() -> None:
        for text in next(steps):
            log.write(text)

    followed = [entry.message for entry in log.follow(lambda: next(ended), more)]

    assert followed == ["a", "b", "c", "d"]


def test_following_shows_what_was_written_before_the_end_was_seen(
    log: LogFile,
) -> None:
    def ended() -> bool:
        log.write("last words")
        return True

    followed = [entry.message for entry in log.follow(ended, lambda: None)]

    assert followed == ["last words"]


def test_a_log_that_is_kept_open_is_opened_once(log: LogFile) -> None:
    moved = log.path.with_name("moved.jsonl")

    with log.kept_open():
        log.write("one")
        log.path.rename(moved)
        log.write("two")
    log.write("three")

    assert messages(LogFile(moved)) == ["one", "two"]
    assert messages(log) == ["three"]


def test_processes_share_a_log_without_tearing_lines(log: LogFile) -> None:
    context = multiprocessing.get_context("fork")
    writers = [
        context.Process(target=write_lines, args=(log.path, letter))
        for letter in "abcdef"
    ]

    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    found = messages(log)
    assert len(found) == 6 * 30
    assert {(text[0], set(text) == {text[0]}, len(text)) for text in found} == {
        (letter, True, 20_000) for letter in "abcdef"
    }


def write_lines(path: Path, letter: str) -> None:
    log = LogFile(path)
    for _ in range(30):
        log.write(letter * 20_000)


# -- capturing ----------------------------------------------------------------


def test_what_a_flow_prints_goes_to_terminal_and_log(
    log: LogFile, capsys: pytest.CaptureFixture[str]
) -> None:
    with log_capture.captured("ex", log), scope.entered(flow_scope("ex", "draft")):
        print("hello")
        print("oh", file=sys.stderr)

    assert capsys.readouterr() == ("hello\n", "oh\n")
    assert [(e.message, e.level, e.checkpoint) for e in log.read()] == [
        ("hello", "INFO", "draft"),
        ("oh", "INFO", "draft"),
    ]


def test_warnings_are_warnings_and_the_way_they_are_shown_comes_back(
    log: LogFile, capsys: pytest.CaptureFixture[str]
) -> None:
    def show(message: Warning | str, *_told: object) -> None:
        print(f"UserWarning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show  # type: ignore[assignment]  # pytest has its own
        with log_capture.captured("ex", log), scope.entered(flow_scope("ex")):
            print("before", file=sys.stderr)
            warnings.warn("old spelling", stacklevel=1)
            print("after", file=sys.stderr)
        assert warnings.showwarning is show

    assert "UserWarning: old spelling" in capsys.readouterr().err
    assert [(entry.message, entry.level) for entry in log.read()] == [
        ("before", "INFO"),
        ("UserWarning: old spelling", "WARNING"),
        ("after", "INFO"),
    ]


def test_what_others_print_meanwhile_stays_out_of_the_log(
    log: LogFile, capsys: pytest.CaptureFixture[str]
) -> None:
    with log_capture.captured("ex", log):
        print("outside any flow")
        with scope.entered(flow_scope("another execution")):
            print("in another flow")

    assert messages(log) == []
    assert capsys.readouterr().out == "outside any flow\nin another flow\n"


@pytest.mark.usefixtures("capsys")
def test_two_executions_at_once_keep_their_logs_apart(
    log: LogFile, tmp_path: Path
) -> None:
    other = LogFile(tmp_path / "other.jsonl")
    with log_capture.captured("ex", log):
        with log_capture.captured("other", other):
            for name in ("ex", "other"):
                with scope.entered(flow_scope(name)):
                    print(name)
        with scope.entered(flow_scope("ex")):
            print("still here")

    assert messages(log) == ["ex", "still here"]
    assert messages(other) == ["other"]


@pytest.mark.usefixtures("capsys")
def test_pieces_of_a_line_are_put_together(log: LogFile) -> None:
    with log_capture.captured("ex", log), scope.entered(flow_scope("ex")):
        print("a", end="")
        with scope.entered(flow_scope("ex", "draft")):
            print("in between")
        print("b\nc\nrest", end="")

    assert messages(log) == ["in between", "ab", "c", "rest"]


@pytest.mark.usefixtures("capsys")
def test_streams_are_as_before_after_the_last_execution(log: LogFile) -> None:
    before = (sys.stdout, sys.stderr, logging.getLogger().handlers[:])

    with (
        pytest.raises(RuntimeError),
        log_capture.captured("ex", log),
        log_capture.captured("two", log),
    ):
        raise RuntimeError

    assert (sys.stdout, sys.stderr, logging.getLogger().handlers[:]) == before


@pytest.mark.usefixtures("capsys")
def test_log_records_carry_level_and_checkpoint(log: LogFile) -> None:
    with log_capture.captured("ex", log), scope.entered(flow_scope("ex", "draft")):
        logging.getLogger("agent").warning("%s tries", 3)

    (entry,) = log.read()
    assert (entry.message, entry.level, entry.checkpoint) == (
        ("3 tries", "WARNING", "draft")
    )


def test_unconfigured_logging_keeps_info_for_the_log(tmp_path: Path) -> None:
    program = """
import logging, sys
from pathlib import Path
from kitaru._core.flows import scope
from kitaru._core.flows.scope import Scope
from kitaru._engine.output.log_capture import captured
from kitaru._engine.output.log_file import LogFile
class Runtime:
    execution_id = "ex"
with captured("ex", LogFile(Path(sys.argv[1]))):
    with scope.entered(Scope(Runtime())):
        logging.info("quiet")
        logging.warning("loud")
        logging.warning("bad %d", "format")
logging.info("after")
"""
    path = tmp_path / "ex.jsonl"

    done = subprocess.run(
        [sys.executable, "-c", program, path],
        capture_output=True,
        text=True,
        check=True,
    )

    kept = [json.loads(line)["message"] for line in path.read_text().splitlines()]
    assert kept[:2] == ["quiet", "loud"]
    assert "quiet" not in done.stderr
    assert "loud" in done.stderr
    assert "after" not in done.stderr
