from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kitaru._core.calls import names
from kitaru.errors import KitaruUsageError


@pytest.mark.parametrize(
    "name",
    ["draft", "draft_2", "tool:search[1]", "a/b", "Größe 3", "v1.2-rc", "x" * 200],
)
def test_readable_names_are_taken_as_they_are(name: str) -> None:
    assert names.check_name("checkpoint", name) == name


@pytest.mark.parametrize(
    "name",
    ["", "x" * 201, "draft\n", "\tdraft", "a\x00b", "a?b", "a\\b", "caf\udce9", "{x}"],
    ids=ascii,
)
def test_other_names_are_refused_with_kind_and_rule(name: str) -> None:
    with pytest.raises(KitaruUsageError, match=r"wait name .* 1 to 200 letters"):
        names.check_name("wait", name)


def test_ids_depend_on_execution_and_call_only(execution_id: str) -> None:
    other = execution_id.replace("6", "7")

    made = {
        names.call_id(execution_id, "draft"),
        names.call_id(execution_id, "draft_2"),
        names.call_id(other, "draft"),
        names.artifact_id(execution_id, "draft", "plan"),
        names.artifact_id(execution_id, "plan", "draft"),
    }

    assert len(made) == 5
    assert names.call_id(execution_id, "draft") in made


def test_repeated_calls_are_numbered_from_two() -> None:
    ids = names.InvocationIds()

    taken = [ids.next(name) for name in ("draft", "review", "draft", "draft")]

    assert taken == ["draft", "review", "draft_2", "draft_3"]


def test_numbering_steps_over_ids_that_are_taken() -> None:
    ids = names.InvocationIds()
    ids.claim("draft_2")

    taken = [ids.next("draft"), ids.next("draft"), ids.next("draft_2")]

    assert taken == ["draft", "draft_3", "draft_2_2"]


@pytest.mark.parametrize("how", ["claim", "next"])
def test_an_id_can_be_claimed_once(how: str) -> None:
    ids = names.InvocationIds()
    getattr(ids, how)("draft")

    with pytest.raises(KitaruUsageError, match=r"'draft' was used before.*unique"):
        ids.claim("draft")


def test_a_claimed_id_must_be_a_valid_name() -> None:
    with pytest.raises(KitaruUsageError, match="invocation id name"):
        names.InvocationIds().claim("a?")


def test_threads_never_get_the_same_id() -> None:
    ids = names.InvocationIds()
    together = threading.Barrier(8)

    def take(_: int) -> list[str]:
        together.wait()
        return [ids.next("draft") for _ in range(200)]

    with ThreadPoolExecutor(8) as pool:
        taken = [name for chunk in pool.map(take, range(8)) for name in chunk]

    assert len(set(taken)) == 1600
    assert f"draft_{1600}" in taken
