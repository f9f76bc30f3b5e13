"""Every wrong call gets an error of the right class, with value and next step."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, Field

import kitaru
from kitaru import (
    Flow,
    FlowHandle,
    KitaruClient,
    KitaruContextError,
    KitaruStateError,
    KitaruUsageError,
    KitaruUserCodeError,
    KitaruWaitValidationError,
    checkpoint,
    current_execution_id,
    flow,
    load,
    save,
    wait,
)
from kitaru.models import ExecutionStatus

pytestmark = [pytest.mark.zenml, pytest.mark.usefixtures("engine")]


class Address(BaseModel):
    street: str
    number: int = Field(ge=1)


class Order(BaseModel):
    address: Address
    express: bool = False


@flow
def other_flow() -> None:
    """A flow that another one starts by mistake."""


@checkpoint
def plain(value: Any = None) -> Any:
    return value


@checkpoint
def calls_checkpoint() -> None:
    plain()


@checkpoint
def starts_flow() -> None:
    other_flow.run()


@checkpoint
def asks() -> None:
    wait(schema=bool)


@checkpoint
def returns_lock() -> Any:
    return threading.Lock()


@checkpoint
def saves_twice() -> None:
    save("part", 1)
    save("part", 2)


@flow
def returning(value: str = "") -> str:
    return value


@flow
def taking_anything(value: object) -> None:
    """Take what cannot be stored."""


@flow
def asking() -> Any:
    return wait(schema=Order, name="order", question="Where to?", timeout=0)


@flow
def asking_later() -> bool:
    return wait(schema=bool, name="approve", timeout=0)


def failing(body: Callable[[], Any]) -> BaseException:
    """Run `body` as a flow and return what ended it."""

    @flow
    def doomed() -> Any:
        return body()

    handle = doomed.run()
    assert handle.status is ExecutionStatus.FAILED
    with pytest.raises(KitaruUserCodeError) as info:
        handle.wait()
    assert handle.exec_id in str(info.value)
    assert f"kitaru executions retry {handle.exec_id}" in str(info.value)
    cause = info.value.__cause__
    assert cause is not None
    return cause


# -- where a call stands -------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "says"),
    [
        pytest.param(lambda: plain(1), "decorated with @flow", id="checkpoint"),
        pytest.param(lambda: wait(schema=bool), "decorated with @flow", id="wait"),
        pytest.param(lambda: save("a", 1), "inside a checkpoint only", id="save"),
        pytest.param(lambda: load("1b2c", "a"), "inside a checkpoint only", id="load"),
        pytest.param(lambda: kitaru.log(a=1), "running flow or checkpoint", id="log"),
    ],
)
def test_calls_outside_a_flow_say_where_they_belong(
    call: Callable[[], Any], says: str
) -> None:
    with pytest.raises(KitaruContextError, match=says):
        call()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param(calls_checkpoint, r"plain\.fn\(\.\.\.\)", id="nested checkpoint"),
        pytest.param(asks, "'asks'; waits belong in the flow body", id="wait inside"),
        pytest.param(
            starts_flow, "inside checkpoint 'starts_flow'; flows do not", id="flow"
        ),
        pytest.param(lambda: other_flow.run(), "inside a flow; flows do not", id="run"),
        pytest.param(lambda: save("a", 1), "in a flow body", id="save in flow"),
        pytest.param(lambda: load("1b", "a"), "in a flow body", id="load in flow"),
    ],
)
def test_calls_in_the_wrong_place_of_a_flow_say_where_they_belong(
    body: Callable[[], Any], says: str
) -> None:
    error = failing(body)

    assert isinstance(error, KitaruContextError)
    with pytest.raises(KitaruContextError, match=says):
        raise error


def test_flow_called_like_a_function_names_run() -> None:
    with pytest.raises(KitaruUsageError, match=r"returning\.run\("):
        returning("x")


# -- values --------------------------------------------------------------------


def test_unserialisable_output_names_checkpoint_type_and_what_to_return() -> None:
    error = failing(returns_lock)

    assert isinstance(error, KitaruUsageError)
    for part in ("'returns_lock'", "_thread.lock", "return plain data"):
        assert part in str(error)


def test_name_saved_twice_names_checkpoint_and_artifact() -> None:
    error = failing(saves_twice)

    assert isinstance(error, KitaruUsageError)
    assert "'saves_twice' has saved 'part' already" in str(error)


def test_unserialisable_flow_input_starts_nothing(client: KitaruClient) -> None:
    with pytest.raises(KitaruUsageError, match=r"inputs of flow 'taking_anything'"):
        taking_anything.run(threading.Lock())

    assert client.executions.list() == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param({"nonsense": 1}, "no input 'nonsense'", id="unknown"),
        pytest.param({"value": "a", "extra": 1}, "no input", id="one too many"),
    ],
)
def test_wrong_flow_arguments_start_nothing(
    client: KitaruClient, arguments: dict[str, Any], says: str
) -> None:
    with pytest.raises(KitaruUsageError, match=says) as info:
        returning.run(**arguments)

    assert "returning(value: str = '')" in str(info.value)
    assert client.executions.list() == []


# -- naming an execution -------------------------------------------------------


def test_unknown_execution_id_suggests_the_closest(client: KitaruClient) -> None:
    known = returning.run().exec_id[:8]
    wrong = known[:7] + ("0" if known[7] != "0" else "1")

    with pytest.raises(KitaruUsageError, match=f"'{wrong}'.*did you mean '{known}'"):
        client.executions.get(wrong)


def test_unknown_full_id_says_how_to_see_them(client: KitaruClient) -> None:
    missing = "00000000-0000-4000-8000-000000000000"

    with pytest.raises(KitaruUsageError, match=f"{missing}.*kitaru executions list"):
        client.executions.get(missing)


def test_id_of_another_shape_says_what_ids_look_like(client: KitaruClient) -> None:
    with pytest.raises(KitaruUsageError, match="'my run' is not an execution id"):
        client.executions.get("my run")


def test_ambiguous_id_prefix_lists_the_candidates(client: KitaruClient) -> None:
    ids: dict[str, str] = {}
    while True:
        new = returning.run().exec_id
        if new[0] in ids:
            break
        ids[new[0]] = new

    with pytest.raises(KitaruUsageError, match="2 executions begin with") as info:
        client.executions.get(new[0])

    assert new in str(info.value)
    assert ids[new[0]] in str(info.value)


# -- answers -------------------------------------------------------------------


@pytest.fixture
def open_order(client: KitaruClient) -> FlowHandle[Any]:
    """An execution that waits for an order."""
    return asking.run()


def test_wrong_wait_name_lists_the_open_ones(
    client: KitaruClient, open_order: FlowHandle[Any]
) -> None:
    with pytest.raises(KitaruUsageError, match=r"no open wait 'ordr'.*\(open: order\)"):
        client.executions.input(open_order.exec_id, wait="ordr", value=True)


@pytest.mark.parametrize(
    ("value", "field", "expected", "got"),
    [
        pytest.param("here", "answer", "object", '"here"', id="other type"),
        pytest.param(None, "answer", "object", "null", id="nothing"),
        pytest.param({}, "address", "required", "nothing", id="missing field"),
        pytest.param(
            {"address": {"street": 5, "number": 1}},
            "address.street",
            "string",
            "5",
            id="nested",
        ),
        pytest.param(
            {"address": {"street": "a", "number": 1}, "express": "maybe"},
            "express",
            "boolean",
            '"maybe"',
            id="flag",
        ),
        pytest.param(
            {"address": {"street": "a", "number": 0}},
            "address.number",
            "at least 1",
            "0",
            id="range",
        ),
    ],
)
def test_wrong_answer_names_field_expected_and_got_and_stores_nothing(
    client: KitaruClient,
    open_order: FlowHandle[Any],
    value: Any,
    field: str,
    expected: str,
    got: str,
) -> None:
    with pytest.raises(KitaruWaitValidationError, match="nothing was stored") as info:
        client.executions.input(open_order.exec_id, value=value)

    assert info.value.field == field
    assert expected in info.value.expected
    assert info.value.got == got
    assert "'order'" in str(info.value)
    assert open_order.status is ExecutionStatus.WAITING
    assert [w.name for w in client.executions.pending_waits()] == ["order"]


def test_value_for_a_plain_gate_is_refused(client: KitaruClient) -> None:
    @flow
    def gated() -> None:
        wait(timeout=0)

    handle = gated.run()

    with pytest.raises(KitaruWaitValidationError, match="plain gate"):
        client.executions.input(handle.exec_id, value=True)


def test_answer_after_the_answer_is_refused_and_the_first_stands(
    client: KitaruClient,
) -> None:
    @flow
    def answered() -> bool:
        return wait(schema=bool, timeout=0)

    handle = answered.run()
    client.executions.input(handle.exec_id, value=True)

    with pytest.raises(KitaruStateError, match=r"it is completed.*that answer stands"):
        client.executions.input(handle.exec_id, value=False)

    assert handle.get() is True


def test_schema_that_pydantic_cannot_describe_names_it() -> None:
    error = failing(lambda: wait(schema=threading.Lock))

    assert isinstance(error, KitaruUsageError)
    assert "lock" in str(error)
    assert "use bool, str, an Enum" in str(error)


# -- what a status allows ------------------------------------------------------


def test_retry_of_a_completed_execution_says_replay(client: KitaruClient) -> None:
    handle = returning.run()

    with pytest.raises(KitaruStateError, match=r"completed; replay it"):
        client.executions.retry(handle.exec_id)


def test_retry_of_a_running_execution_says_it_runs(client: KitaruClient) -> None:
    error = failing(lambda: client.executions.retry(current_execution_id() or ""))

    assert isinstance(error, KitaruStateError)
    assert "still running; cancel it first" in str(error)


def test_retry_of_a_waiting_execution_says_input(
    client: KitaruClient, open_order: FlowHandle[Any]
) -> None:
    with pytest.raises(KitaruStateError, match="kitaru executions input"):
        client.executions.retry(open_order.exec_id)


def test_resume_with_an_open_wait_names_it(
    client: KitaruClient, open_order: FlowHandle[Any]
) -> None:
    with pytest.raises(KitaruStateError, match=r"wait 'order' is still open.*input"):
        client.executions.resume(open_order.exec_id)


@pytest.mark.parametrize("started", [returning, asking_later], ids=["done", "waiting"])
def test_cancel_of_a_finished_execution_names_its_status(
    client: KitaruClient, started: Flow[..., Any]
) -> None:
    handle = started.run()
    if handle.status is ExecutionStatus.WAITING:
        client.executions.cancel(handle.exec_id)
    status = handle.status.value

    with pytest.raises(KitaruStateError, match=f"it is already {status}"):
        client.executions.cancel(handle.exec_id)


def test_result_of_a_paused_execution_says_how_to_answer(
    open_order: FlowHandle[Any],
) -> None:
    with pytest.raises(
        KitaruStateError, match=r"waiting for 'order': Where to?"
    ) as info:
        open_order.wait()

    assert f"kitaru executions input {open_order.exec_id[:8]}" in str(info.value)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda c: c.executions.list(status="done"), id="status"),
        pytest.param(lambda c: c.executions.list(page=0), id="page"),
        pytest.param(lambda c: c.executions.list(limit=-1), id="limit"),
        pytest.param(lambda c: c.executions.latest(flow="nobody"), id="latest"),
        pytest.param(lambda c: c.artifacts.get("nothing"), id="artifact"),
    ],
)
def test_impossible_queries_are_usage_errors(
    client: KitaruClient, call: Callable[[KitaruClient], object]
) -> None:
    with pytest.raises(KitaruUsageError):
        call(client)


@pytest.mark.parametrize(
    "options",
    [{"checkpoint": "nope"}, {"source": "nope"}, {"limit": -1}],
    ids=lambda options: next(iter(options)),
)
def test_impossible_log_queries_are_usage_errors(
    client: KitaruClient, options: dict[str, Any]
) -> None:
    handle = returning.run()

    with pytest.raises(KitaruUsageError):
        client.executions.logs(handle.exec_id, **options)
