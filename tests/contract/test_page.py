"""People answer and steer in the page, on every engine."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

import kitaru
from kitaru import KitaruClient, checkpoint, flow
from tests.support.page import Page, words

pytestmark = pytest.mark.usefixtures("engine")


class Card(BaseModel):
    kind: Literal["card"] = "card"
    number: str = Field(min_length=4)


class Bank(BaseModel):
    kind: Literal["bank"] = "bank"
    iban: str


class Order(BaseModel):
    approved: bool
    quantity: int = Field(ge=1, le=20)
    pay: Annotated[Card | Bank, Field(discriminator="kind")]


@checkpoint
def price(item: str) -> int:
    if item == "unicorn":
        raise ValueError("there are no unicorns")
    return len(item)


def asking(schema: Any, question: str = "Sure?") -> Any:
    @flow
    def ask(item: str) -> Any:
        price(item)
        return kitaru.wait(name="sure", schema=schema, question=question, timeout=0)

    return ask


@pytest.fixture
def page() -> Page:
    return Page()


def place(client: KitaruClient, exec_id: str) -> str:
    """The address of the open question of an execution."""
    (wait,) = client.executions.get(exec_id).pending_waits
    return f"/executions/{exec_id}/waits/{wait.wait_id}"


def test_a_question_is_in_the_inbox_and_answered_there(
    page: Page, client: KitaruClient
) -> None:
    question = f"Order {uuid.uuid4().hex}?"
    ask = asking(bool, question)
    exec_id = ask.run("tea").exec_id
    there = place(client, exec_id)

    inbox = page.get("/inbox").text
    done = page.post(there, {"v": "0"})

    assert question in inbox
    assert done.status_code == 303
    found = client.executions.get(exec_id)
    (wait,) = found.waits
    assert (found.status, wait.answer, wait.surface) == ("completed", True, "page")
    assert question not in page.get("/inbox").text
    assert "answered yes" in page.text(there)


def test_wrong_fields_are_marked_where_they_are_and_nothing_is_stored(
    page: Page, client: KitaruClient
) -> None:
    ask = asking(Order)
    exec_id = ask.run("tea").exec_id
    there = place(client, exec_id)
    wrong = {"v.0": "0", "v.1": "99", "v.2:o": "1", "v.2.1.1": ""}

    refused = page.post(there, wrong)
    is_waiting = client.executions.get(exec_id).status
    taken = page.post(there, wrong | {"v.1": "9", "v.2.1.1": "DE02"})

    assert refused.status_code == 422
    assert 'value="99"' in refused.text
    assert 'id="v.1:problem">Must be at most 20.' in refused.text
    assert 'id="v.2.1.1:problem">This is needed.' in refused.text
    assert is_waiting == "waiting"
    assert taken.status_code == 303
    (wait,) = client.executions.get(exec_id).waits
    assert wait.answer["pay"] == {"kind": "bank", "iban": "DE02"}


def test_the_second_of_two_answers_is_told(page: Page, client: KitaruClient) -> None:
    ask = asking(bool)
    exec_id = ask.run("tea").exec_id
    there = place(client, exec_id)
    other = Page(guard=page.guard)

    first, second = page.post(there, {"v": "0"}), other.post(there, {"v": "1"})

    assert (first.status_code, second.status_code) == (303, 409)
    assert "Somebody was faster" in words(second)
    assert "answered yes" in words(second)
    assert client.executions.get(exec_id).waits[0].answer is True


def test_a_breakpoint_has_its_own_verbs(page: Page, client: KitaruClient) -> None:
    ask = asking(bool)
    exec_id = ask.with_options(break_before=["price"]).run("tea").exec_id

    shown = page.get(place(client, exec_id)).text
    bad = page.post(place(client, exec_id), {"verb": "override", "v": "{"})
    page.post(place(client, exec_id), {"verb": "override", "v": "77"})

    assert "Stopped before" in shown
    assert bad.status_code == 422
    call = client.executions.get(exec_id).checkpoints[0]
    assert (call.overridden, call.artifacts[-1].load()) == (True, 77)


def test_giving_a_question_up_cancels(page: Page, client: KitaruClient) -> None:
    ask = asking(bool)
    exec_id = ask.run("tea").exec_id

    page.post(f"{place(client, exec_id)}/abort")

    assert client.executions.get(exec_id).status == "cancelled"


def test_an_execution_shows_its_calls_failure_and_values(
    page: Page, client: KitaruClient
) -> None:
    ask = asking(bool)
    exec_id = ask.run("tea").exec_id
    failed = ask.run("unicorn").exec_id
    value = client.executions.get(exec_id).checkpoints[0].artifacts[-1]

    shown = page.text(f"/executions/{exec_id}?call=price")
    told = page.text(f"/executions/{failed}")
    kept = page.text(f"/executions/{exec_id}/values/{value.artifact_id}")

    assert "waiting" in shown
    assert "Sure?" in shown
    assert "there are no unicorns" in told
    assert "Retry" in told
    assert kept.endswith("output 3")


def test_executions_are_filtered_by_an_address(page: Page) -> None:
    tag = f"t{uuid.uuid4().hex[:8]}"
    ask = asking(bool).with_options(tags=[tag], attributes={"customer": "acme"})
    waiting, failed = ask.run("tea").exec_id, ask.run("unicorn").exec_id

    found = page.get(f"/executions?tag={tag}&where=customer%3Dacme&status=failed").text
    nothing = page.get("/executions?where=customer")

    assert failed in found
    assert waiting not in found
    assert nothing.status_code == 400
    assert "takes NAME=VALUE" in words(nothing)


def test_many_are_cancelled_after_a_preview(page: Page, client: KitaruClient) -> None:
    tag = f"t{uuid.uuid4().hex[:8]}"
    ask = asking(bool).with_options(tags=[tag])
    chosen, left = ask.run("tea").exec_id, ask.run("milk").exec_id

    preview = page.get(f"/executions/many?action=cancel&tag={tag}").text
    statuses = {client.executions.get(one).status for one in (chosen, left)}
    page.post("/executions/many", {"action": "cancel", "tag": tag, "exec_id": [chosen]})

    assert chosen in preview
    assert left in preview
    assert statuses == {"waiting"}
    assert client.executions.get(chosen).status == "cancelled"
    assert client.executions.get(left).status == "waiting"


def test_a_recording_is_a_file_to_keep(page: Page) -> None:
    ask = asking(bool)
    exec_id = ask.run("tea").exec_id

    found = page.get(f"/executions/{exec_id}/recording")

    assert found.json()["exec_id"] == exec_id
    assert found.headers["content-disposition"].startswith("attachment; filename=")


def test_an_execution_is_compared_with_another(page: Page) -> None:
    ask = asking(bool)
    one, other = ask.run("tea").exec_id, ask.run("coffee").exec_id

    found = page.text(f"/executions/{other}/compare?with={one}")

    assert "They part here input item is" in found.replace("  ", " ")
