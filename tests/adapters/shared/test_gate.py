from __future__ import annotations

import asyncio

from kitaru.adapters._shared.gate import Gate


async def call(gate: Gate, name: str, seen: list[str], release: asyncio.Event) -> None:
    async with gate.passed():
        seen.append(f"{name} begins")
        await release.wait()
        seen.append(f"{name} ends")


def test_a_question_waits_for_calls_under_way_and_holds_back_others() -> None:
    seen: list[str] = []

    async def scenario() -> None:
        gate, release = Gate(), asyncio.Event()
        first = asyncio.create_task(call(gate, "first", seen, release))
        await asyncio.sleep(0)
        question = asyncio.create_task(gate.ask(lambda: seen.append("asked")))
        await asyncio.sleep(0)
        second = asyncio.create_task(call(gate, "second", seen, release))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not gate.is_idle
        release.set()
        await asyncio.gather(first, question, second)
        assert gate.is_idle

    asyncio.run(scenario())

    assert seen == [
        "first begins",
        "first ends",
        "asked",
        "second begins",
        "second ends",
    ]


def test_questions_are_asked_one_after_the_other() -> None:
    async def scenario() -> list[int]:
        gate = Gate()
        return await asyncio.gather(*(gate.ask(lambda n=n: n) for n in range(3)))

    assert asyncio.run(scenario()) == [0, 1, 2]


def test_a_cancelled_call_is_no_longer_under_way() -> None:
    async def scenario() -> str:
        gate = Gate()
        task = asyncio.create_task(call(gate, "call", [], asyncio.Event()))
        await asyncio.sleep(0)
        task.cancel()
        return await gate.ask(lambda: "asked")

    assert asyncio.run(scenario()) == "asked"
