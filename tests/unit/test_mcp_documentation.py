"""An assistant finds and reads the pages of the installed version."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.client.client import Client

from tests.support import assistant


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the server says to an assistant that looks for something."""
    heard: dict[str, Any] = {}

    async def look(client: Client) -> None:
        async def ask(**arguments: Any) -> Any:
            return await client.call_tool("kitaru_docs_find", arguments)

        heard["found"] = await ask(words="which surface aborts a wait")
        heard["nothing"] = await ask(words="zzzzqqq")
        heard["page"] = await ask(page="errors/KitaruStateError.md")
        heard["begin"] = await ask(page="api.md")
        heard["rest"] = await ask(page="api.md", offset=20_000)
        heard["none"] = await ask(page="../../pyproject.toml")
        heard["resource"] = await client.read_resource("kitaru://docs/errors/index.md")

    assistant.talk(tmp_path_factory.mktemp("project"), look)
    return heard


def test_words_lead_to_passages_with_their_page(said: dict[str, Any]) -> None:
    passages = said["found"].structured_content["passages"]

    answer = next(p for p in passages if p["page"] == "capabilities.md")
    assert "Who can do what" in answer["title"]


def test_what_is_not_there_leads_to_the_index(said: dict[str, Any]) -> None:
    body = said["nothing"].structured_content

    assert body["passages"] == []
    assert "index.md" in body["notes"][0]


def test_a_page_is_read_whole_or_in_portions(said: dict[str, Any]) -> None:
    whole = said["page"].structured_content
    begin = said["begin"].structured_content
    rest = said["rest"].structured_content

    assert whole["text"].startswith("# KitaruStateError")
    assert whole["next_offset"] is None
    assert len(begin["text"]) == begin["next_offset"] == 20_000
    assert rest["text"]
    assert rest["text"] not in begin["text"]


def test_nothing_but_pages_is_read(said: dict[str, Any]) -> None:
    refused = said["none"]

    assert refused.is_error
    assert "there is no page" in refused.content[0].text


def test_a_page_is_a_resource(said: dict[str, Any]) -> None:
    text = said["resource"].contents[0].text

    assert text.startswith("# Errors")
