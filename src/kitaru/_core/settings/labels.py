"""What an execution is found by, beside its id: a key, tags, attributes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kitaru.errors import KitaruUsageError

# What ZenML's tables and pages show of a key; the hash tells keys apart.
_SHOWN_KEY = 40
_UNSHOWN = re.compile(r"[^a-z0-9]+")

Attribute = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Labels:
    """How an execution is found again.

    Attributes:
        key: What it is for, such as an order: there is one execution for it at most.
        tags: Words that it is listed by.
        attributes: Names with values that it is listed by.
    """

    key: str | None = None
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the labels as JSON data; what there is none of is not in it."""
        said = {
            "key": self.key,
            "tags": list(self.tags),
            "attributes": dict(self.attributes),
        }
        return {name: value for name, value in said.items() if value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Labels:
        """Return the labels that `to_dict` has written, or that somebody gave."""
        return cls(
            key=data.get("key"),
            # The first of the same stays where it is.
            tags=tuple(dict.fromkeys(data.get("tags") or ())),
            attributes=dict(data.get("attributes") or {}),
        )


def merge(lower: Labels, upper: Labels) -> Labels:
    """Return what both say: tags add up, keys and attributes of `upper` win."""
    return Labels(
        key=lower.key if upper.key is None else upper.key,
        tags=tuple(dict.fromkeys((*lower.tags, *upper.tags))),
        attributes={**lower.attributes, **upper.attributes},
    )


def run_name(key: str) -> str:
    """Return the name of the run of a key, which no other run of a project can have.

    Some databases take `A` and `a` for the same; the hash does not.

    Example:
        >>> run_name("Order 17")
        'key-order-17-3f132ffa37f2962565e860a1'
    """
    shown = _UNSHOWN.sub("-", key.lower())[:_SHOWN_KEY].strip("-")
    digest = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:24]
    return "-".join(part for part in ("key", shown, digest) if part)


def without(
    attributes: Mapping[str, Any], metadata: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the metadata of a run that is more than its attributes."""
    return {
        name: value
        for name, value in metadata.items()
        if name not in attributes or attributes[name] != value
    }


def wanted_text(value: object) -> str:
    """Return the text that an attribute is looked for by: `true`, `17`, `a`."""
    return value if isinstance(value, str) else json.dumps(value)


def pairs(given: Sequence[str], *, option: str) -> dict[str, str]:
    """Return the attributes that somebody typed as `NAME=VALUE`, each one for itself.

    Raises:
        KitaruUsageError: If one is no pair, or a name has two values; names the option.
    """
    found: dict[str, str] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise KitaruUsageError(
                f"{option} takes NAME=VALUE, such as {option} customer=a; got {pair!r}"
            )
        if found.setdefault(name.strip(), value) != value:
            raise KitaruUsageError(
                f"{option} {name.strip()} is given with two values, "
                f"{found[name.strip()]!r} and {value!r}; no execution has both"
            )
    return found


def stored_forms(text: str) -> list[str]:
    """Return the JSON of the attributes that a text means: `17` and `"17"`."""
    return list(dict.fromkeys((text, json.dumps(text))))


def has(attributes: Mapping[str, Any], name: str, text: str) -> bool:
    """Whether an attribute is what a text means."""
    return name in attributes and wanted_text(attributes[name]) == text
