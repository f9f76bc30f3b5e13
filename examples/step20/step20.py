"""Stop the next run before step 20, look, swap one input, go on, compare.

    python step20.py

An agent of 24 steps prices a teapot; a function plays its model and its tools. Its first
run comes to a strange price, and somebody doubts step 20.
"""

from __future__ import annotations

import kitaru
from kitaru import KitaruClient, checkpoint, flow

STEPS = 24


@checkpoint
def step(number: int, found: str) -> str:
    """Do one step with what was found so far: a paid call of a model or tool."""
    if number == 19:
        return "the teapot costs 64 yen"  # it misread a sign
    if number == 20:
        amount, currency = found.split()[-2:]
        rate = {"euro": 1.0, "yen": 0.006}[currency]
        return f"in euro: {float(amount) * rate:.2f}"
    return found if number > 20 else f"page {number} of the catalogue"


@flow
def agent(task: str) -> str:
    """Take one step after the other."""
    found = task
    for number in range(1, STEPS + 1):
        found = step(number, found)
    kitaru.log(steps=STEPS)
    return found


def main() -> None:
    """Do what an operator, or another agent, does at a doubtful step."""
    client = KitaruClient()
    first = agent.run("the price of a teapot")
    print("the first run:", first.wait())

    paused = agent.run("the price of a teapot", break_before=["step_20"])
    stop = client.executions.get(paused.exec_id).pending_waits[0]
    print(f"the next one stops at {stop.name}, given {stop.metadata['arguments']}")

    right = {"checkpoint.step_19": "the teapot costs 64 euro"}
    again = agent.replay(paused.exec_id, from_="step_19", overrides=right)
    print("with one input swapped:", again.wait())
    client.executions.input(paused.exec_id, wait=stop.name, value={"action": "stop"})

    compared = client.executions.compare(first.exec_id, again.exec_id)
    assert compared.first is not None
    print("the runs part at", compared.first.name + ":", compared.first.text)


if __name__ == "__main__":
    main()
