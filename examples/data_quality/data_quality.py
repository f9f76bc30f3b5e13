"""A data-quality flow on an existing ZenML pipeline: its steps, and a person's decision.

    python data_quality.py

`load_orders` and `check_orders` are the steps of the pipeline as it was. The flow uses
them unchanged and adds what a pipeline lacks: somebody decides when checks fail.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from zenml import pipeline, step

import kitaru
from kitaru import checkpoint, flow

TABLE = Path("orders.json")
Orders = list[dict[str, float]]
Choice = Literal["all", "good_rows", "stop"]


@step(enable_cache=False)
def load_orders(day: int) -> Orders:
    """Load a day's orders: forty minutes, in real life."""
    print(f"loading day {day}")
    return [{"order": n, "amount": (n * 7 % 5) * 10.0 - 10} for n in range(1, 6)]


@step(enable_cache=False)
def check_orders(orders: Orders) -> list[str]:
    """Say what is wrong with them."""
    return [
        f"order {row['order']:.0f} has the amount {row['amount']}"
        for row in orders
        if row["amount"] <= 0
    ]


@pipeline(enable_cache=False)
def nightly() -> None:
    """The pipeline as it was: it ends with the checks."""
    check_orders(load_orders(1))


loaded = checkpoint(load_orders)
checked = checkpoint(check_orders)


@checkpoint
def publish(day: int, orders: Orders) -> int:
    """Swap the table in one step, unless it is of a later day: twice is harmless."""
    if TABLE.exists() and json.loads(TABLE.read_text())["day"] > day:
        return 0
    beside = TABLE.with_suffix(".new")
    beside.write_text(json.dumps({"day": day, "orders": orders}))
    beside.replace(TABLE)
    return len(orders)


@flow
def nightly_quality(day: int) -> str:
    """Load, check, ask if something is wrong, publish."""
    orders = loaded(day)
    problems = checked(orders)
    choice: Choice = "all"
    if problems:
        choice = kitaru.wait(
            schema=Choice,
            name="decide",
            question=f"{len(problems)} of {len(orders)} rows fail: {'; '.join(problems)}",
        )
    if choice == "stop":
        return "stopped; the table is as it was"
    if choice == "good_rows":
        orders = [row for row in orders if row["amount"] > 0]
    return f"published {publish(day, orders)} rows"


if __name__ == "__main__":
    print(nightly_quality.run(1).wait())
