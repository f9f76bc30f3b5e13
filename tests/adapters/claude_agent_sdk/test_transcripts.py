"""Sessions are kept exactly, without what the flow brings along each time."""

from __future__ import annotations

import asyncio
import json

from kitaru.adapters.claude_agent_sdk.transcripts import Given, Sessions

PROMPT = "Summarise the letter; the door opens with 4711-cuckoo"
SYSTEM = "You serve the house of Usher"
ENTRIES = [
    {"type": "user", "message": {"role": "user", "content": PROMPT}},
    {"type": "attachment", "attachment": {"systemPrompt": [f"{SYSTEM}\nmore"]}},
    {"type": "assistant", "message": {"content": [{"type": "text", "text": "Done"}]}},
    {"type": "last-prompt", "lastPrompt": "My password is hunter22222222"},
]


def test_what_is_stored_has_neither_prompt_nor_secret_and_comes_back_whole() -> None:
    given = Given(prompt=PROMPT, system=SYSTEM)

    stored = given.left_out({("s", ""): ENTRIES})
    back = given.put_back(stored)

    written = json.dumps(stored)
    assert "cuckoo" not in written
    assert "Usher" not in written
    assert "hunter" not in written
    assert back[0]["entries"][:3] == ENTRIES[:3]


def test_a_session_is_made_of_what_each_invocation_added() -> None:
    sessions = Sessions()
    for text in ("one", "two"):
        entry = {"type": "user", "message": {"content": text}}
        cost = {"type": "cost-state", "totalCostUSD": 0.1 * len(text)}
        sessions.add([{"session": "s", "file": "", "entries": [entry, cost]}])
    sessions.add([{"session": "s", "file": "subagents/a", "entries": [{"type": "x"}]}])

    transcript = sessions.transcript()

    key = {"project_key": "elsewhere", "session_id": "s"}
    loaded = asyncio.run(transcript.load(key))  # type: ignore[arg-type]  # a plain dict
    assert [entry["type"] for entry in loaded or ()] == ["user", "cost-state"] * 2
    assert asyncio.run(transcript.list_subkeys(key)) == ["subagents/a"]  # type: ignore[arg-type]  # a plain dict
    assert transcript.cost_before("s") == 0.1 * 3
    assert transcript.added == {}
