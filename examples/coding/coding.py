"""A coding agent: it mends a function until its tests pass, and asks before it saves.

    python coding.py

A script plays the model: its first patch is wrong, its second is right. The tests are
real and run in a process of their own.
"""

from __future__ import annotations

import difflib
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

import kitaru
from kitaru import checkpoint, flow

BROKEN = """\
def slug(title: str) -> str:
    return title.replace(" ", "-")
"""
TESTS = """\
from slug import slug

assert slug("Green Tea") == "green-tea", slug("Green Tea")
assert slug("  Tea! ") == "tea", slug("  Tea! ")
"""
TRIES = 3


@dataclass(frozen=True)
class Report:
    """What the tests said."""

    passed: bool
    said: str


class Review(BaseModel):
    """What a person answers."""

    accept: bool
    note: str = ""


@checkpoint(timeout=60)
def run_tests(code: str) -> Report:
    """Run the tests in a folder of their own, and keep what they say."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "slug.py").write_text(code)
        Path(folder, "test_slug.py").write_text(TESTS)
        done = subprocess.run(
            [sys.executable, "test_slug.py"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    return Report(passed=done.returncode == 0, said=done.stderr[-500:])


@checkpoint(retries=2)
def propose(code: str, report: Report) -> str:
    """Ask the model for better code: this is what costs money."""
    print(f"asking the model; the tests said: {report.said.splitlines()[-1]}")
    kitaru.log(prompt_characters=len(code) + len(report.said))
    return model(code)


@checkpoint
def save_code(code: str) -> str:
    """Write the file: the one effect, in a checkpoint of its own; twice is harmless."""
    Path("slug.py").write_text(code)
    return "slug.py"


@flow
def coding_agent(code: str) -> str:
    """Test, ask the model, test again; then ask a person, and save."""
    start = code
    report = run_tests(code)
    for _ in range(TRIES):
        if report.passed:
            break
        code = propose(code, report)
        report = run_tests(code)
    if not report.passed:
        return f"given up after {TRIES} patches: {report.said}"
    review = kitaru.wait(schema=Review, name="review", question=patch(start, code))
    if not review.accept:
        return f"refused: {review.note}"
    return f"saved {save_code(code)}"


def patch(before: str, after: str) -> str:
    """Return the change, as people read it."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "slug.py", "slug.py", lineterm=""
    )
    return "Save this change?\n" + "\n".join(lines)


def model(code: str) -> str:
    """Play a model: lower case first, and the rest when that was not enough."""
    if ".lower()" not in code:
        return code.replace('.replace(" "', '.lower().replace(" "')
    return (
        "import re\n\n\n"
        "def slug(title: str) -> str:\n"
        '    return "-".join(re.findall(r"[a-z0-9]+", title.lower()))\n'
    )


if __name__ == "__main__":
    print(coding_agent.run(BROKEN).wait())
