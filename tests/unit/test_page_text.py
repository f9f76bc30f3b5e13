"""Whatever flows, models and people write, a page shows it as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from kitaru._engine.memory.engine import MemoryEngine
from kitaru._engine.open import use_engine
from tests.support.page import Page

EVIL = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</textarea><svg onload=alert(1)>",
    "' autofocus onfocus='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "\x1b[2J\x00\x7f",
    "\u202eRTL\u2066\u200b",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "\ud83d",
)
# What no text of a page may contain, wherever it came from.
BIDI = set(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x00\x1b"
)
# Somebody's own words come back to them as they typed them, for them to go on.
TYPED = re.compile(r"<textarea[^>]*>[^<]*</textarea>|<input [^>]*>")
texts = st.lists(st.sampled_from(EVIL) | st.text(max_size=6), min_size=1).map("".join)


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: list[str | None] = []
        self.handlers: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.add(tag)
        if tag == "script":
            self.scripts.append(found.get("src"))
        self.handlers += [name for name in found if name.startswith("on") or name == "style"]  # fmt: skip
        self.links += [found[name] or "" for name in ("href", "src", "action") if name in found]  # fmt: skip


def assert_harmless(page: str) -> None:
    seen = Seen(page)
    assert seen.scripts == ["/static/htmx.min.js", "/static/page.js"]
    assert seen.handlers == []
    assert seen.tags.isdisjoint({"iframe", "object", "embed", "base", "math"})
    assert [link for link in seen.links if not link.startswith(("/", "#"))] == []
    assert BIDI.isdisjoint(TYPED.sub("", page))


@pytest.fixture(scope="module")
def engine() -> Iterator[MemoryEngine]:
    made = MemoryEngine()
    with use_engine(made):
        yield made


@pytest.fixture(scope="module")
def page(engine: MemoryEngine) -> Page:
    return Page()


def addresses(exec_id: str) -> list[str]:
    execution = KitaruClient().executions.get(exec_id)
    at = f"/executions/{exec_id}"
    waits = [*execution.waits, *execution.pending_waits]
    calls = execution.checkpoints
    return [
        "/inbox",
        "/inbox/answered",
        "/executions",
        at,
        f"{at}/log",
        f"{at}/values",
        *(f"{at}/waits/{wait.wait_id}" for wait in waits),
        *(f"{at}?call={call.invocation_id}" for call in calls),
        *(f"{at}/replay?from=kept&override=kept" for call in calls),
        *(f"{at}/values/{a.artifact_id}" for call in calls for a in call.artifacts),
    ]


@settings(max_examples=4)
@example(text="".join(EVIL))
@given(text=texts)
def test_text_is_text_wherever_it_comes_from(page: Page, text: str) -> None:
    storable = text.encode("utf-8", "ignore").decode()

    @checkpoint
    def kept(value: str) -> Any:
        print(value)
        kitaru.log(noted=value)
        kitaru.save("saved", [{value: value}, {value: 2}])
        return {value: [value, {"deep": value}]}

    @flow
    def hostile(value: str) -> None:
        kept(value)
        schema = {"title": value}
        kitaru.wait(
            name="asked",
            schema=str,
            question=value,
            metadata={value: schema},
            timeout=0,
        )
        raise ValueError(value)

    exec_id = hostile.run(storable).exec_id

    for address in addresses(exec_id):
        assert_harmless(page.get(address).text)
    typed = text.encode("utf-8", "replace").decode()
    place = next(a for a in addresses(exec_id) if "/waits/" in a)
    # First refused, with what was typed in it; then stored, and the flow fails with it.
    assert_harmless(page.post(place, {"v": typed, "digest": "0" * 16}).text)
    page.post(place, {"v": "x" + typed})
    for address in addresses(exec_id):
        assert_harmless(page.get(address).text)


@settings(max_examples=10)
@example(text="".join(EVIL))
@given(text=texts)
def test_text_of_an_address_is_text(page: Page, text: str) -> None:
    sent = text.encode("utf-8", "replace").decode()
    fields = dict.fromkeys(("flow", "status", "tag", "where", "since", "page"), sent)

    for found in (
        page.get("/executions", params=fields),
        page.get("/executions/many", params=fields | {"action": sent}),
        page.post("/executions/many", fields | {"action": sent}),
        page.post("/executions/0123/breakpoint", {"add": sent}),
        page.get("/executions/0123/waits/x" + quote(sent, safe="")),
        page.get("/executions/latest", params=fields),
    ):
        assert found.status_code < 500
        if found.status_code != 303:
            assert_harmless(found.text)


def test_a_text_of_a_megabyte_breaks_nothing(page: Page) -> None:
    @checkpoint
    def kept() -> str:
        return "<b>" * 350_000

    @flow
    def long() -> None:
        text = kept()
        kitaru.wait(name="asked", question=text, metadata={"all": text}, timeout=0)

    exec_id = long.run().exec_id

    for address in addresses(exec_id):
        text = page.get(address).text
        assert_harmless(text)
        assert len(text) < 500_000
