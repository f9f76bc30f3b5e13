"""What assistants get to see: forms, portions, errors in their words."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client
from pydantic import BaseModel

from kitaru import KitaruClient, checkpoint, flow, log, save, wait
from kitaru._engine.memory.engine import MemoryEngine
from kitaru._engine.open import use_engine
from kitaru.mcp import registry
from kitaru.models import Execution
from tests.support import assistant
from tests.support.assistant import ERAS, Person, given, refused
from tests.support.polling import DEADLINE

# The flows of this file are those of the project.
PROJECT = Path(__file__).parent

pytestmark = pytest.mark.usefixtures("engine")


@pytest.fixture
def engine() -> Iterator[None]:
    """Executions live in memory."""
    with use_engine(MemoryEngine()):
        yield


class Verdict(BaseModel):
    good: bool
    stars: int = 3


@checkpoint
def draft(topic: str) -> str:
    print(f"drafting {topic}")
    save("notes", {"words": 3})
    log(topic=topic)
    return f"about {topic}"


@flow
def writing(topic: str) -> str:
    text = draft(topic)
    answer = wait(schema=Verdict, question="Is it good?", timeout=0)
    return f"{text}: {answer.stars}" if answer.good else "thrown away"


@checkpoint
def number(n: int) -> int:
    return n


@flow
def counting(count: int) -> str:
    for n in range(count):
        number(n)
    return "x" * 50_000


@flow
def asking_nothing() -> str:
    wait(name="gate", timeout=0)
    return "through"


PACKED = bytes(range(256))


@checkpoint
def pack() -> bytes:
    return PACKED


@flow
def packing() -> int:
    return len(pack())


@flow
def failing() -> None:
    raise ValueError("y" * 10_000)


def execution(found: dict[str, Any]) -> Execution:
    return Execution.model_validate(found["execution"])


def test_an_answer_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    exec_id = writing.run("dogs").exec_id

    async def journey(mcp: Client) -> None:
        said = await refused(
            mcp, "kitaru_executions_input", exec_id=exec_id, value={"good": "so"}
        )
        assert said.startswith("KitaruWaitValidationError: ")
        assert "good must be a boolean" in said

    assistant.talk(PROJECT, journey)

    assert KitaruClient().executions.get(exec_id).pending_wait is not None


@pytest.mark.parametrize("era", ERAS)
def test_without_a_value_the_person_is_asked_with_a_form(
    tmp_path: Path, era: str
) -> None:
    exec_id = writing.run("birds").exec_id
    person = Person({"good": "certainly"}, {"good": True, "stars": 5})

    async def journey(mcp: Client) -> None:
        await given(
            mcp, "kitaru_executions_input", exec_id=exec_id, wait_seconds=DEADLINE
        )

    assistant.talk(PROJECT, journey, mode=era, elicitation_callback=person)

    (first, again) = person.asked
    assert first.message == "Is it good?"
    assert set(first.requested_schema["properties"]) == {"good", "stars"}
    assert "good must be a boolean" in again.message
    (result,) = KitaruClient().artifacts.list(exec_id, name="result")
    assert result.load() == "about birds: 5"


@pytest.mark.parametrize("era", ERAS)
def test_a_person_who_declines_leaves_the_wait_open(tmp_path: Path, era: str) -> None:
    exec_id = writing.run("fish").exec_id

    async def journey(mcp: Client) -> None:
        found = await given(mcp, "kitaru_executions_input", exec_id=exec_id)
        assert found["execution"]["pending_wait"] is not None
        assert "did not answer" in found["notes"][0]

    assistant.talk(PROJECT, journey, mode=era, elicitation_callback=Person(None))


@pytest.mark.parametrize("era", ERAS)
def test_a_client_without_forms_is_told_the_schema(tmp_path: Path, era: str) -> None:
    exec_id = writing.run("ants").exec_id

    async def journey(mcp: Client) -> None:
        said = await refused(mcp, "kitaru_executions_input", exec_id=exec_id)
        assert '"good": {"title": "Good", "type": "boolean"}' in said

    assistant.talk(PROJECT, journey, mode=era)


def test_a_gate_opens_with_null_and_never_by_leaving_the_value_out(
    tmp_path: Path,
) -> None:
    exec_id = asking_nothing.run().exec_id

    async def journey(mcp: Client) -> None:
        said = await refused(mcp, "kitaru_executions_input", exec_id=exec_id)
        assert "`value`=null" in said
        found = await given(
            mcp,
            "kitaru_executions_input",
            exec_id=exec_id,
            value=None,
            wait_seconds=DEADLINE,
        )
        assert found["execution"]["status"] == "completed"

    assistant.talk(PROJECT, journey)


def test_json_written_as_text_is_read_where_no_text_fits(tmp_path: Path) -> None:
    exec_id = writing.run("bees").exec_id

    async def journey(mcp: Client) -> None:
        found = await given(
            mcp,
            "kitaru_executions_input",
            exec_id=exec_id,
            value='{"good": false}',
            wait_seconds=DEADLINE,
        )
        assert found["execution"]["status"] == "completed"

    assistant.talk(PROJECT, journey)


def test_long_executions_and_values_come_in_portions(tmp_path: Path) -> None:
    exec_id = counting.run(60).exec_id
    (result,) = KitaruClient().artifacts.list(exec_id, name="result")

    async def journey(mcp: Client) -> None:
        first = await given(mcp, "kitaru_executions_get", exec_id=exec_id)
        rest = await given(
            mcp, "kitaru_executions_get", exec_id=exec_id, checkpoints_page=2
        )
        assert (first["checkpoints_total"], first["next_checkpoints_page"]) == (60, 2)
        assert rest["next_checkpoints_page"] is None
        calls = execution(first).checkpoints + execution(rest).checkpoints
        assert calls == KitaruClient().executions.get(exec_id).checkpoints
        pages = [
            await given(mcp, "kitaru_artifacts_list", exec_id=exec_id, page=n, size=40)
            for n in (1, 2)
        ]
        assert [page["next_page"] for page in pages] == [2, None]
        items = [item for page in pages for item in page["items"]]
        assert len(items) == pages[0]["total"] == 61
        text, offset = "", 0
        while offset is not None:
            part = await given(
                mcp,
                "kitaru_artifacts_get",
                artifact_id=result.artifact_id,
                offset=offset,
            )
            assert part["value"] is None
            assert len(part["text"]) <= 20_000
            text, offset = text + part["text"], part["next_offset"]
        assert text == "x" * 50_000

    assistant.talk(PROJECT, journey)


def test_long_texts_of_a_failure_are_cut(tmp_path: Path) -> None:
    exec_id = failing.run().exec_id

    async def journey(mcp: Client) -> None:
        found = await given(mcp, "kitaru_executions_get", exec_id=exec_id)
        failure = found["execution"]["failure"]
        assert "characters left out" in failure["message"]
        assert len(failure["message"]) < 5_000
        assert any("long texts were cut" in note for note in found["notes"])

    assistant.talk(PROJECT, journey)


def test_errors_name_tools_instead_of_commands(tmp_path: Path) -> None:
    exec_id = writing.run("owls").exec_id

    async def journey(mcp: Client) -> None:
        said = await refused(mcp, "kitaru_executions_retry", exec_id=exec_id)
        assert f"kitaru_executions_input(exec_id={exec_id!r})" in said
        await given(mcp, "kitaru_executions_cancel", exec_id=exec_id)
        said = await refused(mcp, "kitaru_executions_cancel", exec_id=exec_id)
        assert said.startswith("KitaruStateError: ")
        assert "it is already cancelled" in said
        said = await refused(mcp, "kitaru_executions_get", exec_id="no id")
        assert "kitaru_executions_list" in said
        assert "kitaru executions" not in said
        said = await refused(mcp, "kitaru_executions_list", size=0)
        assert said == (
            "KitaruUsageError: kitaru_executions_list: size: Input should be greater "
            "than or equal to 1; nothing was done"
        )
        said = await refused(mcp, "kitaru_executions_get", execution="x")
        assert "execution: Unexpected keyword argument" in said

    assistant.talk(PROJECT, journey)


def test_an_artifact_is_a_resource_too(tmp_path: Path) -> None:
    exec_id = writing.run("cows").exec_id
    (notes,) = KitaruClient().artifacts.list(exec_id, name="notes")

    async def journey(mcp: Client) -> None:
        read = await mcp.read_resource(f"kitaru://artifacts/{notes.artifact_id}")
        (content,) = read.contents
        assert content.text == '{"words": 3}'  # type: ignore[union-attr]  # values are texts

    assistant.talk(PROJECT, journey)


def test_the_prompt_walks_through_the_open_wait(tmp_path: Path) -> None:
    exec_id = writing.run("pigs").exec_id

    async def journey(mcp: Client) -> None:
        (prompt,) = (await mcp.list_prompts()).prompts
        got = await mcp.get_prompt(prompt.name, {"exec_id": exec_id})
        text = got.messages[0].content.text  # type: ignore[union-attr]  # a text
        assert "Is it good?" in text
        assert f'kitaru_executions_input(exec_id="{exec_id}", wait="wait"' in text

    assistant.talk(PROJECT, journey)


def test_values_of_a_secret_never_come_back(tmp_path: Path) -> None:
    value = "correct-horse-battery"

    async def journey(mcp: Client) -> None:
        made = await given(
            mcp, "kitaru_secrets_create", name="openai", values={"key": value}
        )
        assert (made["name"], made["keys"]) == ("openai", ["key"])
        assert value not in str(made)
        again = await refused(
            mcp, "kitaru_secrets_create", name="openai", values={"key": value}
        )
        wrong = await refused(
            mcp, "kitaru_secrets_create", name="other", values={"key": [value]}
        )
        assert "values.key: Input should be a valid string" in wrong
        assert value not in again + wrong

    assistant.talk(PROJECT, journey)


@pytest.mark.parametrize(
    ("tool", "more"),
    [
        ("kitaru_executions_retry", {}),
        ("kitaru_executions_input", {"value": {"good": True}}),
        ("kitaru_executions_input", {}),
        ("kitaru_executions_replay", {"from_": "draft"}),
    ],
)
def test_no_tool_runs_code_from_outside_the_project(
    tmp_path: Path, tool: str, more: dict[str, Any]
) -> None:
    exec_id = writing.run("cats").exec_id

    async def journey(mcp: Client) -> None:
        said = await refused(mcp, tool, exec_id=exec_id[:8], **more)
        assert f"the flow of execution {exec_id} is {Path(__file__)}" in said
        assert "outside the project folder" in said

    assistant.talk(tmp_path, journey)
    assert KitaruClient().executions.get(exec_id).status == "waiting"
    assert len(KitaruClient().executions.list()) == 1


def test_every_tool_that_runs_code_of_an_execution_asks_for_its_project() -> None:
    for tool in registry.tools:
        hints = tool.annotations
        assert hints is not None
        runs_code = hints.destructive_hint and hints.open_world_hint
        if runs_code and "exec_id" in tool.parameters["properties"]:
            assert registry.is_guarded(tool.fn), tool.name  # type: ignore[attr-defined]


def test_a_brief_execution_has_calls_without_what_hangs_on_them(tmp_path: Path) -> None:
    exec_id = writing.run("cats").exec_id

    async def journey(mcp: Client) -> None:
        brief = execution(
            await given(mcp, "kitaru_executions_get", exec_id=exec_id, detail="brief")
        )
        full = execution(await given(mcp, "kitaru_executions_get", exec_id=exec_id))
        assert full.artifacts
        assert brief.artifacts == ()
        (call,) = brief.checkpoints
        assert (call.status, call.artifacts, call.metadata) == ("completed", (), {})
        assert brief.pending_wait == full.pending_wait

    assistant.talk(PROJECT, journey)


def test_a_limit_takes_the_first_of_a_list(tmp_path: Path) -> None:
    for topic in ("a", "b", "c"):
        writing.run(topic)

    async def journey(mcp: Client) -> None:
        found = await given(mcp, "kitaru_executions_list", limit=2)
        assert (len(found["items"]), found["total"]) == (2, 3)

    assistant.talk(PROJECT, journey)


def test_bytes_are_base64_and_said_to_be(tmp_path: Path) -> None:
    exec_id = packing.run().exec_id
    (ref,) = KitaruClient().artifacts.list(exec_id, name="pack")

    async def journey(mcp: Client) -> None:
        found = await given(mcp, "kitaru_artifacts_get", artifact_id=ref.artifact_id)
        assert found["text_format"] == "base64"
        assert base64.b64decode(found["text"]) == PACKED
        assert found["value"] is None

    assistant.talk(PROJECT, journey)


def test_the_status_counts_what_needs_somebody(tmp_path: Path) -> None:
    writing.run("bats")

    async def journey(mcp: Client) -> None:
        found = await given(mcp, "kitaru_status")
        assert (found["running"], found["waiting"]) == (0, 1)

    assistant.talk(PROJECT, journey)
