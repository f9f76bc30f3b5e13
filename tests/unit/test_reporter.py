from __future__ import annotations

import io
from pathlib import Path

import pytest

from kitaru._core.waits import answered, answers
from kitaru._core.words.wording import duration
from kitaru._engine.output.log_file import LogFile
from kitaru._engine.output.reporter import LineReporter, LogReporter, StreamReporter
from kitaru._engine.port.execution import Ending
from kitaru.models import ExecutionStatus, PendingWait

ID = "6f2d1f9e-0d4b-4f0e-9a52-3d8f6f1b2c33"


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "<1 ms"),
        (0.0124, "12 ms"),
        (0.9994, "999 ms"),
        (1.0, "1.0 s"),
        (3.44, "3.4 s"),
        (59.94, "59.9 s"),
        (60.0, "1 m 00 s"),
        (125.2, "2 m 05 s"),
    ],
)
def test_a_duration_is_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_terminal_without_unicode_gets_plain_marks() -> None:
    stream = io.StringIO()

    StreamReporter(stream).begun(ID, "research", finished_calls=2, here_only=False)

    assert stream.getvalue() == ("> research 6f2d1f9e continues, 2 done before\n")


@pytest.mark.parametrize(("no_color", "coloured"), [(None, True), ("1", False)])
def test_colours_obey_no_color(
    monkeypatch: pytest.MonkeyPatch, no_color: str | None, coloured: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    stream = Terminal()

    StreamReporter(stream).finished("draft", 0.5)

    assert ("\x1b[32m✓\x1b[0m" in stream.getvalue()) is coloured
    assert stream.getvalue().endswith("  draft  500 ms\n")


@pytest.mark.parametrize(
    ("schema", "command"),
    [
        pytest.param(None, "kitaru executions input 6f2d1f9e", id="gate"),
        pytest.param(bool, "kitaru executions input 6f2d1f9e --value true", id="bool"),
    ],
)
def test_a_wait_shows_its_question_and_how_to_answer(
    schema: object, command: str
) -> None:
    stream = io.StringIO()
    wait = PendingWait(
        wait_id="w",
        name="approve",
        question="Go on?",
        answer_schema=answers.answer_schema(schema),
    )

    StreamReporter(stream).waiting(ID, wait)

    first, second = stream.getvalue().splitlines()
    assert first.endswith("waiting for 'approve': Go on?")
    assert second.endswith(f"answer with: {command}")


def test_of_several_waits_each_is_answered_by_its_name() -> None:
    stream = io.StringIO()
    wait = PendingWait(wait_id="w", name="is it ok", question="Go on?")

    StreamReporter(stream).waiting(ID, wait, by_name=True)

    assert "executions input 6f2d1f9e --wait 'is it ok'" in stream.getvalue()


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        pytest.param(Ending(ExecutionStatus.COMPLETED), "completed in", id="completed"),
        pytest.param(Ending(ExecutionStatus.WAITING), "waits; it goes on", id="waits"),
        pytest.param(Ending(ExecutionStatus.CANCELLED), "cancelled", id="cancelled"),
        pytest.param(
            Ending(ExecutionStatus.FAILED, error=ValueError("no")),
            "failed: ValueError: no",
            id="failed",
        ),
    ],
)
def test_the_end_says_how_it_ended(ending: Ending, said: str) -> None:
    stream = io.StringIO()

    StreamReporter(stream).ended(ID, "research", ending)

    assert f"research 6f2d1f9e {said}" in stream.getvalue()
    assert ("executions retry 6f2d1f9e" in stream.getvalue()) is (
        ending.error is not None
    )


def test_lines_say_whose_they_are_while_several_executions_run() -> None:
    stream = io.StringIO()
    first, second = StreamReporter(stream), StreamReporter(stream)
    other = "0d6bb1f8" + ID[8:]

    first.begun(ID, "research", finished_calls=0, here_only=False)
    first.started("alone")
    second.begun(other, "research", finished_calls=0, here_only=False)
    first.started("beside")
    second.ended(other, "research", Ending(ExecutionStatus.COMPLETED))
    first.started("alone_again")
    first.ended(ID, "research", Ending(ExecutionStatus.COMPLETED))

    whose = {
        line.split()[-1]: "[6f2d1f9e]" in line
        for line in stream.getvalue().splitlines()
    }
    assert (whose["alone"], whose["beside"]) == (False, True)
    assert whose["alone_again"] is False


def test_failures_and_notes_have_levels_in_the_log(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "ex.jsonl")
    reporter: LineReporter = LogReporter(log)

    reporter.failed("draft", ValueError("no"), retry_left=1)
    reporter.warn("careful")
    reporter.reused("gather", "called with other inputs than before")

    assert [(entry.level, entry.message) for entry in log.read()] == [
        ("ERROR", "✗   draft  ValueError: no; trying again, 1 left"),
        ("WARNING", "!   careful"),
        ("INFO", "↺   gather  reused (called with other inputs than before)"),
    ]


def test_an_answer_that_an_earlier_attempt_told_is_told_as_known(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ex.jsonl"
    answer = answered.given('say "yes" to ü', by="anna@laptop", surface="cli")

    for _ in range(2):
        stream = Terminal()
        StreamReporter(stream, file=LogFile(path)).answered("review", answer)
        # Another wait with the same answer.
        StreamReporter(Terminal(), file=LogFile(path)).answered("view", answer)

    said = [entry.message for entry in LogFile(path).read()]
    line = 'review  answered "say \\"yes\\" to ü" by anna@laptop (cli)'
    assert said[0] == f"✓   {line}"
    assert said[1].startswith("✓   view  answered")
    assert said[2] == f"↺   {line}"
    assert "↺" in stream.getvalue()
