"""The rules of deployed versions: names, tags, which one is meant, and their inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypedDict, Unpack

import pytest
from pydantic import BaseModel, Field

from kitaru._core import sources
from kitaru._core.flows.deployed import DeployedCode
from kitaru._core.flows.specs import FlowSpec
from kitaru._core.settings.settings import Settings
from kitaru._core.sources import FlowSource
from kitaru._core.versions import choosing, input_schemas, names
from kitaru._core.versions.choosing import SeveralHoldersError
from kitaru._core.versions.records import Version, VersionFacts
from kitaru.errors import KitaruStateError, KitaruUsageError

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def version(number: int, *tags: str, gone: bool = False, tagged: int = 0) -> Version:
    code = DeployedCode(
        number, "c" * 32, "/a.tar.gz", "flow.py", ".", "python", "3.12.4", "host"
    )
    facts = VersionFacts(
        FlowSource("flow", "research", "/p/flow.py", "/p"),
        Settings(retries=2),
        code,
        {"type": "object"},
        files=1,
        size=2,
        project="/p",
    )
    return Version(
        f"id-{number}",
        "research",
        number,
        gone,
        frozenset(tags),
        facts,
        "default",
        MOMENT,
        MOMENT + timedelta(seconds=tagged),
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("v1", (1, False)),
        ("v12-deleted", (12, True)),
        ("v0", None),
        ("v01", None),
        ("v1-gone", None),
        ("nightly", None),
        (None, None),
    ],
)
def test_only_names_of_versions_are_read_as_such(
    name: str | None, said: tuple[int, bool] | None
) -> None:
    assert names.read(name) == said


@pytest.mark.parametrize("tag", ["default", "staging", "a", "2026-01", "v1.2", "A_b"])
def test_tags_that_versions_may_have(tag: str) -> None:
    assert names.checked_tag(tag) == tag


@pytest.mark.parametrize(
    "tag",
    [
        *("", "-a", "a b", "a/b", "ü", "a\n", "x" * 101, None, 3),
        *("kitaru", "Kitaru-version", "7", "v7"),
        "5f0c9f3e-7d1c-4b43-8a2e-3c1c2c7a6d11",
    ],
)
def test_tags_that_versions_may_not_have(tag: object) -> None:
    with pytest.raises(KitaruUsageError, match="tag"):
        names.checked_tag(tag)


@pytest.mark.parametrize(
    ("known", "number"),
    [
        ([], 1),
        ([version(1), version(4)], 5),
        ([version(1), version(2, gone=True)], 3),
    ],
)
def test_the_next_number_was_never_used(known: list[Version], number: int) -> None:
    assert choosing.next_number(known) == number


def test_a_mark_of_a_deleted_version_is_none_that_can_be_meant() -> None:
    known = [version(1), version(2, gone=True)]

    assert [one.number for one in choosing.living(known)] == [1]
    with pytest.raises(KitaruUsageError, match=r"version 2 .* was deleted; known: 1"):
        choosing.by_number("research", known, 2)


def test_of_two_default_ones_the_one_that_was_tagged_last_stands() -> None:
    known = [version(1, "default", tagged=9), version(2, "default", tagged=3)]

    with pytest.raises(SeveralHoldersError):
        choosing.by_tag("research", known, "default", looked_again=False)
    found = choosing.by_tag("research", known, "default", looked_again=True)
    assert found.number == 1


def test_of_two_with_another_tag_nobody_guesses() -> None:
    known = [version(2, "canary"), version(5, "canary"), version(6)]

    with pytest.raises(SeveralHoldersError, match=r"on versions 2 and 5 .*--version 5"):
        choosing.by_tag("research", known, "canary", looked_again=True)


def test_without_a_default_version_the_way_to_make_one_is_told() -> None:
    with pytest.raises(KitaruUsageError, match="kitaru flow tag research 3 default"):
        choosing.by_tag(
            "research", [version(1), version(3)], "default", looked_again=True
        )


def test_the_same_code_is_looked_for_in_earlier_versions_only() -> None:
    known = [version(1), version(2, gone=True), version(3), version(4)]

    assert choosing.same_code(known[2], known) == 1
    assert choosing.same_code(known[0], known) is None


def test_what_a_version_is_made_of_survives_being_stored() -> None:
    facts = version(3).facts

    assert VersionFacts.from_dict(facts.to_dict(), place="x") == facts


def test_facts_of_a_newer_kitaru_are_refused() -> None:
    data = version(3).facts.to_dict() | {"version": 99}

    with pytest.raises(KitaruStateError, match="newer version of Kitaru"):
        VersionFacts.from_dict(data, place="version 3 of flow 'research'")


def test_a_named_snapshot_of_somebody_else_is_no_version() -> None:
    rest: dict[str, Any] = {
        "tags": ["kitaru"],
        "deployment_id": "x",
        "stack": None,
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }

    assert Version.of({"source": {}}, flow="f", name="v1", **rest) is None
    data = version(1).facts.to_dict()
    assert Version.of(data, flow="f", name="nightly", **rest) is None
    found = Version.of(data, flow="f", name="v1", **rest)
    assert found is not None
    assert found.tags == frozenset()


def test_code_is_where_it_was_unpacked_whoever_deployed_it() -> None:
    code = replace(version(1).facts.deployed, file="flows/a.py", root="flows")
    source = FlowSource("a", "run", "/home/ann/p/flows/a.py", "/home/ann/p/flows", "h")

    found = code.source_in(sources.Path("/code/c"), source)

    assert (found.file, found.root) == ("/code/c/flows/a.py", "/code/c/flows")
    assert (found.reference, found.code_hash) == ("a:run", "h")


# -- inputs ---------------------------------------------------------------------


class Wish(BaseModel):
    topic: str = Field(min_length=2)
    depth: int = 1


class More(TypedDict, total=False):
    pages: int


def schema_of(function: Callable[..., Any]) -> dict[str, Any]:
    spec = FlowSpec(function.__name__, function, sources.describe(function))
    return input_schemas.schema_of(spec)


def wishing(
    wish: Wish, when: date = date(2026, 1, 1), *, loud: bool = False
) -> None: ...


def open_type(call: Callable[[], int], any_value, other: Unknown = None) -> None:  # type: ignore[no-untyped-def,name-defined]  # noqa: F821
    ...


def keywords(**options: Unpack[More]) -> None: ...


def anything(topic: str, **more: Any) -> None: ...


def test_models_and_defaults_are_in_the_schema() -> None:
    schema = schema_of(wishing)

    assert schema["required"] == ["wish"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["wish"] == {"$ref": "#/$defs/Wish"}
    # JSON holds no dates: the input is optional, and its default the flow's own.
    assert schema["properties"]["when"] == {"type": "string", "format": "date"}
    assert schema["properties"]["loud"] == {"type": "boolean", "default": False}


def test_what_json_cannot_describe_is_left_to_the_flow() -> None:
    schema = schema_of(open_type)

    assert schema["properties"] == {
        "call": {},
        "any_value": {},
        "other": {"default": None},
    }
    assert schema["required"] == ["call", "any_value"]


def test_keywords_are_inputs_too() -> None:
    assert schema_of(keywords)["properties"] == {"pages": {"type": "integer"}}
    assert schema_of(keywords)["additionalProperties"] is False
    assert schema_of(anything)["additionalProperties"] is True


def test_an_input_without_a_name_cannot_be_deployed() -> None:
    def positional(topic: str, /) -> None: ...

    with pytest.raises(KitaruUsageError, match="'topic' can be given by position only"):
        schema_of(positional)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "wish is missing"),
        ({"wish": {"topic": "x"}}, "wish.topic must be at least 2 characters long"),
        ({"wish": {"topic": "xx", "dept": 1}, "loud": 1}, "loud must be"),
        ({"wish": {"topic": "xx"}, "whn": 1}, "no input 'whn', did you mean 'when'"),
        ({"wish": {"topic": "xx"}, "when": "soon"}, "when must be a date"),
        ({"wish": object()}, "wish must be"),
    ],
)
def test_inputs_that_do_not_fit_are_named(inputs: dict[str, Any], said: str) -> None:
    with pytest.raises(KitaruUsageError) as caught:
        input_schemas.checked(schema_of(wishing), inputs, what="version 3")

    assert said in str(caught.value)
    assert "nothing was started. It takes: wish, when (optional)" in str(caught.value)


def test_python_values_that_stand_for_json_are_taken() -> None:
    given = {"wish": Wish(topic="tides"), "when": date(2026, 2, 3)}

    assert input_schemas.checked(schema_of(wishing), given, what="version 3") == {
        "wish": {"topic": "tides"},
        "when": "2026-02-03",
    }
