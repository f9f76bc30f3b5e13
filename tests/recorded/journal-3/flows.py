"""The flows whose executions are recorded beside this file; it is never changed.

Each body leaves a line in the file `bodies`. The files `mended` and `released` say when
what fails may succeed, and when what is slow may end.

    python flows.py FLOW TOPIC
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import kitaru
from kitaru import Resources, checkpoint, flow
from kitaru.models import ExecutionStatus, Usage

LARGE = 70_000


class Opaque:
    """What only a pickle can hold: no model, no dataclass."""


@dataclass(frozen=True)
class Report:
    """A value with a type of the user's."""

    topic: str
    parts: tuple[str, ...]


def leave_line(text: str) -> None:
    with Path("bodies").open("a") as file:
        file.write(f"{text}\n")


@checkpoint
def gather(topic: str) -> list[str]:
    leave_line("gather")
    print(f"gathering {topic}")
    kitaru.log(sources=3)
    return [f"{topic} {n}" for n in range(3)]


@checkpoint
def polish(source: str) -> str:
    leave_line(f"polish {source}")
    return source.upper()


@checkpoint
def enlarge(text: str) -> str:
    leave_line("enlarge")
    return text[:10].ljust(LARGE, ".")


@checkpoint(cache=True)
def price(topic: str) -> float:
    leave_line(f"price of {topic}")
    return len(topic) / 4


@checkpoint
def needs(size: Resources) -> dict[str, object]:
    leave_line("needs")
    return {"size": size, "usage": Usage(requests=2), "was": ExecutionStatus.WAITING}


@checkpoint
def wrap(text: str) -> Opaque:
    leave_line("wrap")
    opaque = Opaque()
    opaque.text = text
    return opaque


@checkpoint
def report(topic: str, parts: list[str]) -> Report:
    leave_line("report")
    kitaru.save("summary", {"topic": topic, "parts": len(parts)}, tags=["short"])
    Path("notes.txt").write_text(f"notes on {topic}\n")
    kitaru.save("notes", Path("notes.txt"), type="blob")
    return Report(topic, tuple(parts))


@checkpoint
def doubt(topic: str) -> str:
    leave_line("doubt")
    raise kitaru.KitaruUsageError(f"nothing about {topic}")


@checkpoint(retries=1)
def publish(topic: str) -> str:
    leave_line("publish")
    if not Path("mended").exists():
        raise LookupError(f"no place for {topic}")
    return f"{topic} is out"


@checkpoint
def crawl(topic: str) -> str:
    leave_line("crawl")
    while not Path("released").exists():
        time.sleep(0.02)
    return f"all of {topic}"


@checkpoint(runtime="isolated")
def apart(sources: list[str]) -> int:
    leave_line("apart")
    print("apart from the others")
    kitaru.save("seen", sources)
    return len(sources)


@flow
def writing(topic: str) -> Report:
    sources = gather(topic)
    parts = polish.map(sources).results()
    whole = enlarge(" ".join(parts))
    cost = price(topic)
    size = needs(Resources(cpu=2, memory="1GiB"))
    wrapped = wrap(f"{len(whole)} for {cost}, {size['was']}")
    title = kitaru.llm(f"A title for {topic}", model="openai/gpt-5-mini")
    return report(topic, [*parts, wrapped.text, title])


@flow
def asking(topic: str) -> str:
    sources = gather(topic)
    approved = kitaru.wait(
        schema=bool, name="approval", question=f"Publish {topic}?", timeout=0
    )
    if not approved:
        return "not published"
    return polish(" and ".join(sources))


@flow
def mending(topic: str) -> list[str]:
    sources = gather(topic)
    try:
        found = doubt(topic)
    except kitaru.KitaruUsageError as error:
        found = polish(str(error))
    return [*sources, found, publish(topic)]


@flow
def crawling(topic: str) -> list[str]:
    sources = gather(topic)
    return [*polish.map(sources).results(), crawl(topic)]


@flow
def sending(topic: str) -> str:
    sources = gather(topic)
    return polish(f"{apart(sources)} of {topic}")


@flow
def sending_on(topic: str) -> str:
    sources = gather(topic)
    count = apart(sources)
    return f"{count}: {publish(topic)}"


if __name__ == "__main__":
    print(globals()[sys.argv[1]].run(sys.argv[2]).exec_id)
