"""The flows whose executions are recorded beside this file; it is never changed.

They run in pods, which see no file of the test. So each body prints a line, and the
secrets `mended`, `released` and `opened` say when what fails may succeed, and when what
is slow may end.

    python flows.py FLOW TOPIC
"""

from __future__ import annotations

import sys
import time

import kitaru
from kitaru import Resources, checkpoint, flow

LARGE = 70_000
STACK = {"stack": "rig", "image": "127.0.0.1:5000/kitaru:rig"}


class Opaque:
    """What only a pickle can hold: no model, no dataclass."""


def is_set(name: str) -> bool:
    try:
        kitaru.get_secret(name)
    except kitaru.KitaruUsageError:
        return False
    return True


def wait_for(name: str) -> None:
    while not is_set(name):
        time.sleep(0.5)


@checkpoint
def gather(topic: str) -> list[str]:
    print("body gather")
    kitaru.log(sources=3)
    return [f"{topic} {n}" for n in range(3)]


@checkpoint
def polish(source: str) -> str:
    print(f"body polish {source}")
    return source.upper()


@checkpoint
def enlarge(text: str) -> str:
    print("body enlarge")
    return text[:10].ljust(LARGE, ".")


@checkpoint
def wrap(text: str) -> Opaque:
    print("body wrap")
    opaque = Opaque()
    opaque.text = text
    return opaque


@checkpoint
def report(topic: str, parts: list[str]) -> list[str]:
    print("body report")
    kitaru.save("summary", {"topic": topic, "parts": len(parts)}, tags=["short"])
    return parts


@checkpoint
def doubt(topic: str) -> str:
    print("body doubt")
    raise kitaru.KitaruUsageError(f"nothing about {topic}")


@checkpoint
def publish(topic: str) -> str:
    print("body publish")
    if not is_set("mended"):
        raise LookupError(f"no place for {topic}")
    return f"{topic} is out"


@checkpoint
def crawl(topic: str) -> str:
    print("body crawl")
    wait_for("released")
    return f"all of {topic}"


@checkpoint(runtime="isolated", resources=Resources(cpu=0.5))
def apart(sources: list[str]) -> int:
    print("body apart")
    kitaru.save("seen", sources)
    return len(sources)


@checkpoint(runtime="isolated")
def open_up(topic: str) -> str:
    print("body open_up")
    wait_for("opened")
    kitaru.save("door", topic)
    return f"{topic} is open"


@flow(**STACK)
def writing(topic: str) -> list[str]:
    sources = gather(topic)
    parts = polish.map(sources).results()
    whole = enlarge(" ".join(parts))
    wrapped = wrap(f"{len(whole)} by {apart(sources)}")
    return report(topic, [*parts, wrapped.text])


@flow(**STACK)
def asking(topic: str) -> str:
    sources = gather(topic)
    approved = kitaru.wait(
        schema=bool, name="approval", question=f"Publish {topic}?", timeout=0
    )
    if not approved:
        return "not published"
    return polish(" and ".join(sources))


@flow(**STACK)
def mending(topic: str) -> list[str]:
    sources = gather(topic)
    try:
        found = doubt(topic)
    except kitaru.KitaruUsageError as error:
        found = polish(str(error))
    return [*sources, found, str(apart(sources)), publish(topic)]


@flow(**STACK)
def crawling(topic: str) -> list[str]:
    sources = gather(topic)
    return [str(apart(sources)), crawl(topic)]


@flow(**STACK)
def opening(topic: str) -> list[str]:
    sources = gather(topic)
    return [*sources, open_up(topic)]


if __name__ == "__main__":
    print(globals()[sys.argv[1]].run(sys.argv[2]).exec_id)
