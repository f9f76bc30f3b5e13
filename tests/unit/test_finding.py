"""A question in a few words leads to the page that answers it."""

from __future__ import annotations

import pytest

from kitaru._core.words import finding
from kitaru._ops import documentation
from kitaru.errors import KitaruUsageError


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("which surface aborts a wait", "capabilities.md"),
        ("another path than before", "errors/KitaruDivergenceError.md"),
        ("KitaruWaitValidationError", "errors/KitaruWaitValidationError.md"),
        ("idempotency key call_key", "concepts.md"),
        ("kill after in a test", "testing.md"),
        ("compare Temporal", "comparison.md"),
        ("kitaru skills check", "commands.md"),
        ("pickled values of a colleague", "trust.md"),
        ("image of a remote stack", "remote.md"),
        ("approvals openai", "openai_agents.md"),
    ],
)
def test_the_page_is_among_the_first(words: str, page: str) -> None:
    found = documentation.find(words, limit=5)

    assert page in [passage.source for passage in found]


def test_a_headline_of_a_block_of_code_is_none() -> None:
    text = "# A\n\n```bash\n# not a heading\n```\n\n## B\n\nhere\n"

    assert [p.heading for p in finding.passages("a", text)] == ["A", "B"]


def test_one_page_gives_at_most_two_passages() -> None:
    text = "# A\n" + "\n".join(f"## {n}\nword" for n in range(5))
    among = list(finding.passages("a", text))

    assert len(finding.best("word", among, limit=5)) == 2


@pytest.mark.parametrize("words", ["", "the a of", "zzzzqqq", "…"])
def test_words_that_say_nothing_find_nothing(words: str) -> None:
    assert documentation.find(words, limit=5) == []


def test_a_page_that_is_none_is_refused_with_what_was_meant() -> None:
    with pytest.raises(
        KitaruUsageError, match=r"no page 'wait.md'; did you mean 'wait"
    ):
        documentation.read("wait.md")
