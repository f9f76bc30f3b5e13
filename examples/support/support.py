"""A support agent: small refunds are paid at once, large ones behind an approval.

    python support.py A-17

A function plays the model; the bank is a file that knows each payment by its key.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

import kitaru
from kitaru import checkpoint, flow

LIMIT = 20.0
BANK = Path("bank.jsonl")
ORDERS = {
    "A-17": {"item": "teapot", "price": 64.0, "complaint": "It arrived broken."},
    "B-02": {"item": "spoon", "price": 3.5, "complaint": "I do not like it."},
}


class Proposal(BaseModel):
    """What the agent wants to do."""

    order: str
    amount: float = Field(ge=0)
    reason: str


class Decision(BaseModel):
    """What the team answers; another amount wins over the proposal."""

    verdict: Literal["refund", "refuse"]
    amount: float | None = Field(default=None, ge=0, le=1000)


@checkpoint(retries=2)
def propose(order: str) -> Proposal:
    """Read order and complaint, and propose: a paid call of a model."""
    facts = ORDERS[order]
    print(f"the model reads: {facts['complaint']}")
    share = 1.0 if "broken" in str(facts["complaint"]) else 0.5
    return Proposal(
        order=order,
        amount=float(facts["price"]) * share,
        reason=str(facts["complaint"]),
    )


@checkpoint
def pay(order: str, amount: float) -> str:
    """Pay, alone: begun twice, the bank knows the key and pays once."""
    key = kitaru.call_key()
    known = BANK.read_text().splitlines() if BANK.exists() else []
    if key not in (json.loads(line)["key"] for line in known):
        with BANK.open("a") as bank:
            bank.write(
                json.dumps({"key": key, "order": order, "amount": amount}) + "\n"
            )
    kitaru.log(paid=amount)
    return f"receipt {key[:8]}"


@checkpoint
def write_letter(proposal: Proposal, receipt: str) -> str:
    """Tell the customer; kept under a name, so that support finds it."""
    text = f"We have refunded order {proposal.order} ({receipt})."
    kitaru.save("letter", text)
    return text


@flow
def refund(order: str) -> str:
    """Propose; ask if it is much; pay; write."""
    proposal = propose(order)
    amount = proposal.amount
    if amount > LIMIT:
        decision = kitaru.wait(
            schema=Decision,
            name="approve",
            question=f"Refund {amount} for order {order}? {proposal.reason}",
        )
        if decision.verdict == "refuse":
            return f"refused: order {order}"
        amount = amount if decision.amount is None else decision.amount
    return write_letter(proposal, pay(order, amount))


if __name__ == "__main__":
    print(refund.run(*sys.argv[1:2] or ["A-17"]).wait())
