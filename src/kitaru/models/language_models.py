"""Names for language models, and what requests to them took."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from kitaru.models.base import Record


class ModelAlias(Record):
    """A short name for a language model.

    Attributes:
        alias: The name, as `llm(model=...)` takes it.
        model: The model it stands for, as `provider/model`.
        secret: Name of the secret with the provider's credentials; `None` if they come
            from the environment.
        settings: Settings of each request, such as `temperature`, by name.
        source: Where the alias is registered: `settings` (this configuration folder) or
            `environment` (`KITARU_MODEL_REGISTRY`), which wins.
    """

    alias: str
    model: str
    secret: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    source: Literal["settings", "environment"] = "settings"


class Usage(Record):
    """What requests to language models took.

    Attributes:
        requests: How many there were.
        input_tokens: Tokens sent, those of `cached_tokens` included.
        output_tokens: Tokens received.
        cached_tokens: Tokens sent that the provider had in its cache.
        cost: In `currency`, as the provider told it, else an estimate from public prices;
            without requests of unknown price, and `None` if there are only such.
        currency: Always `USD`.
        unpriced_requests: Requests whose price is not known.
    """

    requests: int = Field(default=0, ge=0)
    input_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)
    cached_tokens: int = Field(default=0, ge=0)
    cost: Decimal | None = Field(default=None, ge=0)
    currency: Literal["USD"] = "USD"
    unpriced_requests: int = Field(default=0, ge=0)


class ExecutionBudget(Record):
    """What an execution may spend on language models, and has spent.

    Attributes:
        usd: How many US dollars, as raised by now; `None` for no limit.
        tokens: How many tokens, sent and received; `None` for no limit.
        spent_usd: What all attempts have spent; `None` if no price is known.
        spent_tokens: The tokens of all attempts.
        saved_usd: What results had cost that it took over; `None` if no price is known.
        saved_tokens: The tokens of those.
    """

    usd: Decimal | None = None
    tokens: int | None = None
    spent_usd: Decimal | None = None
    spent_tokens: int = 0
    saved_usd: Decimal | None = None
    saved_tokens: int = 0


class ExecutionUsage(Usage):
    """What an execution spent itself, failed attempts included; see `Usage`.

    Attributes:
        reused: What other executions had spent on the results it took over.
    """

    reused: Usage = Field(default_factory=lambda: Usage(cost=Decimal(0)))
