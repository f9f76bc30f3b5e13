"""Sessions of Claude Code, kept with the checkpoints of a flow.

Each invocation stores what it added to its session. An attempt in another process, on
another machine, puts the parts together again and goes on from there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from claude_agent_sdk import SessionKey
from claude_agent_sdk.types import SessionListSubkeysKey, SessionStoreEntry

from kitaru._core.flows import scope
from kitaru._core.secrecy import masking

Entry = dict[str, Any]
# A session's id, and which of its files: the main one is "".
File = tuple[str, str]
Files = Mapping[File, list[Entry]]

# What stands in place of a text that the flow brings along each time it runs. Private
# characters: nobody writes them.
_MARK = "\ue000kitaru:{}\ue001"
# A shorter one, such as "go", would be found in what has nothing to do with it.
_SHORTEST = 8
# Of the kinds of entries that make a conversation; the others are Claude Code's notes.
_CONVERSATION = frozenset({"user", "assistant", "system", "attachment"})


class Transcript:
    """The session store of one invocation: what is known, and what it adds.

    It has of the SDK's `SessionStore` what an invocation needs, which is enough for it.

    Args:
        known: The entries so far, by file.
    """

    def __init__(self, known: Files) -> None:
        self._known = known
        self.added: dict[File, list[Entry]] = defaultdict(list)

    async def append(self, key: SessionKey, entries: list[SessionStoreEntry]) -> None:
        """Add entries to a file of a session."""
        self.added[_file(key)].extend(dict(entry) for entry in entries)

    async def load(self, key: SessionKey) -> list[SessionStoreEntry] | None:
        """Return a file of a session; of which project, the machine decides."""
        found: Any = self.entries(_file(key))
        return found or None

    async def list_subkeys(self, key: SessionListSubkeysKey) -> list[str]:
        """Return the other files of a session, those of sub-agents."""
        return sorted(
            part
            for session, part in {**self._known, **self.added}
            if session == key["session_id"] and part
        )

    def entries(self, file: File) -> list[Entry]:
        """Return a file, as it is now."""
        return [*self._known.get(file, ()), *self.added.get(file, ())]

    def has(self, session_id: str) -> bool:
        """Whether anything of a session is known."""
        return bool(self.entries((session_id, "")))

    def cost_before(self, session_id: str) -> float:
        """Return what a session had cost when this began, as Claude Code noted it."""
        notes = (
            entry.get("totalCostUSD")
            for entry in reversed(self._known.get((session_id, ""), ()))
            if entry.get("type") == "cost-state"
        )
        return float(next(notes, None) or 0)


def _file(key: SessionKey) -> File:
    return key["session_id"], key.get("subpath") or ""


class Sessions:
    """The sessions of one execution, as far as it has come in this process."""

    def __init__(self) -> None:
        self._files: dict[File, list[Entry]] = defaultdict(list)

    def add(self, parts: Iterable[Mapping[str, Any]]) -> None:
        """Add what an invocation stored."""
        for part in parts:
            self._files[part["session"], part["file"]].extend(part["entries"])

    def transcript(self) -> Transcript:
        """Return the store of the next invocation."""
        known = {file: list(found) for file, found in self._files.items()}
        return Transcript(known)


_sessions: WeakKeyDictionary[scope.FlowRuntime, Sessions] = WeakKeyDictionary()


def sessions() -> Sessions:
    """Return the sessions of the execution that the code belongs to; new ones outside."""
    here = scope.current()
    return (
        Sessions() if here is None else _sessions.setdefault(here.runtime, Sessions())
    )


class Given:
    """Texts that the flow brings along each time, to be left out of what is stored.

    Args:
        texts: Each by a name.
    """

    def __init__(self, **texts: str | None) -> None:
        marks = {
            text: _MARK.format(name)
            for name, text in texts.items()
            if text and len(text) >= _SHORTEST
        }
        # A text that holds another one goes first.
        self._marks = dict(sorted(marks.items(), key=lambda item: -len(item[0])))

    def left_out(self, files: Files) -> list[dict[str, Any]]:
        """Return the entries of files as they are stored."""
        return [
            {
                "session": session,
                "file": file,
                "entries": [self._stored(entry) for entry in entries],
            }
            for (session, file), entries in files.items()
        ]

    def put_back(self, parts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return stored entries with the texts in their places."""
        backwards = {mark: text for text, mark in self._marks.items()}
        return [
            {**part, "entries": _replaced(part["entries"], backwards)} for part in parts
        ]

    def _stored(self, entry: Entry) -> Any:
        replaced = _replaced(entry, self._marks)
        if entry.get("type") in _CONVERSATION:
            return replaced
        # Such as the beginning of the last prompt, for a list of sessions.
        return masking.recorded(replaced)


def _replaced(value: Any, texts: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for text, instead in texts.items():
            value = value.replace(text, instead)
        return value
    if isinstance(value, list):
        return [_replaced(item, texts) for item in value]
    if isinstance(value, dict):
        return {name: _replaced(item, texts) for name, item in value.items()}
    return value
