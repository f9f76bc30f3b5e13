from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kitaru._core.checking import json_schemas, references
from kitaru._core.checking.references import UnusableSchemaError


def said(schema: Any, value: Any) -> list[str]:
    return [found.sentence("answer") for found in json_schemas.problems(schema, value)]


@pytest.mark.parametrize(
    ("schema", "value", "sentence"),
    [
        ({"type": "integer"}, "3", 'answer must be an integer, got "3"'),
        ({"type": "integer"}, True, "answer must be an integer, got true"),
        ({"type": ["string", "null"]}, 1, "answer must be a string or null, got 1"),
        ({"enum": ["a", 2]}, "b", 'answer must be one of "a", 2, got "b"'),
        ({"enum": ["a"]}, "b", 'answer must be "a", got "b"'),
        ({"const": 1}, True, "answer must be 1, got true"),
        ({"minimum": 1}, 0, "answer must be at least 1, got 0"),
        ({"maximum": 1}, 1.5, "answer must be at most 1, got 1.5"),
        ({"exclusiveMinimum": 1}, 1, "answer must be more than 1, got 1"),
        ({"exclusiveMaximum": 1}, 1, "answer must be less than 1, got 1"),
        ({"multipleOf": 0.1}, 0.25, "answer must be a multiple of 0.1, got 0.25"),
        ({"minLength": 2}, "a", 'answer must be at least 2 characters long, got "a"'),
        ({"maxLength": 1}, "ab", 'answer must be at most 1 character long, got "ab"'),
        ({"pattern": "^a+$"}, "b", 'answer must be text that matches ^a+$, got "b"'),
        (
            {"format": "date"},
            "soon",
            'answer must be a date such as "2026-01-31", got "soon"',
        ),
        (
            {"format": "email"},
            "nobody",
            'answer must be an email address such as "name@example.com", got "nobody"',
        ),
        ({"minItems": 1}, [], "answer must be a list of at least 1 item, got []"),
        ({"maxItems": 1}, [1, 2], "answer must be a list of at most 1 item, got [1, 2]"),
        (
            {"uniqueItems": True},
            ["a", "b", "a"],
            "answer.2 must be another one than item 0: no item may come twice, "
            'got "a"',
        ),
        (
            {"prefixItems": [{}, {}], "items": False},
            [1, 2, 3],
            "answer must be a list of at most 2 items, got [1, 2, 3]",
        ),
        (
            {"contains": {"type": "string"}},
            [1],
            "answer must be a list with at least 1 of a string, got [1]",
        ),
        ({"minProperties": 1}, {}, "answer must be an object of at least 1 field, got {}"),
        (
            {"required": ["name"]},
            {},
            "answer.name must be given (the field is required), got nothing",
        ),
        (
            {"properties": {"a": {}}, "additionalProperties": False},
            {"b": 1},
            "answer.b must be left out (known fields: a), got 1",
        ),
        (
            {"additionalProperties": {"type": "string"}},
            {"b": 1},
            "answer.b must be a string, got 1",
        ),
        (
            {"patternProperties": {"^n": {"type": "integer"}}},
            {"n1": "x"},
            'answer.n1 must be an integer, got "x"',
        ),
        (
            {"propertyNames": {"maxLength": 1}},
            {"ab": 1},
            "answer must be an object whose keys are at most 1 character long, "
            'got "ab"',
        ),
        (
            {"dependentRequired": {"a": ["b"]}},
            {"a": 1},
            "answer.b must be given (the field is required), got nothing",
        ),
        (
            {"allOf": [{"minimum": 1}, {"maximum": 3}]},
            4,
            "answer must be at most 3, got 4",
        ),
        (
            {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "x",
            'answer must be an integer or null, got "x"',
        ),
        (
            {"oneOf": [{"minimum": 1}, {"type": "integer"}]},
            4,
            "answer must be one of these only, and it is each: something else, an "
            "integer, got 4",
        ),
        ({"not": {"type": "null"}}, None, "answer must be something else than null, got null"),
        (
            {"if": {"minimum": 5}, "then": {"multipleOf": 5}},
            7,
            "answer must be a multiple of 5, got 7",
        ),
        (
            {"$defs": {"Ok": {"type": "boolean"}}, "$ref": "#/$defs/Ok"},
            1,
            "answer must be a boolean, got 1",
        ),
        (
            {
                "properties": {
                    "lines": {"items": {"properties": {"qty": {"minimum": 1}}}}
                }
            },
            {"lines": [{"qty": 0}]},
            "answer.lines.0.qty must be at least 1, got 0",
        ),
        (False, 1, "answer must be left out, got 1"),
    ],
)  # fmt: skip
def test_each_keyword_is_put_in_a_sentence(
    schema: Any, value: Any, sentence: str
) -> None:
    assert said(schema, value) == [sentence]


def test_every_wrong_place_is_told() -> None:
    schema = {"items": {"type": "integer"}}

    assert said(schema, [1, "a", 2, "b"]) == [
        'answer.1 must be an integer, got "a"',
        'answer.3 must be an integer, got "b"',
    ]


CAT = {
    "type": "object",
    "title": "Cat",
    "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}},
    "required": ["kind", "lives"],
}
DOG = {
    "type": "object",
    "title": "Dog",
    "properties": {"kind": {"const": "dog"}, "name": {"type": "string"}},
    "required": ["kind", "name"],
}
PETS = {
    "$defs": {"Cat": CAT, "Dog": DOG},
    "anyOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}, {"type": "null"}],
}


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"kind": "dog"}, "answer.name must be given (the field is required), got nothing"),
        ({"kind": "dog", "name": 1}, "answer.name must be a string, got 1"),
        ({"kind": "cow"}, 'answer.kind must be one of "cat", "dog", got "cow"'),
        ("cat", 'answer must be a Cat, a Dog or null, got "cat"'),
    ],
    ids=["missing", "wrong", "neither", "no object"],
)  # fmt: skip
def test_of_a_union_the_choice_that_was_meant_is_told(
    value: Any, sentence: str
) -> None:
    assert said(PETS, value) == [sentence]


# -- the same verdict as the reference implementation ----------------------------

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.0, 1.0, 0.5, -1.5])
    | st.sampled_from(["", "a", "ab", "b", "2026-01-31"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)
counts = st.integers(0, 2)
names = st.lists(st.sampled_from("abc"), max_size=2, unique=True)


def _keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    by_name = st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
    several = st.lists(inner, min_size=1, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "properties": by_name,
            "patternProperties": st.dictionaries(
                st.sampled_from(["^a", "b$"]), inner, max_size=1
            ),
            "additionalProperties": inner,
            "propertyNames": inner,
            "required": names,
            "dependentRequired": st.dictionaries(
                st.sampled_from("ab"), names, max_size=1
            ),
            "dependentSchemas": by_name,
            "minProperties": counts,
            "maxProperties": counts,
            "prefixItems": several,
            "items": inner,
            "contains": inner,
            "minContains": counts,
            "maxContains": counts,
            "allOf": several,
            "anyOf": several,
            "oneOf": several,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
        },
    )


kinds = ["null", "boolean", "integer", "number", "string", "array", "object"]
leaves = st.booleans() | st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(kinds) | st.lists(st.sampled_from(kinds), min_size=1),
        "enum": st.lists(values, min_size=1, max_size=3),
        "const": values,
        "minimum": st.integers(-2, 2),
        "maximum": st.integers(-2, 2),
        "exclusiveMinimum": st.integers(-2, 2),
        "exclusiveMaximum": st.integers(-2, 2),
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "minLength": counts,
        "maxLength": counts,
        "pattern": st.sampled_from(["^a", "b$", "^(a|b)+$"]),
        "minItems": counts,
        "maxItems": counts,
        "uniqueItems": st.booleans(),
        "$ref": st.just("#/$defs/named"),
    },
)
schemas = st.recursive(leaves, _keywords, max_leaves=5)
named = st.sampled_from([{"type": "string"}, {"minimum": 1}, True, {"enum": [1, "a"]}])


@settings(max_examples=200)
@given(schema=schemas, inner=named, value=values)
def test_the_verdict_is_that_of_the_json_schema_standard(
    schema: Any, inner: Any, value: Any
) -> None:
    whole = (
        {**schema, "$defs": {"named": inner}} if isinstance(schema, dict) else schema
    )

    assert (not json_schemas.problems(whole, value)) is Draft202012Validator(
        whole
    ).is_valid(value)


# -- what a check may cost ---------------------------------------------------------

BOMBS = """
import resource
resource.setrlimit(resource.RLIMIT_CPU, (25, 25))
from kitaru._core.checking import json_schemas
deep = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 8} for n in range(12)}
fork = {"properties": {"a": {"$ref": "#"}}, "allOf": [{"$ref": "#/$defs/x"}] * 4,
        "$defs": {"x": {"anyOf": [{"properties": {"a": {"$ref": "#"}}}] * 4}}}
nested = {}
for _ in range(60):
    nested = {"a": nested}
for schema, value in [
    ({"pattern": "^(a+)+$"}, "a" * 9000 + "!"),
    ({"pattern": "(?:[ab]{0,300}[cd]?){0,20}[ef]"}, "ab" * 4000),
    ({"patternProperties": {"^(a+)+$": False}}, {"a" * 9000 + "!": 1, "a": 1}),
    ({"$defs": {**deep, "d12": {"type": "integer"}}, "$ref": "#/$defs/d0"}, "x"),
    (fork, nested),
    ({"uniqueItems": True, "items": {"type": "integer"}}, [{"a": n} for n in range(30_000)]),
    ({"uniqueItems": True, "maxItems": 1}, [{"a": n} for n in range(30_000)]),
    ({"items": {"enum": list(range(5000))}}, ["x"] * 5000),
    ({"type": "string"}, [["x" * 1000] * 100] * 100),
    ({"anyOf": [{"type": "integer"}] * 500}, "x" * 1_000_000),
    ({"format": "date-time"}, "9" * 1_000_000),
    ({"format": "email"}, "a" * 1_000_000 + "@"),
    ({"multipleOf": 3e-300}, 1e300),
]:
    found = json_schemas.problems(schema, value)
    assert found, schema
    assert all(len(problem.got) <= 80 for problem in found)
print("all refused")
"""


def test_no_schema_and_no_answer_keep_a_process_busy() -> None:
    # The limit is far above what it takes; without bounds each takes hours.
    done = subprocess.run(
        [sys.executable, "-c", BOMBS], capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.returncode) == ("all refused\n", 0), done.stderr[-2000:]


def test_a_schema_that_only_refers_to_itself_is_no_schema() -> None:
    circle = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}

    with pytest.raises(UnusableSchemaError, match="refers to itself"):
        references.refuse_unusable({**circle, "$ref": "#/$defs/a"})


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"$ref": "http://127.0.0.1:9/x.json"}, "nothing outside a schema is read"),
        ({"properties": {"a": {"$ref": "other.json#/a"}}}, "nothing outside"),
        ({"items": {"$ref": "#/$defs/gone"}}, "which it does not have"),
        ({"anyOf": [{"pattern": "a(?=b)"}]}, "look-around"),
        ({"pattern": r"(a)\1"}, "references back"),
        ({"pattern": "("}, "no matcher"),
        ({"patternProperties": {"(?!a)": True}}, "no matcher"),
        (
            {"unevaluatedProperties": False},
            "'unevaluatedProperties', which is not known",
        ),
        ({"not": {"$dynamicRef": "#a"}}, "not known here"),
    ],
    ids=lambda part: None if isinstance(part, dict) else part,
)
def test_a_schema_nothing_can_be_checked_against_is_refused(
    schema: Any, why: str
) -> None:
    with pytest.raises(UnusableSchemaError, match=why):
        references.refuse_unusable(schema)


def test_words_of_the_standard_may_name_fields() -> None:
    schema = {
        "properties": {"$ref": {"type": "string"}, "pattern": {"type": "string"}},
        "default": {"$ref": "http://example.com"},
    }

    references.refuse_unusable(schema)

    assert said(schema, {"$ref": 1}) == ["answer.$ref must be a string, got 1"]


@pytest.mark.parametrize(
    "schema",
    [{"type": "whole"}, {"type": 5}, {"enum": 5}, {"minimum": "a"}, {"items": 5}, 5],
    ids=str,
)
def test_what_is_no_schema_is_told(schema: Any) -> None:
    with pytest.raises(UnusableSchemaError):
        json_schemas.problems(schema, [1] if "items" in str(schema) else 1)
