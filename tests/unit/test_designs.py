"""A `flow_architecture.md` is sound, or every reason why not is told with its line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kitaru._core.designs import jobs, rules
from kitaru._ops import skills
from kitaru._ops.capabilities import MATRIX
from kitaru.cli.app import app
from kitaru.errors import KitaruUsageError
from tests.support.golden import assert_golden

EXAMPLE = skills.FOLDER / "kitaru-scoping" / "references" / "example.md"
SAMPLES = [EXAMPLE, *sorted(Path(__file__).parents[1].joinpath("designs").glob("*.md"))]
GOOD = EXAMPLE.read_text(encoding="utf-8")
PAY = "| `pay` | Receipt | money moves | the one thing that cannot be undone |\n"
MONEY = "| money moves | `pay` | `call_key()` as the provider's idempotency key |\n"
APPROVE = "| `approve` | flow body, before `pay` | Decision(verdict, note) |"
GRANTED = {str(op): frozenset(map(str, surfaces)) for op, surfaces in MATRIX.items()}


def broken(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sound_document_has_no_problem(sample: Path) -> None:
    report = skills.check(sample)

    assert report.problems == ()
    assert len(SAMPLES) == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(
            broken("## Cross-Flow Data\n", "## Data of Others\n"),
            "section '## Cross-Flow Data' is missing",
            id="section missing",
        ),
        pytest.param(
            broken("## Overview\n", "## Overviews\n"),
            "section 'Overviews' is none of the nine; did you mean 'Overview'?",
            id="section unknown",
        ),
        pytest.param(
            re.sub(
                r"(## Naming.*?)(## Deferred.*?)(## Open)", r"\2\1\3", GOOD, flags=re.S
            ),
            "another order",
            id="order",
        ),
        pytest.param(
            "\n".join(GOOD.splitlines()[:40]), "fewer than 60", id="too short"
        ),
        pytest.param(GOOD + "\nmore\n" * 30, "more than 120", id="too long"),
        pytest.param(
            broken(
                PAY,
                PAY + "| `thank` | None | none | - |\n| `file` | None | none | - |\n",
            ),
            "has 5 checkpoints, more than 4",
            id="too many checkpoints",
        ),
        pytest.param(
            re.sub(r"\| `(look_up|propose)` \| \w+ \| none.*\n", "", GOOD),
            "has 1 checkpoint, fewer than 2",
            id="too few checkpoints",
        ),
        pytest.param(
            broken(APPROVE, "| `sure` | flow body | bool | Sure? |\n" + APPROVE),
            "has 2 waits, more than 1",
            id="too many waits",
        ),
        pytest.param(
            broken("flow body, before `pay`", "checkpoint `pay`"),
            "works in the flow body only",
            id="wait in a checkpoint",
        ),
        pytest.param(
            broken("Decision(verdict, note)", ""),
            "has no schema",
            id="wait without schema",
        ),
        pytest.param(
            broken("| `propose` | the facts", "| `propse` | the facts"),
            "anchor 'propse' is no checkpoint of this flow; did you mean 'propose'?",
            id="anchor unknown",
        ),
        pytest.param(
            broken("| `propose` | the facts", "| `approve` | the facts"),
            "anchor 'approve' is a wait",
            id="anchor is a wait",
        ),
        pytest.param(
            broken("| abort | client |", "| abort | CLI |"),
            "'abort' is not offered by the CLI; it is by: client",
            id="surface denied",
        ),
        pytest.param(
            broken("| artifacts | client |", "| artifacts | dashboard |"),
            "'dashboard' is no surface",
            id="surface unknown",
        ),
        pytest.param(
            broken("| inspect | CLI |", "| teleport | CLI |"),
            "job 'teleport' is none",
            id="job unknown",
        ),
        pytest.param(
            broken(MONEY, MONEY.replace("`pay`", "flow body")),
            "belongs into a checkpoint of its own",
            id="effect in the body",
        ),
        pytest.param(
            broken(MONEY, MONEY + "| a letter | `pay` | look first |\n"),
            "has two side effects",
            id="two effects in one checkpoint",
        ),
        pytest.param(
            broken("`call_key()` as the provider's idempotency key", "none"),
            "has no guard",
            id="effect without guard",
        ),
        pytest.param(
            broken(MONEY, "none\n"),
            "side effect without a line",
            id="effect not told",
        ),
        pytest.param(
            broken("## Deferred\n", "```python\nflow()\n```\n## Deferred\n"),
            "a block of code",
            id="code",
        ),
        pytest.param(
            broken("- letters to customers", "- letters, in 3 sprints"),
            "estimates and plans of time",
            id="estimate",
        ),
        pytest.param(
            broken("- May the", "- a?\n- b?\n- c?\n- May the"),
            "4 open questions, more than 3",
            id="too many questions",
        ),
        pytest.param(
            broken("| `look_up` | OrderFacts", "| `Look-Up` | OrderFacts"),
            "checkpoint name 'Look-Up' is no Python name",
            id="name",
        ),
        pytest.param(
            broken("| `approve` | flow", "| `pay` | flow"),
            "'pay' stands for two things",
            id="one name twice",
        ),
        pytest.param(
            broken("**Replay story:** The", "The"),
            "says nothing of its replay story",
            id="part missing",
        ),
    ],
)
def test_a_broken_document_is_refused_with_the_reason(text: str, reason: str) -> None:
    problems = rules.check(text, GRANTED)

    assert reason in "; ".join(problem.text for problem in problems)
    assert all(1 <= p.line <= len(text.splitlines()) for p in problems)


def test_what_is_more_than_usual_passes_if_it_says_why() -> None:
    many = broken(
        PAY, PAY + "| `thank` | str | none | - |\n| `file` | str | none | - |\n"
    )
    said = many.replace(
        "**Waits:**", "**Why so many checkpoints:** the audit wants each.\n\n**Waits:**"
    )

    assert rules.check(said, GRANTED) == []


@pytest.mark.parametrize("text", ["", "\x00", "#", "|", "## Flow Design\n### Flow:\n|"])
def test_what_is_no_document_at_all_is_refused_and_does_no_harm(text: str) -> None:
    assert rules.check(text, GRANTED)


@pytest.mark.parametrize("op", MATRIX, ids=lambda op: op.name.lower())
def test_every_job_of_the_table_can_be_named(op: Any) -> None:
    found = jobs.offered(str(op), GRANTED)

    assert found is not None
    assert found >= GRANTED[str(op)]


def test_the_command_tells_file_line_and_reason_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "flow_architecture.md"
    path.write_text(broken("| abort | client |", "| abort | CLI |"), encoding="utf-8")

    done = CliRunner().invoke(app, ["skills", "check", str(path)])

    line = GOOD.splitlines().index(
        "| abort | client | the support page, when the customer withdraws |"
    )
    assert done.exit_code == 1
    assert f"{path}:{line + 1}: 'abort' is not offered by the CLI" in done.stdout


def test_the_command_gives_problems_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("design.md").write_text(broken("| abort | client |", "| abort | CLI |"))

    done = CliRunner().invoke(app, ["skills", "check", "design.md", "-o", "json"])

    assert_golden("skills-check", json.loads(done.stdout))


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00bad", b"x" * 2_000_000])
def test_a_file_that_is_no_text_is_refused(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "a.md"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(KitaruUsageError, match=r"a\.md"):
        skills.check(path)
