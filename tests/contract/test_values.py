"""What is stored comes back as it was, or is refused where it is stored."""

from __future__ import annotations

from typing import Any

import pytest

from kitaru import KitaruClient, checkpoint, flow, save, wait
from kitaru.errors import KitaruUsageError, KitaruUserCodeError
from tests.support.polling import DEADLINE

pytestmark = pytest.mark.filterwarnings("ignore::kitaru.errors.KitaruPickleWarning")


class Forgetful:
    """Gives pickle another content than it has."""

    def __init__(self, content: str) -> None:
        self.content = content

    def __reduce__(self) -> Any:
        return (Forgetful, (f"{self.content} again",))


class RateLimitError(Exception):
    def __init__(self, status: int, *, retry_after: float) -> None:
        super().__init__(f"{status}, retry after {retry_after}")
        self.retry_after = retry_after


@checkpoint
def forget() -> Forgetful:
    return Forgetful("a")


@checkpoint
def keep_forgetful() -> object:
    save("notes", Forgetful("a"))


@flow
def forgetting(how: str) -> object:
    if how == "result":
        return Forgetful("a")
    return {
        "checkpoint": forget,
        "isolated": forget.with_options(runtime="isolated"),
        "saved": keep_forgetful,
    }[how]()


@flow
def taking(value: object) -> None:
    pass


@pytest.mark.parametrize(
    ("how", "named"),
    [
        ("checkpoint", "the result of checkpoint 'forget'"),
        ("isolated", "the result of checkpoint 'forget'"),
        ("saved", "artifact 'notes'"),
        ("result", "the result of the flow"),
    ],
)
def test_a_value_that_would_come_back_changed_fails_at_once(
    client: KitaruClient, how: str, named: str
) -> None:
    handle = forgetting.run(how)

    with pytest.raises(KitaruUserCodeError, match=r"which cannot be stored") as caught:
        handle.wait()

    assert f"{named} is a tests.contract.test_values.Forgetful" in str(caught.value)
    calls = client.executions.get(handle.exec_id).checkpoints
    assert {call.status for call in calls} <= {"failed"}


def test_an_input_that_would_come_back_changed_starts_nothing(
    client: KitaruClient,
) -> None:
    before = len(client.executions.list(flow="taking"))

    with pytest.raises(KitaruUsageError, match=r"inputs of flow 'taking'.*at \["):
        taking.run(Forgetful("a"))

    assert len(client.executions.list(flow="taking")) == before


def test_an_override_that_would_come_back_changed_starts_nothing() -> None:
    source = forgetting.run("saved")

    with pytest.raises(KitaruUsageError, match=r"override .* which cannot be stored"):
        forgetting.replay(
            source.exec_id,
            from_="keep_forgetful",
            overrides={"checkpoint.keep_forgetful": Forgetful("a")},
        )


@checkpoint
def fail_twice() -> None:
    try:
        raise RateLimitError(429, retry_after=3)
    except RateLimitError as error:
        error.add_note("asked too often")
        raise LookupError("no page") from error


@flow
def deciding() -> tuple[str, object, list[str]]:
    try:
        fail_twice()
    except LookupError as error:
        cause: Any = error.__cause__
    decided = type(cause).__name__, cause.retry_after, cause.__notes__
    wait(name="go", timeout=0)
    return decided


def test_a_failure_that_is_raised_again_has_its_cause(client: KitaruClient) -> None:
    handle = deciding.run()

    client.executions.input(handle.exec_id, value=None)

    assert handle.wait(timeout=DEADLINE) == ("RateLimitError", 3, ["asked too often"])
