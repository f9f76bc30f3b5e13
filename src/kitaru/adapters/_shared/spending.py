"""Note what a request to a model took, on the checkpoint that runs."""

from __future__ import annotations

from kitaru._core.flows import scope
from kitaru._ops.language_models import counts


def spend(
    *,
    provider: str | None,
    model: str | None,
    requests: int = 1,
    input_tokens: int = 0,
    output_tokens: int = 0,
    cached_tokens: int = 0,
) -> None:
    """Note requests by their counts; the cost is an estimate from public prices.

    Args:
        provider: Who answered, such as `openai`.
        model: The model's name; without a known one there is no price.
        requests: How many there were.
        input_tokens: Tokens sent, those of `cached_tokens` included.
        output_tokens: Tokens received.
        cached_tokens: Tokens sent that the provider had in its cache.
    """
    scope.spend(
        counts.of_counts(
            provider=provider,
            model=model,
            requests=requests,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cached_tokens=cached_tokens,
        )
    )
