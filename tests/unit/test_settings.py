"""Which place wins, and what each may say: the rules, without files."""

from __future__ import annotations

from typing import Any

import pytest

from kitaru import ImageSettings
from kitaru._core.settings import images, settings
from kitaru._core.settings.settings import Layer, Place, Settings
from kitaru.errors import KitaruUsageError


def place(name: str) -> Place:
    return Place(name, lambda key: f"{name}.{key}")


def layers(*said: dict[str, Any]) -> list[Layer]:
    """Name the places a, b, c …, lowest first."""
    return [
        Layer(place(name), settings.check(values, place(name)))
        for name, values in zip("abcdef", said, strict=False)
    ]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param([], Settings(), id="nobody says anything"),
        pytest.param([{"stack": "x"}, {}], Settings(stack="x"), id="the only one"),
        pytest.param([{"stack": "x"}, {"stack": "y"}], Settings(stack="y"), id="upper"),
        pytest.param(
            [{"retries": 3}, {"retries": 0}], Settings(retries=0), id="zero replaces"
        ),
        pytest.param(
            [{"cache": True}, {"cache": False}], Settings(cache=False), id="false too"
        ),
        pytest.param(
            [{"cache": True}, {"cache": None}], Settings(cache=True), id="none does not"
        ),
        pytest.param(
            [{"stack": "x"}, {"retries": 1}, {"project": "p"}],
            Settings(stack="x", retries=1, project="p"),
            id="keys are independent",
        ),
        pytest.param(
            [{"image": "a"}, {"image": {"user": "me"}}],
            Settings(image=ImageSettings(base_image="a", user="me")),
            id="image fields merge",
        ),
        pytest.param(
            [{"image": "a"}, {"image": "b"}],
            Settings(image=ImageSettings(base_image="b")),
            id="an image field replaces",
        ),
        pytest.param(
            [
                {"image": {"environment": {"A": "1", "B": "1"}}},
                {"image": {"environment": {"B": "2"}}},
            ],
            Settings(image=ImageSettings(environment={"A": "1", "B": "2"})),
            id="variables of an image merge",
        ),
        pytest.param(
            [{"image": {"apt_packages": ["a", "b"]}}, {"image": {"apt_packages": []}}],
            Settings(image=ImageSettings(apt_packages=())),
            id="lists replace",
        ),
    ],
)
def test_the_upper_place_wins(said: list[dict[str, Any]], expected: Settings) -> None:
    assert settings.resolve(layers(*said)).settings == expected


def test_the_place_of_each_setting_is_known() -> None:
    resolved = settings.resolve(
        layers(
            {"stack": "x", "image": {"base_image": "i", "user": "u"}},
            {"stack": "y", "image": {"user": "v"}},
        )
    )

    assert resolved.origins == {
        "stack": "b.stack",
        "image.base_image": "a.image",
        "image.user": "b.image",
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stak": "x"}, "here: unknown setting 'stak'; did you mean 'stack'"),
        ({"retries": -1}, "here.retries must be a whole number, 0 or more, got -1"),
        ({"retries": True}, "here.retries must be a whole number, 0 or more, got True"),
        ({"retries": "2"}, "here.retries must be a whole number, 0 or more, got '2'"),
        ({"cache": 1}, "here.cache must be true or false, got 1"),
        ({"stack": ""}, "here.stack must be the name of a stack, got ''"),
        ({"project": 3}, "here.project must be the name of a project, got 3"),
        ({"image": 3}, "here.image must be the name of an image or image settings"),
        ({"image": ""}, "here.image must be the name of an image or image settings"),
        (
            {"image": {"base_imge": "x"}},
            "here.image: unknown field 'base_imge'; did you mean 'base_image'",
        ),
        (
            {"image": {"apt_packages": "git"}},
            "here.image: apt_packages must be a list of names of packages, got 'git'",
        ),
        (
            {"image": {"environment": {"A": 1}}},
            "here.image: environment.A must be text, got 1",
        ),
        (
            {"image": {"environment": "A=1"}},
            "here.image: environment must be a table of text by name, got 'A=1'",
        ),
        (
            {"image": {"base_image": ""}},
            "here.image: base_image must be text that is not empty, got ''",
        ),
        (
            {"image": {"apt_packages": ["git", ""]}},
            "here.image: apt_packages must be a list of names of packages, got ''",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_place_key_and_expectation(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(KitaruUsageError) as caught:
        settings.check(values, place("here"))

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"base_imge": "x"}, "ImageSettings: unknown field 'base_imge'; did you mean"),
        ({"user": 3}, "ImageSettings: user must be text that is not empty, got 3"),
    ],
)
def test_image_settings_refuse_with_our_own_error(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(KitaruUsageError) as caught:
        ImageSettings(**fields)

    assert message in str(caught.value)


def test_image_settings_survive_json() -> None:
    image = ImageSettings(
        base_image="python:3.12", requirements=["a", "b"], environment={"A": "1"}
    )

    assert images.read(image.said(), place="there") == image


def test_image_settings_are_frozen() -> None:
    image = ImageSettings(base_image="a")

    with pytest.raises(ValueError, match="frozen"):
        image.base_image = "b"  # type: ignore[misc]  # that is the test
