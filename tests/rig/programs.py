"""Flows that the tests of the rig run; their steps ring at a `Doorbell`."""

from __future__ import annotations

import re

RING = """
import os
import socket

def node() -> str:
    return os.uname().nodename

def ring(port: int, name: str) -> None:
    '''Ring at the laptop and wait until it lets us in, or sends us away.'''
    if port:
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall(f"{name}\\n".encode())
            if line.recv(3) != b"yes":
                raise ConnectionRefusedError(f"{name} was sent away")
"""

# Reports which of some folders it sees.
AGENT = """
from pathlib import Path

from kitaru import checkpoint, flow, wait
from ring import node, ring

@checkpoint
def plan(topic: str) -> str:
    print("planning on", node())
    return f"plan of {topic} by {node()}"

@checkpoint
def work(plan: str, port: int) -> str:
    print("working on", node())
    ring(port, f"work on {plan.partition(' by ')[0]}")
    return f"{plan}, work by {node()}"

@checkpoint
def write(draft: str, approved: bool, folders: list[str]) -> list[str]:
    seen = [folder for folder in folders if Path(folder).exists()]
    return [draft, str(approved), node(), str(Path.cwd()), *seen]

@flow(stack="rig", image="127.0.0.1:5000/kitaru:rig")
def agent(
    topic: str, folders: list[str] | None = None, seconds: float = 0.0, port: int = 0
) -> list[str]:
    drafted = plan(topic)
    approved = wait(schema=bool, question="Publish?", timeout=seconds)
    return write(work(drafted, port), approved, folders or [])
"""

STEPS = """
from kitaru import checkpoint, flow
from ring import node, ring

@checkpoint
def first(port: int, size: int) -> list[str]:
    ring(port, "first")
    return [f"first by {node()}", "x" * size]

@checkpoint
def second(before: list[str], port: int) -> list[str]:
    print("second begins")
    ring(port, "second")
    print("second ends")
    return [f"{before[0]}, second by {node()}", before[1]]

@checkpoint
def third(before: list[str], port: int) -> list[str]:
    ring(port, "third")
    return [f"{before[0]}, third by {node()}", before[1]]

@flow(stack="rig", image="127.0.0.1:5000/kitaru:rig")
def steps(port: int = 0, size: int = 0) -> list[str]:
    return third(second(first(port, size), port), port)
"""

# Returns the files that came along, and what one of them says.
LUGGAGE = """
from pathlib import Path

from kitaru import checkpoint, flow

@checkpoint
def look() -> list[str]:
    said = Path("data dir/two words.txt").read_text()
    return [said, *sorted(str(p) for p in Path().rglob("*") if p.is_file())]

@flow(stack="rig", image="127.0.0.1:5000/kitaru:rig")
def luggage() -> list[str]:
    return look()

if __name__ == "__main__":
    print(*luggage.run().wait(timeout=170), sep="\\n")
"""

# Bytes that no compression makes small, there and back.
LARGE = """
import random

from kitaru import checkpoint, flow

SIZE = 50_000_000

@checkpoint
def turn(value: bytes) -> bytes:
    return value[::-1]

@flow(stack="rig", image="127.0.0.1:5000/kitaru:rig")
def large(value: bytes) -> bytes:
    return turn(value)

if __name__ == "__main__":
    value = random.Random(0).randbytes(SIZE)
    print(large.run(value).wait(timeout=170) == value[::-1])
"""

# Starts `file:flow` with inputs as JSON, and prints the execution.
START = """
import importlib
import json
import sys

module, flow, inputs = sys.argv[1:]
print(getattr(importlib.import_module(module), flow).run(**json.loads(inputs)).exec_id)
"""


def makers(result: str) -> list[str]:
    """Return the pods that ran the three steps, in order."""
    return re.findall(r"by (\S+?)(?:,|$)", result)
