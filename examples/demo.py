"""Kill a research agent in the middle of its work, and see that nothing is repeated.

    python examples/demo.py

It runs `research_agent.py` with a configuration folder of its own (`.demo`), ends it
with SIGKILL inside a checkpoint, retries it, answers its question from another process,
and then counts how often each piece of work was really done. It exits with 0 only if
finished work was done once.
"""

from __future__ import annotations

import argparse
import fcntl
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).resolve().parent.parent
AGENT = "examples/research_agent.py"
VICTIM = "extract_3"
ANSWER = json.dumps({"approved": True, "note": "Every quote has a source. Good."})
PATIENCE = 180.0  # seconds; it takes about 45
TRIES = 3
PROGRAMS = {
    "python": sys.executable,
    "kitaru": str(Path(sys.executable).parent / "kitaru"),
}
MARKS = {"✓": "completed", "↺": "completed", "✗": "failed", "▸": "running"}


class DemoError(Exception):
    """The demonstration did not show what it is meant to show."""


@dataclass(frozen=True)
class Execution:
    """What `kitaru executions get` prints."""

    status: str
    checkpoints: dict[str, str]

    def named(self, status: str) -> list[str]:
        """Return the checkpoints with that status."""
        return [name for name, state in self.checkpoints.items() if state == status]


@dataclass
class Stage:
    """Where the demonstration takes place, and what it has started."""

    folder: Path
    started: float = field(default_factory=time.monotonic)
    steps: int = 0
    unfinished: str | None = None

    @property
    def diary(self) -> Path:
        """The file to which every checkpoint body appends a line."""
        return self.folder / "diary.txt"

    @property
    def report(self) -> Path:
        """The file the agent publishes."""
        return self.folder / "report.md"

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return max(1.0, PATIENCE - (time.monotonic() - self.started))

    def work_done(self) -> list[str]:
        """Return the lines of the diary."""
        return self.diary.read_text(encoding="utf-8").splitlines()

    def step(self, title: str) -> None:
        """Begin a chapter of the story."""
        self.steps += 1
        print(f"\n{self.steps}. {title}\n")

    def shown(self, path: Path) -> str:
        """Return a path as a user in the repository would type it."""
        inside = path.is_relative_to(ROOT)
        return str(path.relative_to(ROOT) if inside else path)

    def environment(self) -> dict[str, str]:
        """Return the environment of all commands: nothing of the user's own stores."""
        own = ("KITARU_", "ZENML_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(own)}
        return kept | {
            "KITARU_CONFIG_PATH": str(self.folder),
            "RESEARCH_DIARY": str(self.diary),
            "PYTHONUNBUFFERED": "1",
            "PYTHONIOENCODING": "utf-8",
        }

    @contextmanager
    def command(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Start a command, and make sure that it ends."""
        print(f"   $ {shlex.join(words)}")
        process = subprocess.Popen(
            [PROGRAMS[words[0]], *words[1:]],
            cwd=ROOT,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        # Ends the reading of its output as well.
        signal.setitimer(signal.ITIMER_REAL, self.left)
        try:
            yield process
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            process.kill()
            process.wait()

    def run(self, *words: str) -> str:
        """Run a command, show its output, and return it.

        Raises:
            DemoError: If it fails.
        """
        with self.command(*words) as process:
            output = "".join(echo(process.stdout))
            code = process.wait()
        if code != 0:
            raise DemoError(f"{shlex.join(words)} ended with exit code {code}")
        return output

    def look(self, execution: str) -> Execution:
        """Show an execution."""
        output = self.run("kitaru", "executions", "get", execution)
        first, *rest = output.splitlines()
        # The first branches of the tree are the calls: a mark, then the name.
        # The waits that are over stand among the checkpoints.
        shape = r"[├└|`+]\S* ([✓✗▸↺]) (\w+)\b(?! +answered )"
        rows = (re.match(shape, row) for row in rest)
        return Execution(
            status=first.split()[-1],
            checkpoints={row[2]: MARKS[row[1]] for row in rows if row},
        )

    def clean_up(self) -> None:
        """Stop the process that goes on with the execution, if one does."""
        if self.unfinished:
            with suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    [PROGRAMS["kitaru"], "executions", "cancel", self.unfinished],
                    cwd=ROOT,
                    env=self.environment(),
                    capture_output=True,
                    timeout=30,
                    check=False,
                )


def echo(lines: IO[str] | None) -> Iterator[str]:
    """Pass lines on, and print them indented."""
    for line in lines or ():
        print(f"     {line.rstrip()}", flush=True)
        yield line


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill an agent; repeat nothing.")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / ".demo", help="emptied when it begins"
    )
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    signal.signal(signal.SIGALRM, out_of_time)
    stage = Stage(parser.parse_args().folder.resolve())
    try:
        with fresh_folder(stage):
            tell(stage)
    except DemoError as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        stage.clean_up()
    return 0


def out_of_time(*_: object) -> NoReturn:
    raise DemoError(f"it took longer than {PATIENCE:.0f} s")


@contextmanager
def fresh_folder(stage: Stage) -> Iterator[None]:
    """Empty the folder, unless it is somebody else's, and keep it for this demo."""
    if not Path(PROGRAMS["kitaru"]).exists():
        raise DemoError(f"kitaru is not installed beside {sys.executable}")
    folder = stage.folder
    if folder.exists() and any(folder.iterdir()) and not stage.diary.exists():
        raise DemoError(f"{folder} was not made by this demo; choose another --folder")
    folder.mkdir(parents=True, exist_ok=True)
    with stage.diary.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(f"another demo is running in {folder}") from None
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path != stage.diary:
                path.unlink()
        yield


def tell(stage: Stage) -> None:
    print("A research agent is killed, goes on, asks a person, and repeats nothing.")
    print("All commands can be typed in this repository, with its environment active:")
    print(f"\n   $ export KITARU_CONFIG_PATH={shlex.quote(stage.shown(stage.folder))}")

    execution, before = kill_in_the_middle(stage)

    stage.step("Retry it: another process goes on until somebody is asked.")
    stage.unfinished = execution
    output = stage.run("kitaru", "executions", "retry", execution, "--wait")
    expect(" waiting" in output, "it does not wait for the reviewer")

    stage.step("Answer from yet another process. The agent's own has ended long ago.")
    stage.run("kitaru", "executions", "input", execution, "--value", ANSWER)
    runner = ("--follow", "--source", "runner")
    stage.run("kitaru", "executions", "logs", execution, *runner)
    ended = stage.look(execution)
    expect(ended.status == "completed", f"it is {ended.status}, not completed")
    stage.unfinished = None

    stage.step("Count what was really done. Each body has appended a line to a diary.")
    done = stage.work_done()
    prove(before, done[len(before) :], ended)
    report = stage.report.read_text(encoding="utf-8")
    expect(
        "Every quote has a source." in report, "the report lacks the reviewer's note"
    )
    took = time.monotonic() - stage.started
    print(
        f"\nRead the report: {stage.shown(stage.report)}. The demo took {took:.0f} s."
    )


def kill_in_the_middle(stage: Stage) -> tuple[str, list[str]]:
    """Return the execution that was killed, and the work it had begun."""
    for _ in range(TRIES):
        stage.diary.write_text("", encoding="utf-8")
        stage.step(f"Run the agent, and kill it while {VICTIM} is at work.")
        execution = start_and_kill(stage)
        before = stage.work_done()
        stage.step("See what is left of it.")
        found = stage.look(execution)
        expect(found.status != "running", "the dead execution counts as running")
        if found.status == "failed" and VICTIM not in found.named("completed"):
            finished = names_of(before)[:-1]
            expect(found.named("completed") == finished, "finished work was lost")
            return execution, before
        print("\n   The agent was faster than the kill. Once more.")
    raise DemoError(f"the agent was faster than the kill, {TRIES} times")


def start_and_kill(stage: Stage) -> str:
    """Run the agent, kill it inside the body of a checkpoint, return its execution."""
    execution = ""
    report = stage.shown(stage.report)
    with stage.command("python", AGENT, "--stay", "0", "--report", report) as agent:
        for line in echo(agent.stdout):
            words = line.split()
            if words[1:2] == ["research"] and words[3:] == ["started"]:
                execution = words[2]
            # Kitaru names a checkpoint when it begins, and again when it is done.
            if words[1:] == [VICTIM]:
                break
        # It is inside the body as soon as the body has written its line.
        while VICTIM not in names_of(stage.work_done()) and agent.poll() is None:
            time.sleep(0.001)
        agent.kill()
        print(f"   $ kill -9 {agent.pid}")
    expect(bool(execution), "the agent did not start")
    return execution


def names_of(work: Sequence[str]) -> list[str]:
    """Return the invocation ids Kitaru gives to the lines of a diary."""
    seen: Counter[str] = Counter()
    ids: dict[str, str] = {}
    for line in work:
        if line not in ids:
            name = line.partition(":")[0]
            seen[name] += 1
            ids[line] = name if seen[name] == 1 else f"{name}_{seen[name]}"
    return [ids[line] for line in work]


def prove(before: Sequence[str], after: Sequence[str], ended: Execution) -> None:
    """Print how often each body ran, and compare it with what must be."""
    names = names_of([*before, *after])
    first, later = Counter(names[: len(before)]), Counter(names[len(before) :])
    print(f"   {'checkpoint':<15} {'before':>6} {'after':>6}   bodies run")
    wrong = []
    for name in ended.checkpoints:
        runs = first[name] + later[name]
        wanted = 2 if name == VICTIM else 1
        remark = "killed inside, so begun again" if wanted == 2 else ""
        if runs != wanted:
            wrong.append(name)
            remark = f"WRONG, it should be {wanted}"
        row = f"{name:<15} {first[name]:>6} {later[name]:>6}   {runs}  {remark}"
        print(f"   {row.rstrip()}")
    expect(not wrong, f"counted wrongly: {', '.join(wrong)}")
    expect(set(names) == set(ended.checkpoints), "work was done that nobody knows of")
    kept = len(set(names[: len(before)])) - 1
    print(
        f"\n   {kept} finished checkpoints survived the kill; none of them ran again."
    )


def expect(condition: bool, problem: str) -> None:
    if not condition:
        raise DemoError(problem)


if __name__ == "__main__":
    sys.exit(main())
