"""Options of decorators and calls: every one with wrong values, at every door."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import kitaru
from kitaru import KitaruUsageError, checkpoint, flow
from kitaru._core.flows.specs import CheckpointSpec
from kitaru.checkpoints import checked_settings


@checkpoint
def step(n: int) -> int:
    return n


@flow
def orders(n: int) -> int:
    return step(n)


Door = Callable[..., object]

WRONG: dict[str, tuple[Any, ...]] = {
    "retries": (-1, True, 1.5, "2", [3]),
    "retry_delay": (-0.1, True, "1", float("nan"), float("inf"), 1e12),
    "retry_backoff": (0.5, True, "2", float("nan")),
    "retry_on": ([ValueError], ValueError, ("ValueError",), (KeyboardInterrupt,)),
    "timeout": (0, -1, True, "5", float("nan"), float("inf"), 1e12, 10**400),
    "type": (7, "", b"llm"),
    "runtime": ("cloud", 7, ["inline"]),
    "resources": ("4GB", {}, {"cpu": "2"}, {"cpus": 2}),
    "cache": (1, "yes", 0),
    "id": (7, "", "a\nb"),
    "after": ("step", 7, [1]),
    "stack": (7, "", ["a"]),
    "image": (7, {"base": "x"}),
    "project": (7, ""),
    "name": (7, ["a"]),
    "activate": (1, "yes"),
    "labels": (["team"], {"team": 7}, {1: "nlp"}),
    "recursive": ("no",),
    "force": (1,),
    "type of a call": (None, 7),
    "question": (7, ["a"]),
    "metadata": (["a"], "a"),
    "patience": (-1, True, "5", float("nan")),
    "system": (7, ["a"]),
}
CALL = ("retries", "retry_delay", "retry_backoff", "retry_on", "timeout", "type")
CHECKPOINT = (*CALL, "runtime", "resources", "cache")
FLOW = ("stack", "image", "cache", "retries")
DOORS: dict[str, tuple[Door, tuple[str, ...]]] = {
    "checkpoint": (lambda **given: checkpoint(**given)(step.fn), CHECKPOINT),
    "step.with_options": (step.with_options, (*CHECKPOINT, "id", "after")),
    "flow": (lambda **given: flow(**given)(orders.fn), FLOW),
    "orders.with_options": (orders.with_options, FLOW),
    "orders.run": (lambda **given: orders.run(1, **given), FLOW),
    "orders.replay": (
        lambda **given: orders.replay("1b2c", from_="step", **given),
        FLOW,
    ),
    "configure": (kitaru.configure, (*FLOW, "project")),
    "adapter": (lambda **given: checked_settings(given, what="model_config"), CALL),
    "create_stack": (
        lambda **given: kitaru.create_stack(**{"name": "a", **given}),
        ("name", "activate", "labels"),
    ),
    "wait": (kitaru.wait, ("name", "question", "metadata")),
    "llm": (lambda **given: kitaru.llm("hi", **given), ("system", "name")),
    "use_stack": (kitaru.use_stack, ("name",)),
    "delete_stack": (
        lambda **given: kitaru.delete_stack(**{"name": "a", **given}),
        ("name", "recursive", "force"),
    ),
}


@pytest.mark.parametrize(
    ("door", "option", "value"),
    [
        pytest.param(name, option, value, id=f"{name}({option}={value!r:.30})")
        for name, (_, known) in DOORS.items()
        for option in known
        for value in WRONG[option]
    ],
)
def test_a_wrong_value_is_refused_with_the_option_and_the_value(
    door: str, option: str, value: object
) -> None:
    with pytest.raises(KitaruUsageError) as caught:
        DOORS[door][0](**{option: value})

    told = str(caught.value)
    assert option in told or "invocation id" in told
    assert re.search(r"must|unknown|not valid", told)
    assert len(told) < 400


@pytest.mark.parametrize(
    ("door", "given", "told"),
    [
        (
            "checkpoint",
            {"retry": 3},
            "checkpoint(retry=3): unknown option 'retry'; did you mean 'retries'?",
        ),
        (
            "step.with_options",
            {"time_out": 5},
            "step.with_options(time_out=5): unknown option 'time_out'; did you mean "
            "'timeout'?",
        ),
        (
            "flow",
            {"cached": True},
            "flow(cached=True): unknown option 'cached'; did you mean 'cache'?",
        ),
        (
            "flow",
            {"project": "p"},
            "flow(project='p'): unknown option 'project' (known: stack, image, cache, "
            "retries, budget, recover, notify)",
        ),
        (
            "orders.with_options",
            {"stak": "x"},
            "orders.with_options(stak='x'): unknown option 'stak'; did you mean 'stack'?",
        ),
        (
            "orders.run",
            {"retrys": 1},
            "orders(retrys=1): unknown option 'retrys'; did you mean 'retries'?",
        ),
        (
            "orders.replay",
            {"imag": 1},
            "orders(imag=1): unknown option 'imag'; did you mean 'image'?",
        ),
        (
            "configure",
            {"stak": "x"},
            "configure(): unknown setting 'stak'; did you mean 'stack'? (known: stack, "
            "image, cache, retries, project, budget, recover, notify)",
        ),
        (
            "adapter",
            {"retires": 1},
            "model_config: unknown option 'retires'; did you mean 'retries'?",
        ),
        (
            "create_stack",
            {"type": "kubernetes"},
            "create_stack(type='kubernetes'): Python creates local stacks; for a remote "
            "one: kitaru stack create --type …",
        ),
        (
            "create_stack",
            {"label": {}},
            "create_stack(label={}): unknown option 'label'; did you mean 'labels'?",
        ),
        (
            "wait",
            {"quesion": "ok?"},
            "wait(quesion='ok?'): unknown option 'quesion'; did you mean 'question'?",
        ),
        (
            "llm",
            {"max_token": 5},
            "llm(max_token=5): unknown option 'max_token'; did you mean 'max_tokens'?",
        ),
        (
            "delete_stack",
            {"forced": True},
            "delete_stack(forced=True): unknown option 'forced'; did you mean 'force'?",
        ),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest_one(
    door: str, given: dict[str, object], told: str
) -> None:
    with pytest.raises(KitaruUsageError) as caught:
        DOORS[door][0](**given)

    assert str(caught.value) == told


@pytest.mark.parametrize("value", WRONG["patience"])
def test_a_process_waits_seconds(value: Any) -> None:
    with pytest.raises(KitaruUsageError, match="timeout must be seconds, 0 or more"):
        kitaru.wait(timeout=value)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            lambda: kitaru.wait("ok?", 5),  # type: ignore[arg-type]  # bad on purpose
            "wait('ok?', 5): options are given by name, as wait(schema=…) (known: schema, "
            "name, question, timeout, metadata, expires, default, notify)",
        ),
        (
            lambda: kitaru.llm("hi", "openai/gpt"),  # type: ignore[arg-type]  # likewise
            "llm('openai/gpt'): options are given by name, as llm(model=…) (known: model, "
            "temperature, max_tokens, system, name)",
        ),
    ],
    ids=["wait", "llm"],
)
def test_options_without_their_names_are_refused(
    call: Callable[[], object], told: str
) -> None:
    with pytest.raises(KitaruUsageError) as caught:
        call()

    assert str(caught.value) == told


@pytest.mark.parametrize("value", WRONG["type of a call"])
def test_an_adapter_says_what_kind_of_work_a_call_is(value: object) -> None:
    with pytest.raises(KitaruUsageError, match="type must be a text"):
        checked_settings({"type": value}, what="model_config")


def test_what_is_right_stays_as_it_was_given() -> None:
    def work() -> None: ...

    made = checkpoint(
        retries=2,
        retry_delay=0,
        retry_backoff=1,
        retry_on=(OSError, ValueError),
        timeout=0.5,
        type="llm_call",
        runtime="inline",
        cache=False,
    )(work)

    again = made.with_options(retries=0, timeout=60, id="an id", after=[])
    assert made.fn is again.fn is work


def test_an_argument_of_the_flow_is_no_option() -> None:
    @flow
    def ordering(retry: int, cached: bool = False) -> int:
        return retry

    with pytest.raises(
        KitaruUsageError, match="no input 'cachd', did you mean 'cached'"
    ):
        ordering.run(1, cachd=True)


@pytest.mark.parametrize("attempt", [3, 1100, 10**6])
@pytest.mark.parametrize("delay", [0.0, 1.0])
def test_delays_of_many_attempts_have_a_bound(attempt: int, delay: float) -> None:
    spec = CheckpointSpec("step", step.fn, retries=10**7, retry_delay=delay)

    assert spec.delay_before(attempt) == min(
        delay * 2.0 ** min(attempt - 2, 60), 31622400
    )


@pytest.mark.parametrize("kind", ["flow", "checkpoint"])
def test_a_generator_function_is_refused_where_it_is_defined(kind: str) -> None:
    decorate = {"flow": flow, "checkpoint": checkpoint}[kind]

    def pages() -> Iterator[int]:
        yield 1

    async def pages_later() -> AsyncIterator[int]:
        yield 1

    for function in (pages, pages_later):
        with pytest.raises(KitaruUsageError) as caught:
            decorate(function)  # type: ignore[call-overload]  # either of two
        assert str(caught.value) == (
            f"@{kind} {function.__name__!r} is a generator function: a call of it runs "
            "nothing and returns no value that can be kept. Return a list, or make a "
            "checkpoint of the work for one element"
        )
