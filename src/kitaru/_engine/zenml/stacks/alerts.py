"""Tell the alerter of the active stack something: Slack, Discord, or one of your own."""

from __future__ import annotations

from zenml.client import Client
from zenml.enums import StackComponentType

from kitaru._core.calls import failures
from kitaru._core.secrecy import masking
from kitaru._engine.zenml.setup.errors import translated
from kitaru.errors import KitaruBackendError


def tell(text: str) -> None:
    """Post a text.

    Raises:
        KitaruBackendError: If the stack has no alerter, or that could not post it.
    """
    with translated("telling the alerter of the stack"):
        stack = Client().active_stack_model
        if not stack.components.get(StackComponentType.ALERTER):
            raise KitaruBackendError(
                f"stack {stack.name!r} has no alerter; see: zenml alerter register --help"
            )
        alerter = Client().active_stack.alerter
        assert alerter is not None  # its model says so
        try:
            posted = alerter.post(text)
        # Each alerter raises what its own client raises.
        except Exception as error:
            text = masking.text(failures.message_of(error))
            raise KitaruBackendError(
                f"alerter {alerter.name!r}: {type(error).__name__}: {text}"
            ) from error
    if not posted:
        raise KitaruBackendError(f"alerter {alerter.name!r} did not post it")
