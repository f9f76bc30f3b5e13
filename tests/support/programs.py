"""Programs that several tests run, as users write them."""

from __future__ import annotations

# The first program of the documentation, unchanged.
RESEARCH_AGENT = """
import kitaru
from kitaru import checkpoint, flow

@checkpoint
def gather_sources(topic: str) -> list[str]:
    return search_papers(topic)

@checkpoint
def analyze(sources: list[str]) -> str:
    return call_llm(f"Analyze: {sources}")

@flow
def research_agent(topic: str) -> str:
    sources = gather_sources(topic)
    approved = kitaru.wait(schema=bool, question=f"Found {len(sources)} sources. Continue?")
    if not approved:
        return "Stopped by reviewer."
    return analyze(sources)
"""

RESEARCH_MAIN = """
def search_papers(topic):
    with open("side_effects", "a") as file:
        file.write("search\\n")
    return [f"{topic} 1", f"{topic} 2"]

def call_llm(prompt):
    with open("side_effects", "a") as file:
        file.write("llm\\n")
    return prompt.upper()

if __name__ == "__main__":
    print(research_agent.run("durability").wait())
"""

# Forty steps that leave a line each; some are slow, as told by files.
FORTY_STEPS = """
import os
import time

from kitaru import checkpoint, flow

@checkpoint
def step(n: int) -> int:
    with open("side_effects", "a") as file:
        file.write(f"{n}\\n")
    while os.path.exists(f"block_{n}"):
        time.sleep(0.01)
    return n * n

@flow
def forty_steps() -> int:
    total = 0
    for n in range(1, 41):
        total += step(n)
    return total

if __name__ == "__main__":
    print(forty_steps.run().wait())
"""
FORTY_STEPS_RESULT = sum(n * n for n in range(1, 41))

READ_RESULT = """
import json
import sys

from kitaru import FlowHandle

print(json.dumps(FlowHandle(sys.argv[1]).get()))
"""

# Three steps; the middle one fails until the file `fixed` exists.
FLAKY = """
import os

from kitaru import KitaruUserCodeError, checkpoint, flow

def leave_line(text):
    with open("side_effects", "a") as file:
        file.write(f"{text}\\n")

@checkpoint
def first() -> str:
    leave_line("first")
    return "a"

@checkpoint
def second(text: str) -> str:
    leave_line("second")
    if not os.path.exists("fixed"):
        raise LookupError("no file 'fixed'")
    return text + "b"

@checkpoint
def third(text: str) -> str:
    leave_line("third")
    return text + "c"

@flow
def flaky() -> str:
    return third(second(first()))
"""
