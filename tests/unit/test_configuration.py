"""Where settings come from, as an execution sees them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kitaru
from kitaru import Flow, ImageSettings, KitaruUsageError, checkpoint, configure, flow
from kitaru._core.settings.settings import Settings
from kitaru._engine.memory.engine import MemoryEngine
from kitaru._engine.open import use_engine


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that nobody has configured, the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def engine(project: Path) -> Iterator[MemoryEngine]:
    engine = MemoryEngine()
    with use_engine(engine):
        yield engine
    # Taking the project back asks what the folder says.
    (project / "pyproject.toml").unlink(missing_ok=True)
    configure(stack=None, image=None, cache=None, retries=None, project=None)


def write(folder: Path, table: str) -> Path:
    path = folder / "pyproject.toml"
    path.write_text(f"[project]\nname = 'x'\n\n[tool.kitaru]\n{table}\n")
    return path


@flow
def bare() -> None: ...


def settings_of(engine: MemoryEngine, run: Flow[..., Any], **call: Any) -> Settings:
    return engine.recorded(run.run(**call).exec_id).settings


# One row of the table of the requirement, lowest first; each place says its own name.
PLACES = ("pyproject", "environment", "configure", "decorator", "call")


def say(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if place == "pyproject":
        write(
            Path.cwd(), 'stack = "pyproject"\n[tool.kitaru.image]\nuser = "pyproject"'
        )
    if place == "environment":
        monkeypatch.setenv("KITARU_STACK", "environment")
        monkeypatch.setenv("KITARU_IMAGE", '{"user": "environment"}')
    if place == "configure":
        configure(stack="configure", image=ImageSettings(user="configure"))


@pytest.mark.parametrize("highest", PLACES)
def test_the_highest_place_that_speaks_wins(
    highest: str, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaking = PLACES[: PLACES.index(highest) + 1]
    for place in speaking:
        say(place, monkeypatch)
    decorated = (
        flow(stack="decorator", image={"user": "decorator"})(bare.fn)
        if "decorator" in speaking
        else bare
    )
    call = {"stack": "call", "image": {"user": "call"}} if highest == "call" else {}

    found = settings_of(engine, decorated, **call)

    assert found.stack == highest
    assert found.image == ImageSettings(user=highest)


def test_nobody_speaking_means_the_active_stack_and_no_more(
    engine: MemoryEngine,
) -> None:
    assert settings_of(engine, bare) == Settings()


def test_image_fields_of_all_places_merge(
    engine: MemoryEngine, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, 'image = { base_image = "a", environment = { A = "1", B = "1" } }')
    monkeypatch.setenv("KITARU_IMAGE", "b")
    configure(image={"apt_packages": ["git"]})

    @flow(image={"user": "me"})
    def decorated() -> None: ...

    found = settings_of(engine, decorated, image={"environment": {"B": "2"}})

    assert found.image == ImageSettings(
        base_image="b",
        apt_packages=("git",),
        user="me",
        environment={"A": "1", "B": "2"},
    )


def test_retries_and_cache_reach_the_checkpoints(
    engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITARU_RETRIES", "2")
    monkeypatch.setenv("KITARU_CACHE", "yes")
    tries: list[int] = []

    @checkpoint
    def flaky() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("not yet")
        return len(tries)

    @flow
    def calling() -> int:
        return flaky()

    assert calling.run().wait() == 3
    assert calling.run().wait() == 3
    assert len(tries) == 3


def test_what_with_options_says_counts_as_the_call(engine: MemoryEngine) -> None:
    @flow(retries=1, image={"user": "a", "platform": "p"})
    def decorated() -> None: ...

    copy = decorated.with_options(retries=2, image={"user": "b"})

    assert settings_of(engine, copy) == Settings(
        retries=2, image=ImageSettings(user="b", platform="p")
    )
    assert settings_of(engine, copy, retries=3).retries == 3
    assert settings_of(engine, decorated).retries == 1


def test_a_replay_keeps_the_settings_of_its_source_but_for_the_call(
    engine: MemoryEngine,
) -> None:
    @checkpoint
    def step() -> int:
        return 1

    @flow(retries=1)
    def counting() -> int:
        return step()

    source = counting.run(stack="there", retries=4, image="a").exec_id
    configure(stack="elsewhere", retries=9)

    same = counting.replay(source, from_="step").exec_id
    other = counting.replay(source, from_="step", retries=0).exec_id
    outside = kitaru.KitaruClient().executions.replay(source, from_="step").exec_id

    recorded = Settings(stack="there", retries=4, image=ImageSettings(base_image="a"))
    assert engine.recorded(same).settings == recorded
    assert engine.recorded(outside).settings == recorded
    assert engine.recorded(other).settings.retries == 0


def test_a_retry_keeps_the_settings_of_the_launch(engine: MemoryEngine) -> None:
    tries: list[int] = []

    @checkpoint
    def broken() -> None:
        tries.append(1)
        raise OSError("always")

    @flow
    def failing() -> None:
        broken()

    execution = failing.run(retries=1).exec_id
    configure(retries=5)
    kitaru.KitaruClient().executions.retry(execution)

    assert len(tries) == 4


# -- configure ---------------------------------------------------------------


def test_configure_leaves_what_it_is_not_told_and_clears_none(
    engine: MemoryEngine,
) -> None:
    configure(stack="a", retries=1)
    configure(retries=2)
    assert settings_of(engine, bare) == Settings(stack="a", retries=2)

    configure(stack=None)

    assert settings_of(engine, bare) == Settings(retries=2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"stak": "x"}, "unknown setting 'stak'; did you mean 'stack'"),
        ({"retries": -1}, "configure(retries=...) must be a whole number"),
        ({"image": {"usr": "x"}}, "unknown field 'usr'; did you mean 'user'"),
    ],
)
def test_a_wrong_configure_changes_nothing(
    wrong: dict[str, Any], message: str, engine: MemoryEngine
) -> None:
    with pytest.raises(KitaruUsageError) as caught:
        configure(**{"stack": "x"} | wrong)

    assert message in str(caught.value)
    assert settings_of(engine, bare) == Settings()


# -- wrong places ------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("KITARU_RETRIES", "two", "KITARU_RETRIES must be a whole number, 0 or more"),
        ("KITARU_RETRIES", "-1", "0 or more, got -1"),
        ("KITARU_CACHE", "maybe", "KITARU_CACHE must be true or false, got 'maybe'"),
        ("KITARU_IMAGE", '{"user": 1}', "KITARU_IMAGE: user must be text that is not"),
        ("KITARU_IMAGE", '{"user"', "KITARU_IMAGE is neither the name of an image nor"),
        ("KITARU_IMAGE", "[1]", "KITARU_IMAGE must be the name of an image or image"),
    ],
)
def test_a_wrong_variable_stops_the_launch(
    variable: str,
    value: str,
    message: str,
    engine: MemoryEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(KitaruUsageError) as caught:
        bare.run()

    assert message in str(caught.value)
    assert engine.executions == {}


@pytest.mark.parametrize("variable", ["KITARU_STACK", "KITARU_RETRIES", "KITARU_IMAGE"])
def test_an_empty_variable_says_nothing(
    variable: str, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, " ")

    assert settings_of(engine, bare) == Settings()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("retrys = 1", "[tool.kitaru]: unknown setting 'retrys'; did you mean 'retri"),
        ("retries = '1'", ": tool.kitaru.retries must be a whole number, 0 or more"),
        ("image.usr = 'x'", ": tool.kitaru.image: unknown field 'usr'; did you mean"),
        ("stack = ", "is not valid TOML: "),
    ],
)
def test_a_wrong_pyproject_stops_the_launch_and_names_the_file(
    table: str, message: str, engine: MemoryEngine, project: Path
) -> None:
    path = write(project, table)

    with pytest.raises(KitaruUsageError) as caught:
        bare.run()

    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert engine.executions == {}


def test_a_pyproject_whose_kitaru_is_no_table_is_refused(
    engine: MemoryEngine, project: Path
) -> None:
    (project / "pyproject.toml").write_text("[tool]\nkitaru = 'default'\n")

    with pytest.raises(KitaruUsageError, match=r"must be a table, got 'default'"):
        bare.run()


def test_the_nearest_pyproject_alone_is_read(
    engine: MemoryEngine, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, 'stack = "outer"')
    inner = project / "inner" / "deep"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert settings_of(engine, bare).stack == "outer"

    (project / "inner" / "pyproject.toml").write_text("[project]\nname = 'inner'\n")

    assert settings_of(engine, bare).stack is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retries": -1}, "@flow(retries=...) must be a whole number, 0 or more"),
        ({"image": {"usr": "x"}}, "@flow(image=...): unknown field 'usr'"),
    ],
)
def test_a_wrong_decorator_is_refused_where_it_stands(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(KitaruUsageError) as caught:
        flow(**options)

    assert message in str(caught.value)


def test_a_wrong_call_is_refused_before_anything_starts(engine: MemoryEngine) -> None:
    with pytest.raises(KitaruUsageError, match=r"run\(cache=...\) must be true or"):
        bare.run(cache="yes")

    assert engine.executions == {}


def test_defining_a_flow_reads_no_file(project: Path) -> None:
    write(project, "this is no TOML")

    @flow(retries=1)
    def defined() -> None: ...

    assert defined.name == "defined"
