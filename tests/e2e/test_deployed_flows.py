"""An operator deploys a flow and lives on without the folder; ZenML is not in the way.

What the terminal showed is docs/deploying_session.md; `UPDATE_GOLDEN=1` writes it anew.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from itertools import count
from pathlib import Path

import pytest

from tests.support.polling import eventually
from tests.support.store import kitaru_command
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

PAGE = Path(__file__).parent.parent.parent / "docs" / "deploying_session.md"
HEAD = """# A session with a deployed flow

What a terminal shows when a flow is deployed, its folder edited and then removed, its executions answered, replayed,
rolled back and deleted. This page is written by a test; ids, times and places are made up. What it means is in
[deploying](deploying.md).

"""
STEADY = (
    (re.compile(r"\d\d:\d\d:\d\d"), "12:00:00"),
    (re.compile(r"process \d+ goes on.*"), "process 4711 goes on"),
    (re.compile(r"\b(just now|\d+ [smh] ago)"), "just now"),
    (re.compile(r"<1 ms|\b\d+ m \d\d s\b|\b\d+(\.\d+)? (ms|s)\b"), "20 ms"),
    (re.compile(r"\b\d+(\.\d+)? (B|kB)\b"), "1 kB"),
    (re.compile(r"\S+@\S+"), "you@laptop"),
    (re.compile(r"(just now|you@laptop) +"), r"\1  "),
    (re.compile(r"(STARTED|BY|DEPLOYED) +"), r"\1  "),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)
ID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{8}\b")
CODE = re.compile(r"(?<![-\w])[0-9a-f]{12}\b")
# An execution may have ended by the time the command that answered looks at it again.
FASTER = re.compile(r"^(\$ kitaru executions input .*\n)(\w+ \w+) completed$", re.M)

FLOW = """
import sys
from pathlib import Path

import kitaru
from kitaru import checkpoint, flow
from words import shout


@checkpoint
def gather(topic: str) -> str:
    assert "zenml" not in sys.modules
    return shout(topic) + Path("data/sources of all.txt").read_text().strip()


@checkpoint
def publish(text: str) -> str:
    return "published: " + text


@flow
def research(topic: str, times: int = 1) -> str:
    found = gather(topic) * times
    if not kitaru.wait(schema=bool, name="approve", question="Publish?", timeout=0):
        return "dropped"
    return publish(found)
"""


class Person:
    """Types commands in one folder and another, and keeps what the screen shows."""

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self.folder = folder
        self.shown = ""
        self._environment = workspace.environment | {"NO_COLOR": "1"}

    def types(self, line: str, *, code: int = 0, kept: bool = True) -> str:
        """Run a command; return what it printed."""
        program, *words = shlex.split(line)
        assert program == "kitaru"
        done = subprocess.run(
            [kitaru_command(), *words],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        printed = done.stdout + done.stderr
        assert done.returncode == code, printed
        if kept:
            self.shown += f"$ {line}\n{printed}\n"
        return done.stdout

    def does(self, what: str) -> None:
        """Keep what happened beside the terminal."""
        self.shown += f"# {what}\n\n"

    def items(self, line: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(
            self.types(f"{line} -o json", kept=False)
        )["items"]
        return found

    def until(self, execution: str, status: str) -> dict[str, object]:
        """Wait until an execution has a status; return it."""

        def look() -> dict[str, object] | None:
            line = f"kitaru executions get {execution} -o json"
            found: dict[str, object] = json.loads(self.types(line, kept=False))["item"]
            return found if found["status"] == status else None

        return eventually(look, what=f"{execution} is {status}")

    @property
    def newest(self) -> str:
        (found,) = self.items("kitaru executions list --limit 1")
        return str(found["exec_id"])


@pytest.fixture
def person(workspace: Workspace) -> Person:
    workspace.script("agents/flows/research.py", FLOW)
    workspace.script("agents/flows/words.py", "def shout(text): return text + '! '\n")
    workspace.script("agents/data/sources of all.txt", "two papers\n")
    return Person(workspace, workspace.project / "agents")


def steady(shown: str) -> str:
    """Put ids in the order they come, and what changes from run to run as one thing."""
    numbers = count(1)
    known: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        short = known.setdefault(found[0][:8], f"{next(numbers):08x}")
        return short if len(found[0]) == 8 else short + found[0][8:].translate(_ZEROS)

    def code(found: re.Match[str]) -> str:
        return known.setdefault(found[0], f"c0de{next(numbers):08x}")

    shown = CODE.sub(code, ID.sub(named, shown))
    shown = FASTER.sub(r"\1\2: process 4711 goes on", shown)
    for pattern, text in STEADY:
        shown = pattern.sub(text, shown)
    return shown


_ZEROS = str.maketrans("123456789abcdef", "0" * 15)


def test_a_session_with_a_deployed_flow(person: Person, workspace: Workspace) -> None:
    agents = person.folder
    person.types("kitaru deploy flows/research.py:research")
    person.types("""kitaru invoke research --args '{"topik": "tides"}'""", code=2)
    person.types("""kitaru invoke research --args '{"topic": "tides"}'""")
    first = person.newest
    person.until(first, "waiting")

    person.does("flows/words.py is edited: it shouts louder")
    (agents / "flows" / "words.py").write_text("def shout(t): return t + '!!! '\n")
    person.types("kitaru deploy flows/research.py:research --tag loud")
    person.types("kitaru deploy flows/research.py:research")
    person.types("""kitaru invoke research --args '{"topic": "moons"}' --wait""")
    second = person.newest

    person.does("the folder of the project is removed")
    shutil.rmtree(agents)
    person.folder = workspace.project
    for execution in (first, second):
        person.types(f"kitaru executions input {execution[:8]} --value true")
        person.until(execution, "completed")
    person.types(f"kitaru executions get {first[:8]}")
    assert person.until(second, "completed")["result"] == (
        "published: moons!!! two papers"
    )

    person.types("kitaru flow tag research 1 default")
    person.types("""kitaru invoke research --args '{"topic": "winds"}'""")
    third = person.newest
    assert person.until(third, "waiting")["version"] == 1
    person.types(f"kitaru executions replay {first[:8]} --from publish", kept=False)
    replay = person.newest
    person.until(replay, "waiting")
    person.types("kitaru flow deployments delete research 3 --yes")
    person.types("kitaru flow show research")
    person.types("kitaru flow deployments list")

    of_first = person.items("kitaru executions list")
    assert {one["exec_id"] for one in of_first} == {first, second, third, replay}
    text = f"{HEAD}```console\n{steady(person.shown).rstrip()}\n```\n"
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(text, encoding="utf-8")
    assert text == PAGE.read_text(encoding="utf-8")


def test_code_comes_back_from_its_archive_and_damage_is_told(
    person: Person, workspace: Workspace
) -> None:
    person.types("kitaru deploy flows/research.py:research")
    person.types("""kitaru invoke research --args '{"topic": "tides"}'""")
    execution = person.newest
    person.until(execution, "waiting")
    unpacked = workspace.config / "kitaru" / "code"
    shutil.rmtree(person.folder)
    person.folder = workspace.project

    shutil.rmtree(unpacked)
    person.types(f"kitaru executions input {execution} --value true")
    done = person.until(execution, "completed")
    assert done["result"] == "published: tides! two papers"

    (archive,) = workspace.config.glob("local_stores/*/code_uploads/*.tar.gz")
    archive.write_bytes(archive.read_bytes()[:100])
    shutil.rmtree(unpacked)
    again = """kitaru invoke research --args '{"topic": "moons"}'"""
    person.types(again, code=1)
    archive.unlink()
    person.types(again, code=1)
    damaged, missing = re.findall(r"Error: (.*)", person.shown)
    assert (str(archive) in damaged, "is damaged" in damaged) == (True, True)
    assert (str(archive) in missing, "is not there any more" in missing) == (True, True)
    assert person.newest == execution


FAILING = """
from pathlib import Path

from kitaru import checkpoint, flow


@checkpoint
def gather(folder: str) -> str:
    with Path(folder, "effects").open("a") as file:
        file.write("gather ")
    return "two papers"


@checkpoint
def publish(folder: str, text: str) -> str:
    with Path(folder, "effects").open("a") as file:
        file.write("publish ")
    if not Path(folder, "ink").exists():
        raise RuntimeError("no ink")
    return f"VERSION: {text}"


@flow
def article(folder: str) -> str:
    return publish(folder, gather(folder))
"""


def test_a_retry_runs_the_code_that_has_failed_and_what_is_left_of_it(
    person: Person, workspace: Workspace
) -> None:
    agents, outside = person.folder, workspace.project
    file = agents / "flows" / "article.py"
    file.write_text(FAILING.replace("VERSION", "first"))
    person.types("kitaru deploy flows/article.py:article")
    given = shlex.quote(json.dumps({"folder": str(outside)}))
    person.types(f"kitaru invoke article --args {given} --wait", code=1)
    failed = person.newest
    file.write_text(FAILING.replace("VERSION", "second"))
    person.types("kitaru deploy flows/article.py:article")
    shutil.rmtree(agents)
    person.folder = outside

    (outside / "ink").touch()
    person.types(f"kitaru executions retry {failed} --wait")

    done = person.until(failed, "completed")
    assert (done["result"], done["version"]) == ("first: two papers", 1)
    assert (outside / "effects").read_text() == "gather publish publish "
