from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitaru._core.values import codec
from kitaru._core.values.tagging import anything
from kitaru.errors import KitaruPickleWarning, KitaruRuntimeError, KitaruUsageError

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text().filter(lambda key: key != "~"), inner, max_size=4)
    ),
    max_leaves=20,
)


def round_trip(value: object) -> Any:
    encoded = codec.encode(value)
    return codec.decode(encoded.serializer, encoded.payload, anything)


@given(JSON)
def test_plain_json_data_comes_back_and_is_stored_as_json(value: object) -> None:
    encoded = codec.encode(value)

    assert encoded.serializer == "json"
    assert repr(codec.decode("json", encoded.payload, anything)) == repr(value)


@pytest.mark.parametrize(
    ("value", "serializer"),
    [
        pytest.param({"a": [1, None]}, "json", id="json"),
        pytest.param((1, 2), "tagged", id="tuple"),
        pytest.param(float("inf"), "tagged", id="infinity"),
        pytest.param("x" * (codec.LONG_TEXT + 1), "text", id="long text"),
        pytest.param("x" * codec.LONG_TEXT, "json", id="text at the limit"),
        pytest.param(b"\x00\xff", "bytes", id="bytes"),
        pytest.param([b"\x00\xff"], "tagged", id="bytes within"),
        pytest.param(bytearray(b"a"), "tagged", id="bytearray"),
    ],
)
def test_the_plainest_serializer_that_keeps_the_type_is_taken(
    value: object, serializer: str
) -> None:
    encoded = codec.encode(value)

    back = codec.decode(encoded.serializer, encoded.payload, anything)

    assert encoded.serializer == serializer
    assert back == value
    assert type(back) is type(value)


@given(st.text(alphabet=st.characters(codec=None)))
def test_text_with_lone_surrogates_comes_back(text: str) -> None:
    value = [text, text * codec.LONG_TEXT]

    back = [round_trip(item) for item in value]

    assert back == value


def test_a_long_text_with_surrogates_comes_back() -> None:
    text = "caf\udce9" * codec.LONG_TEXT

    assert round_trip(text) == text


def test_what_has_no_portable_form_is_pickled_with_one_warning() -> None:
    class Handmade:
        def __init__(self, number: int) -> None:
            self.number = number

    with pytest.warns(KitaruPickleWarning, match="Handmade") as warned:
        first, _ = codec.encode(Handmade(1)), codec.encode(Handmade(2))

    back: Any = codec.decode(first.serializer, first.payload, anything)
    assert first.serializer == "pickle"
    assert back.number == 1
    assert len(warned) == 1


@pytest.mark.filterwarnings("ignore::kitaru.errors.KitaruPickleWarning")
def test_a_list_that_contains_itself_comes_back() -> None:
    value: list[Any] = [1]
    value.append(value)

    back = round_trip(value)

    assert back[1] is back


def test_a_value_that_cannot_be_stored_is_refused_by_name() -> None:
    with pytest.raises(KitaruUsageError) as caught:
        codec.encode(threading.Lock(), what="the result of checkpoint 'plan'")

    message = str(caught.value)
    assert message.startswith("the result of checkpoint 'plan' is a _thread.lock")
    assert "pydantic model" in message


def test_any_error_while_pickling_names_the_type() -> None:
    class Stubborn:
        def __reduce__(self) -> str:
            raise RuntimeError("not me")

    with pytest.raises(KitaruUsageError, match=r"Stubborn.*RuntimeError: not me"):
        codec.encode(Stubborn())


@pytest.mark.parametrize(
    ("serializer", "payload"),
    [
        pytest.param("json", b"{", id="cut json"),
        pytest.param("json", b"\xff", id="no utf-8"),
        pytest.param("tagged", b'{"~":"invented","v":1}', id="unknown tag"),
        pytest.param(
            "tagged", b'{"~":"data","c":"no_such_module:A","v":{}}', id="module gone"
        ),
        pytest.param(
            "tagged", b'{"~":"enum","c":"json:Gone","v":"A"}', id="class gone"
        ),
        pytest.param(
            "tagged",
            b'{"~":"model","c":"json:JSONDecoder","v":{"fields":{}}}',
            id="class of another kind",
        ),
        pytest.param("pickle", b"", id="empty pickle"),
        pytest.param("pickle", b"no pickle", id="broken pickle"),
        pytest.param("pickle", b"cno_such_module\nA\n.", id="pickle of a gone module"),
    ],
)
def test_bytes_this_code_cannot_read_say_what_to_do(
    serializer: str, payload: bytes
) -> None:
    with pytest.raises(
        KitaruRuntimeError,
        match=rf"stored {serializer} value cannot be read .* replay from a checkpoint",
    ):
        codec.decode(serializer, payload, anything)


def test_an_unknown_serializer_asks_for_a_newer_kitaru() -> None:
    with pytest.raises(KitaruRuntimeError, match=r"'arrow'.*upgrade kitaru"):
        codec.decode("arrow", b"", anything)


def test_the_type_name_has_module_and_qualified_name() -> None:
    assert codec.type_name(KitaruUsageError("x")) == "kitaru.errors:KitaruUsageError"


@given(st.dictionaries(st.text() | st.integers() | st.binary(), JSON, min_size=2))
def test_the_hash_does_not_depend_on_the_order_of_a_dict(value: dict[Any, Any]) -> None:
    turned = dict(reversed(value.items()))

    assert codec.canonical_hash([turned]) == codec.canonical_hash([value])


@given(st.sets(st.text() | st.integers() | st.tuples(st.text(), st.integers())))
def test_equal_sets_have_equal_bytes(value: set[Any]) -> None:
    grown: set[Any] = set(range(100_000, 100_050))
    for item in sorted(value, key=repr, reverse=True):
        grown.add(item)
    grown -= set(range(100_000, 100_050)) - value

    assert codec.encode(grown).payload == codec.encode(value).payload


@given(st.text() | st.binary())
def test_text_and_bytes_hash_to_their_content_hash(value: str | bytes) -> None:
    assert codec.canonical_hash(value) == codec.encode(value).content_hash


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param((1,), [1], id="tuple and list"),
        pytest.param(1, True, id="int and bool"),
        pytest.param("1", 1, id="str and int"),
        pytest.param({1: "a"}, {"1": "a"}, id="keys"),
        pytest.param({"~": "tuple", "v": [1]}, (1,), id="a dict like a tag"),
        pytest.param("\ud83d\ude00", "\U0001f600", id="surrogates"),
        pytest.param({1}, frozenset({1}), id="sets"),
        pytest.param(float("inf"), float("-inf"), id="infinities"),
    ],
)
def test_different_values_have_different_hashes(one: object, other: object) -> None:
    assert codec.canonical_hash(one) != codec.canonical_hash(other)


def test_a_value_without_portable_form_has_no_hash() -> None:
    assert codec.canonical_hash([object()]) is None


def test_an_endless_value_has_no_hash() -> None:
    value: list[Any] = []
    value.append(value)

    assert codec.canonical_hash(value) is None
