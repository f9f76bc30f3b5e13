"""Nothing is sent unless somebody said so: by Kitaru, by ZenML in it, by `zenml` beside."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

# What ZenML decides when it is about to send.
ZENML_WOULD_SEND = """
import sys

if "zenml first" in sys.argv:
    import zenml
from kitaru._engine.zenml.setup.importing import import_zenml

import_zenml()
from zenml.analytics.context import AnalyticsContext
from zenml.client import Client

Client().active_stack
with AnalyticsContext() as context:
    print(context.analytics_opt_in)
"""


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A configuration folder that nothing has been in yet."""
    return Workspace(tmp_path, tmp_path / "config")


def said_to_zenml(place: Workspace) -> str:
    """Return what `zenml` reads in its configuration."""
    lines = (place.config / "config.yaml").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("analytics_opt_in")]
    return line.partition(": ")[2]


def test_off_by_default_and_asking_makes_nothing(place: Workspace) -> None:
    found = place.kitaru_item("analytics", "status")

    assert found == {"opted_in": False, "said_by": "default"}
    assert not place.config.exists()


def test_a_choice_is_kept_and_told_to_zenml(place: Workspace) -> None:
    stored = str(place.config / "kitaru" / "settings.json")

    assert place.kitaru_item("analytics", "opt-in")["opted_in"] is True
    assert said_to_zenml(place) == "true"
    assert place.kitaru_item("analytics", "status") == {
        "opted_in": True,
        "said_by": stored,
    }
    out = place.kitaru("analytics", "opt-out")

    assert out.stdout == f"analytics are off: nothing is sent ({stored})\n"
    assert said_to_zenml(place) == "false"


def test_the_variable_wins_and_the_command_says_so(place: Workspace) -> None:
    place.kitaru("analytics", "opt-in")

    off = place.kitaru(
        "analytics", "opt-in", environment={"KITARU_ANALYTICS_OPT_IN": "0"}
    )

    assert off.stdout.splitlines() == [
        "analytics are off: nothing is sent (KITARU_ANALYTICS_OPT_IN)",
        "your choice is stored, but KITARU_ANALYTICS_OPT_IN is set and wins",
    ]


def test_a_damaged_choice_is_no_yes(place: Workspace) -> None:
    folder = place.config / "kitaru"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text("{")

    assert place.kitaru_item("analytics", "status")["opted_in"] is False


def test_zenml_in_our_processes_obeys_whoever_imports_it(workspace: Workspace) -> None:
    file = workspace.config / "config.yaml"
    file.write_text(
        file.read_text().replace("analytics_opt_in: false", "analytics_opt_in: true")
    )
    script = workspace.script("would_send.py", ZENML_WOULD_SEND)

    assert workspace.python(script).stdout.split() == ["False"]
    assert workspace.python(script, "zenml first").stdout.split()[-1] == "False"
    workspace.kitaru("analytics", "opt-in")
    assert workspace.python(script).stdout.split() == ["True"]
