"""Run the Python blocks of README and docs that stand after `<!-- run -->`.

A `text` block right after one is what it prints. After `<!-- run, answer -->` the block
asks a question, and the command it prints is run as printed.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KITARU = str(Path(sys.executable).with_name("kitaru"))
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
SNIPPET = re.compile(
    r"^<!-- run(?P<answer>, answer)? -->\n```python\n(?P<code>.*?)^```\n"
    r"(?:\n?```text\n(?P<prints>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\]\((?!https?://)([^)#]+)[^)]*\)")
COMMAND = re.compile(r"answer with: kitaru (.*)")


@dataclass(frozen=True)
class Snippet:
    """A Python block, and what it prints if the page says so."""

    name: str
    code: str
    prints: str | None
    asks: bool


def snippets() -> Iterator[Snippet]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in SNIPPET.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            name = f"{page.relative_to(ROOT)}:{line}"
            yield Snippet(
                name, match["code"], match["prints"], asks=bool(match["answer"])
            )


SNIPPETS = tuple(snippets())


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with a configuration folder of its own, shared to save time."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("KITARU_", "ZENML_"))
    }
    folder = tmp_path_factory.mktemp("configuration")
    return {
        **environment,
        "KITARU_CONFIG_PATH": str(folder),
        "PYTHONIOENCODING": "utf-8",
    }


def run(
    script: Path, environment: dict[str, str], *, asks: bool
) -> tuple[int, str, str]:
    """Run a script, answer what it asks, and return its exit code and output."""
    with (script.parent / "stdout").open("w+", encoding="utf-8") as printed:
        process = subprocess.Popen(
            [sys.executable, str(script)],
            cwd=script.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        assert process.stderr is not None
        said = []
        answers = []
        for line in process.stderr:
            said.append(line)
            asked = COMMAND.search(line)
            if asks and asked:
                answers.append(
                    subprocess.Popen(
                        [KITARU, *shlex.split(asked[1])],
                        cwd=script.parent,
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                    )
                )
        code = process.wait()
        for answer in answers:
            code = answer.wait() or code
        printed.seek(0)
        return code, printed.read(), "".join(said)


def test_the_pages_have_snippets() -> None:
    assert {snippet.name.partition(":")[0] for snippet in SNIPPETS} >= {
        "README.md",
        "docs/concepts.md",
        "docs/concurrency.md",
        "docs/operating.md",
        "docs/replay.md",
        "docs/secrets.md",
        "docs/stacks.md",
        "docs/values.md",
        "docs/waits.md",
    }


@pytest.mark.zenml
@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.name)
def test_a_snippet_prints_what_the_page_says(
    snippet: Snippet, configuration: dict[str, str], tmp_path: Path
) -> None:
    script = tmp_path / "snippet.py"
    script.write_text(snippet.code, encoding="utf-8")

    code, printed, said = run(script, configuration, asks=snippet.asks)

    assert code == 0, said
    if snippet.prints is not None:
        assert printed == snippet.prints, said


@pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: str(page.relative_to(ROOT)).replace("/", "-")
)
def test_links_of_a_page_lead_to_files(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))

    missing = [link for link in links if not (page.parent / link).exists()]

    assert missing == []
