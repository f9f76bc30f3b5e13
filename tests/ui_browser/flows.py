"""Flows that ask, fail and die."""

from __future__ import annotations

import sys
import time
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

import kitaru
from kitaru import checkpoint, flow


class Card(BaseModel):
    kind: Literal["card"] = "card"
    number: str = Field(min_length=4, description="As printed on the card.")


class Bank(BaseModel):
    kind: Literal["bank"] = "bank"
    iban: str = Field(max_length=34)


class Line(BaseModel):
    item: str = Field(min_length=2, max_length=60)
    quantity: int = Field(ge=1, le=20)


class Order(BaseModel):
    """What to buy, and how to pay for it."""

    approved: bool
    deliver_on: date = Field(description="The day it has to be here.")
    lines: list[Line] = Field(min_length=1)
    pay: Annotated[Card | Bank, Field(discriminator="kind")]
    note: str | None = None


@checkpoint
def gather(topic: str) -> list[str]:
    print("gathering", topic)
    return [f"{topic} {number}" for number in range(3)]


@checkpoint
def charge(sources: list[str]) -> int:
    if len(sources) > 2:
        raise ValueError("too many sources to pay for")
    return len(sources)


@checkpoint
def endless() -> int:
    Path("begun").touch()
    time.sleep(600)
    return 0


@flow
def purchase(customer: str) -> str:
    found = gather(customer)
    order = kitaru.wait(
        name="order",
        schema=Order,
        question="What do we order?",
        metadata={"customer": customer, "offers": found},
        timeout=0,
    )
    return order.lines[-1].item


@flow
def billing(customer: str) -> int:
    return charge(gather(customer))


@flow
def approval(topic: str) -> bool:
    gather(topic)
    return kitaru.wait(
        name="approve", schema=bool, question=f"Publish {topic}?", timeout=0
    )


@flow
def dying() -> int:
    gather("tea")
    return endless()


if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    labels = {"customer": arguments[0]} if arguments else {}
    globals()[name].run(*arguments, attributes=labels)
