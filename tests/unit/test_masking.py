from __future__ import annotations

import json

from kitaru._core.secrecy import masking

KEY = "masking-test-key-4711"


def test_known_values_are_cut_out_of_texts_and_data() -> None:
    masking.remember({"KEY": KEY})

    assert masking.text(f"Bearer {KEY}!") == "Bearer ***!"
    assert masking.data({"a": [KEY, 1], KEY: None}) == {"a": ["***", 1], KEY: None}
    assert masking.holds_secret(b"x" + KEY.encode())


def test_the_longer_of_two_values_goes_first() -> None:
    masking.remember({"A": "masking-short", "B": "masking-short-and-long"})

    assert masking.text("<masking-short-and-long>") == "<***>"


def test_secret_parts_of_a_value_that_is_json_are_cut_out_too() -> None:
    masking.remember({"FILE": json.dumps({"private_key": "masking-inner-key"})})

    assert masking.text("quoting masking-inner-key") == "quoting ***"


def test_short_values_are_left_alone() -> None:
    masking.remember({"USER": "admin"})

    assert masking.text("the admin page") == "the admin page"
