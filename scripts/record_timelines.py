"""Record timelines of real executions for `tests/unit/test_recorded_timelines.py`.

Writes `tests/timelines/<name>.json` for each flow below that has no file yet. Recorded
ones stay as they are: what was planned for them has to be planned for ever. For a new
one, add a flow.

    python scripts/record_timelines.py
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tests" / "timelines"
sys.path.insert(0, str(ROOT))

from kitaru import KitaruClient, checkpoint, flow, wait  # noqa: E402
from kitaru._core.calls.records import CallRecord, StoredFailure  # noqa: E402
from kitaru._engine.open import current_engine  # noqa: E402
from tests.support import timelines  # noqa: E402


@checkpoint
def gather(topic: str) -> list[str]:
    """Return sources."""
    return [f"{topic} {i}" for i in range(3)]


@checkpoint
def draft(sources: list[str], style: object = "plain") -> str:
    """Return a text; a pattern as style has no fingerprint."""
    return f"{style}: {', '.join(sources)}"


@checkpoint
def review(text: str) -> int:
    """Return a grade."""
    return len(text)


@checkpoint
def search(topic: str) -> list[str]:
    """Find nothing."""
    raise LookupError(f"nothing about {topic}")


@checkpoint(retries=2)
def flaky(text: str) -> str:
    """Fail until there is no attempt left."""
    raise TimeoutError("slow")


def sequence() -> str:
    """Three calls, one after the other; the inputs of the second are unknown."""

    @flow
    def writing() -> int:
        return review(draft(gather("cats"), re.compile("x")))

    return writing.run().exec_id


def loop() -> str:
    """A loop, with a wait between the rounds."""

    @flow
    def looping() -> list[int]:
        grades = []
        for n in range(2):
            grades.append(review(draft(gather(f"round {n}"))))
            wait(timeout=0)
        return grades

    exec_id = looping.run().exec_id
    for _ in range(2):
        KitaruClient().executions.input(exec_id)
    return exec_id


def mapped() -> str:
    """Concurrent calls between two others, one of them with an id of its own."""

    @flow
    def mapping() -> int:
        sources = gather("cats")
        special = review.submit("special", id="review/special")
        grades = review.map(sources).results()
        return review(str(sum(grades) + special.result()))

    return mapping.run().exec_id


def caught_failure() -> str:
    """A failure that the flow caught, and what it did instead."""

    @flow
    def careful() -> int:
        try:
            sources = search("cats")
        except LookupError:
            sources = gather("dogs")
        return review(draft(sources))

    return careful.run().exec_id


def failed_attempt() -> str:
    """A failure that ended the execution, after all attempts of the call."""

    @flow
    def failing() -> str:
        return flaky(draft(gather("cats")))

    return failing.run().exec_id


def replayed_with_override() -> str:
    """A replay: a reused call, an overridden one, and two that ran."""

    @flow
    def writing(style: str) -> int:
        sources = gather("cats")
        text = draft(sources, style)
        return review(text) + review("end")

    first = writing.run("plain")
    calls = KitaruClient().executions.get(first.exec_id).checkpoints
    again = writing.replay(
        first.exec_id,
        from_=calls[2].call_id,
        overrides={"checkpoint.draft": "something else"},
    )
    return again.exec_id


FLOWS: tuple[Callable[[], str], ...] = (
    sequence,
    loop,
    mapped,
    caught_failure,
    failed_attempt,
    replayed_with_override,
)


@contextmanager
def own_store() -> Iterator[None]:
    """Use a store that nobody else sees."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(KITARU_CONFIG_PATH=folder, ZENML_CONFIG_PATH=folder)
        yield


def without_places(call: CallRecord) -> CallRecord:
    """Return the record without what belongs to this machine."""

    def bare(failure: StoredFailure | None) -> StoredFailure | None:
        return failure and replace(failure, traceback="")

    attempts = tuple(replace(a, failure=bare(a.failure)) for a in call.attempts)
    return replace(call, attempts=attempts, failure=bare(call.failure))


def main() -> int:
    """Record what is not there yet."""
    FOLDER.mkdir(exist_ok=True)
    with own_store():
        for run in FLOWS:
            path = FOLDER / f"{run.__name__.replace('_', '-')}.json"
            if path.exists():
                print(f"{path.relative_to(ROOT)}: kept")
                continue
            recorded = current_engine().recorded(run()).calls
            calls = sorted(map(without_places, recorded), key=lambda c: c.order)
            text = timelines.dump(run.__doc__ or "", calls)
            assert str(ROOT) not in text
            assert tempfile.gettempdir() not in text
            path.write_text(text, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: recorded, {len(calls)} calls")
    return 0


if __name__ == "__main__":
    sys.exit(main())
