"""Secrets hide their values, and bad names and values change nothing."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from kitaru import (
    Secret,
    checkpoint,
    create_secret,
    delete_secret,
    flow,
    get_secret,
)
from kitaru._core.secrecy.secret_rules import MAX_BYTES, without_values
from kitaru._engine.memory.engine import MemoryEngine
from kitaru._engine.open import use_engine
from kitaru._ops import secrets
from kitaru.errors import KitaruUsageError, KitaruUserCodeError

VALUE = "hunter2-not-for-your-eyes"


@pytest.fixture(autouse=True)
def engine() -> Iterator[MemoryEngine]:
    opened = MemoryEngine()
    with use_engine(opened):
        yield opened


def test_values_are_read_on_purpose_only() -> None:
    create_secret("db", {"PASSWORD": VALUE})

    found = get_secret("db")

    assert found["PASSWORD"] == VALUE
    assert found.values == {"PASSWORD": VALUE}
    assert found.keys == ("PASSWORD",)


@pytest.mark.parametrize(
    "show",
    [repr, str, "{}".format, lambda s: s.model_dump_json(), lambda s: f"{vars(s)}"],
    ids=["repr", "str", "format", "json", "vars"],
)
def test_no_form_of_a_secret_shows_its_values(show: Any) -> None:
    info = create_secret("db", {"PASSWORD": VALUE})

    shown = show(info) + show(get_secret("db")) + repr([get_secret("db")])

    assert VALUE not in shown
    assert "PASSWORD" in shown


def test_copies_keep_values_and_pickles_are_refused() -> None:
    create_secret("db", {"PASSWORD": VALUE})
    found = get_secret("db")

    with pytest.raises(KitaruUsageError, match=r"get_secret\('db'\)") as caught:
        pickle.dumps(found)

    assert VALUE not in str(caught.value)
    assert copy.deepcopy(found).values == copy.copy(found).values == found.values


def test_a_checkpoint_that_returns_a_secret_fails_and_says_why() -> None:
    create_secret("db", {"PASSWORD": VALUE})

    @checkpoint
    def leak() -> Secret:
        return get_secret("db")

    @flow
    def leaking() -> None:
        leak()

    handle = leaking.run()

    with pytest.raises(KitaruUserCodeError, match=r"get_secret\('db'\)") as caught:
        handle.wait()
    assert VALUE not in str(caught.value)


def test_an_unknown_key_names_the_keys_there_are() -> None:
    create_secret("db", {"USER": "bob", "PASSWORD": VALUE})

    with pytest.raises(
        KitaruUsageError, match="no key 'PASS'; it has: PASSWORD, USER"
    ) as caught:
        get_secret("db")["PASS"]

    assert VALUE not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "-x", "../x y", "ü", "x" * 201, "a\nb"])
def test_a_bad_name_is_refused_everywhere(name: str) -> None:
    for call in (
        lambda: create_secret(name, {"K": "v"}),
        lambda: get_secret(name),
        lambda: delete_secret(name),
        lambda: secrets.put(name, {"K": "v"}),
    ):
        with pytest.raises(KitaruUsageError, match=r"secret name .* is not valid"):
            call()

    assert secrets.find(page=1, size=20).total == 0


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "at least one value"),
        ({"K": ""}, "value 'K' of secret 'db' is empty"),
        ({"K": None}, "is a NoneType, not text"),
        ({"K": 5}, "is a int, not text"),
        ({"K": VALUE.encode()}, "is a bytes, not text"),
        ({"K": VALUE * 5000}, f"{MAX_BYTES} are possible"),
        ({"K": "\ud800"}, "not valid text"),
        ({VALUE: "x"}, "a key of secret 'db' is not valid"),
        ({"1K": "x"}, "a key of secret 'db' is not valid"),
        ({5: "x"}, "a key of secret 'db' is not valid"),
    ],
)
def test_bad_values_are_refused_without_being_shown(
    values: dict[Any, Any], said: str
) -> None:
    with pytest.raises(KitaruUsageError, match=said) as caught:
        create_secret("db", values)

    assert VALUE not in str(caught.value)
    assert secrets.find(page=1, size=20).total == 0


def test_creating_again_is_refused_and_changes_nothing() -> None:
    create_secret("db", {"PASSWORD": VALUE})

    with pytest.raises(KitaruUsageError, match="already"):
        create_secret("db", {"PASSWORD": "other"})

    assert get_secret("db")["PASSWORD"] == VALUE


def test_putting_changes_the_keys_that_are_named() -> None:
    secrets.put("db", {"USER": "bob", "PASSWORD": "old"})

    info, is_new = secrets.put("db", {"PASSWORD": VALUE, "URL": "x://"})

    assert not is_new
    assert info.keys == ("PASSWORD", "URL", "USER")
    assert get_secret("db").values == {"USER": "bob", "PASSWORD": VALUE, "URL": "x://"}


def test_a_deleted_secret_is_gone() -> None:
    create_secret("db", {"PASSWORD": VALUE})

    delete_secret("db")

    with pytest.raises(KitaruUsageError, match="no secret 'db'"):
        get_secret("db")


def test_foreign_messages_lose_values() -> None:
    values = {"A": VALUE, "B": "abc"}

    cut = without_values(f"refused: {VALUE} and abc", values)

    assert cut == "refused: *** and abc"
