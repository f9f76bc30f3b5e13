"""What an execution may spend on language models, and when it has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from kitaru._core.words.similar import did_you_mean, shorten
from kitaru._core.words.wording import money
from kitaru.errors import KitaruBudgetError, KitaruUsageError
from kitaru.models import Usage

Unit = Literal["usd", "tokens"]
Answer = float | Literal["stop"]
# The name of the wait, and how people end it.
WAIT, STOP = "budget", "stop"


@dataclass(frozen=True)
class Budget:
    """What an execution may spend on language models before it asks.

    Attributes:
        usd: US dollars, 0 or more; `None` for no limit.
        tokens: Tokens sent and received, 0 or more; `None` for no limit.

    Raises:
        KitaruUsageError: For a negative or endless amount, or without any.

    Example:
        >>> Budget(usd=5, tokens=200_000)
        Budget(usd=Decimal('5'), tokens=200000)
    """

    usd: float | Decimal | None = None
    tokens: int | None = None

    def __post_init__(self) -> None:
        if self.usd is None and self.tokens is None:
            raise KitaruUsageError(
                "a budget needs a limit: Budget(usd=5), Budget(tokens=200_000) or both"
            )
        if self.usd is not None:
            object.__setattr__(self, "usd", _dollars(self.usd))
        if self.tokens is not None:
            object.__setattr__(self, "tokens", _tokens(self.tokens))

    def said(self) -> dict[str, Any]:
        """Return what is limited, as JSON data."""
        dollars = None if self.usd is None else str(self.usd)
        found = {"usd": dollars, "tokens": self.tokens}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit that is reached.

    Attributes:
        unit: What is limited.
        limit: How much may be spent.
        spent: How much is.
    """

    unit: Unit
    limit: Decimal | int
    spent: Decimal | int

    @property
    def told(self) -> str:
        """What is spent, of how much."""
        if self.unit == "usd":
            return f"spent {money(Decimal(self.spent))} of {money(Decimal(self.limit))}"
        return f"spent {self.spent:,} of {self.limit:,} tokens"

    @property
    def question(self) -> str:
        """What a person is asked."""
        return f"{self.told}; raise to? (a number, or {STOP!r})"

    def error(self, why: str) -> KitaruBudgetError:
        """Return the error for a limit that stands."""
        return KitaruBudgetError(
            f"{self.told}; {why}",
            unit=self.unit,
            limit=float(self.limit),
            spent=float(self.spent),
        )


def read(value: object, *, place: str) -> Budget:
    """Return the budget that somebody gave: one, its fields, or dollars.

    Raises:
        KitaruUsageError: If it is none; names the place and the value.
    """
    if isinstance(value, Budget):
        return value
    if isinstance(value, Mapping):
        for name in value:
            if name not in ("usd", "tokens"):
                hint = did_you_mean(str(name), ("usd", "tokens"))
                raise KitaruUsageError(f"{place}: a budget has no {name!r}{hint}")
        try:
            return Budget(**value)
        except KitaruUsageError as error:
            raise KitaruUsageError(f"{place}: {error}") from None
    raise KitaruUsageError(
        f"{place} must be a Budget, such as Budget(usd=5), or a mapping with usd or "
        f"tokens, got {shorten(value)}"
    )


def merge(lower: Budget | None, upper: Budget) -> Budget:
    """Return what both say: the upper limits replace."""
    if lower is None:
        return upper
    return Budget(
        usd=lower.usd if upper.usd is None else upper.usd,
        tokens=lower.tokens if upper.tokens is None else upper.tokens,
    )


def reached(budget: Budget | None, spent: Usage) -> Reached | None:
    """Return the limit that is reached, `None` while there is something left."""
    if budget is None:
        return None
    cost = spent.cost or Decimal(0)
    tokens = spent.input_tokens + spent.output_tokens
    if budget.usd is not None and cost >= budget.usd:
        return Reached("usd", Decimal(budget.usd), cost)
    if budget.tokens is not None and tokens >= budget.tokens:
        return Reached("tokens", budget.tokens, tokens)
    return None


def raised(budget: Budget, limit: Reached, answer: Answer) -> Budget:
    """Return the budget after an answer.

    Raises:
        KitaruBudgetError: If the answer is to stop.
    """
    if isinstance(answer, str):
        raise limit.error("somebody has said to stop")
    return with_limit(budget, limit.unit, answer)


def with_limit(budget: Budget, unit: Unit, amount: float) -> Budget:
    """Return a budget with another limit; one below nothing is nothing."""
    amount = max(amount, 0)
    if unit == "usd":
        return replace(budget, usd=amount)
    return replace(budget, tokens=math.floor(amount))


def _dollars(value: Any) -> Decimal:
    is_number = isinstance(value, int | float | Decimal | str)
    is_number = is_number and not isinstance(value, bool)
    try:
        amount = Decimal(str(value)) if is_number else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise KitaruUsageError(
            f"a budget's usd must be a number of dollars, 0 or more, got {shorten(value)}"
        )
    return amount


def _tokens(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise KitaruUsageError(
            f"a budget's tokens must be a whole number, 0 or more, got {shorten(value)}"
        )
    return value
