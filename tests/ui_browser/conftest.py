"""A browser, and `kitaru ui` beside flows that run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    expect,
    sync_playwright,
)

from tests.support.workspace import Workspace
from tests.ui_browser import browsers

FLOWS = Path(__file__).with_name("flows.py")
_PATIENCE_MS = 60_000
expect.set_options(timeout=_PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.e2e)


@dataclass
class Opened:
    """The page as `kitaru ui` serves it."""

    url: str
    workspace: Workspace

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def run(self, name: str, *arguments: str) -> str:
        """Run a flow to its end or its wait, and return its id."""
        flows = self.workspace.project / FLOWS.name
        self.workspace.python(flows, name, *arguments)
        return self.workspace.newest()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = browsers.find()
    if path is None:
        pytest.skip("there is no Chromium here; `make test-ui` installs it on Debian")
    with sync_playwright() as playwright:
        # Its sandbox needs rights that containers do not give.
        started = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox"]
        )
        yield started
        started.close()


@pytest.fixture
def opened(workspace: Workspace) -> Iterator[Opened]:
    workspace.script(FLOWS.name, FLOWS.read_text())
    process = workspace.start_kitaru("ui", "--no-browser", "--port", "0", "-o", "json")
    process.says("token=")
    yield Opened(json.loads(process.stdout)["item"]["url"], workspace)
    process.interrupt()
    process.finish()


@pytest.fixture
def complaints() -> list[str]:
    """What browsers said against the page; a test that ends well has none."""
    return []


@pytest.fixture
def visit(browser: Browser, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Opens tabs of browsers that know nothing of one another."""
    contexts: list[BrowserContext] = []

    def visiting(**options: Any) -> Page:
        context = browser.new_context(**options)
        context.set_default_timeout(_PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text)
                # Statuses that are no success are said as well.
                if said.type == "error" and "status of 4" not in said.text
                else None
            ),
        )
        return page

    yield visiting
    for context in contexts:
        context.close()
    assert complaints == []
