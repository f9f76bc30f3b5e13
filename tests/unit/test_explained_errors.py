"""An error whose page says more than its message leads there, on every surface."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from fastmcp.exceptions import ToolError

from kitaru import errors
from kitaru._ops import documentation
from kitaru.cli import output
from kitaru.cli.output import Format
from kitaru.errors import (
    KitaruBackendError,
    KitaruError,
    KitaruLogRetrievalError,
    KitaruStateError,
    KitaruUsageError,
)
from kitaru.mcp.registry import with_our_errors
from kitaru.shipped import pages

LEADS = "causes, and ways out: "
KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, KitaruError)
]


def bare(kind: type[KitaruError]) -> KitaruError:
    """Return an error of a class without the facts that it wants."""
    return type("Bare", (kind,), {"__init__": lambda self: None})()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_leads_to_its_own_page_or_to_none(kind: type[KitaruError]) -> None:
    page = documentation.explaining(bare(kind))

    assert page in (None, f"errors/{kind.__name__}.md")
    assert page is None or pages.read(page).title == kind.__name__


def test_an_error_derived_from_ours_has_the_page_of_ours() -> None:
    class CloudError(KitaruBackendError):
        """One of somebody else."""

    page = documentation.explaining(CloudError("away"))

    assert page == "errors/KitaruBackendError.md"


def test_the_command_line_names_a_file_that_is_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.fail("executions.logs", KitaruLogRetrievalError("cut off"), Format.TEXT)

    told, more = capsys.readouterr().err.splitlines()
    assert told == "Error: cut off"
    file = Path(more.strip().removeprefix(LEADS))
    assert file.read_text(encoding="utf-8").startswith("# KitaruLogRetrievalError")


@pytest.mark.parametrize("kind", [KitaruUsageError, KitaruStateError])
def test_a_message_that_says_it_all_stands_alone(
    kind: type[KitaruError], capsys: pytest.CaptureFixture[str]
) -> None:
    output.fail("executions.retry", kind("no execution 'x'"), Format.TEXT)

    assert capsys.readouterr().err == "Error: no execution 'x'\n"


def test_json_says_type_and_message_only(capsys: pytest.CaptureFixture[str]) -> None:
    output.fail("info", KitaruBackendError("full"), Format.JSON)

    assert LEADS not in capsys.readouterr().err


def test_an_assistant_is_told_the_call_that_reads_the_page() -> None:
    def tool() -> None:
        raise KitaruBackendError("full")

    with pytest.raises(ToolError) as told:
        with_our_errors(tool, ToolError)()

    assert str(told.value) == (
        "KitaruBackendError: full\n"
        "causes, and ways out: kitaru_docs_find(page='errors/KitaruBackendError.md')"
    )
