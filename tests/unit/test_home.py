"""`kitaru` alone says what needs somebody."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import kitaru
from kitaru import checkpoint, flow
from kitaru._engine.memory.engine import MemoryEngine
from kitaru._engine.open import use_engine
from kitaru.cli.app import app


@pytest.fixture(autouse=True)
def engine() -> Iterator[MemoryEngine]:
    engine = MemoryEngine()
    with use_engine(engine):
        yield engine


@flow
def article(question: str) -> bool:
    return kitaru.wait(schema=bool, name="approve", question=question)


@checkpoint
def fetch() -> None:
    raise OSError("no route\nto host")


@flow
def crawl() -> None:
    fetch()


def home() -> str:
    done = CliRunner().invoke(app, [])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_command_shown_answers_the_wait() -> None:
    handle = article.run("Publish?")
    said = home()
    shown = re.search(r"answer with: kitaru (.* --value true)", said)
    assert shown is not None, said

    CliRunner().invoke(app, shlex.split(shown[1]))

    assert "waits for 'approve': Publish?" in said
    assert handle.get() is True
    assert "Waiting" not in home()


def test_the_last_failures_are_shown_with_how_to_go_on() -> None:
    failed = crawl.run().exec_id

    said = home()

    assert f"{failed[:8]}  crawl  just now  no route…\n" in said
    assert f"kitaru executions retry {failed[:8]}\n" in said


def test_what_runs_is_shown() -> None:
    seen: list[str] = []

    @flow
    def looking() -> None:
        seen.append(home())

    running = looking.run().exec_id

    assert f"Running\n  {running[:8]}  looking  just now\n" in seen[0]


def test_a_long_question_is_cut_and_a_command_never_is() -> None:
    article.run("[bold]why[/bold] " * 100)

    lines = home().splitlines()

    (question,) = [line for line in lines if "waits for" in line]
    assert len(question) < 130
    assert "[bold]why[/bold]" in question
    (command,) = [line for line in lines if "answer with" in line]
    assert " --value true" in command


def test_of_many_a_few_are_shown_and_how_to_see_the_rest() -> None:
    for n in range(7):
        article.run(f"{n}?")

    said = home()

    assert said.count("answer with") == 5
    assert "  2 more: kitaru executions list --status waiting\n" in said


def test_where_nothing_needs_anybody_it_says_so() -> None:
    assert home().startswith("Nothing waits, nothing runs, nothing has failed.\n")


def test_where_nothing_has_run_it_shows_how_to_start_and_makes_nothing(
    tmp_path: Path,
) -> None:
    program = (
        "import sys\n"
        "from kitaru.cli.app import app\n"
        "app(args=[], standalone_mode=False)\n"
        "assert 'zenml' not in sys.modules\n"
    )
    folder = tmp_path / "config"

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"KITARU_CONFIG_PATH": str(folder), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "kitaru init --example" in done.stdout
    assert not folder.exists()


@flow
def refund() -> bool:
    shown = {"order": 17, "said": "\x1b[31mred"}
    return kitaru.wait(schema=bool, name="ok", question="Refund?", metadata=shown)


def test_an_execution_shows_what_its_question_is_about() -> None:
    exec_id = refund.run().exec_id

    done = CliRunner().invoke(app, ["executions", "get", exec_id])

    before, _, _ = done.stdout.partition("answer with:")
    assert "  order: 17\n" in before
    assert "said: \\x1b[31mred" in before
    assert "order: 17" not in home()
