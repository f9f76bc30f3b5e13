"""The objects of the API: kept in memory, found by name and by selectors."""

from __future__ import annotations

import copy
import re
import secrets
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Thing = dict[str, Any]

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.:]*[a-z0-9])?")
_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
_LONGEST_LABEL = 63


class ApiError(Exception):
    """What a client is told instead of an object."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Kind:
    """A kind of object."""

    group: str
    name: str
    namespaced: bool = True


KINDS = {
    "pods": Kind("v1", "Pod"),
    "secrets": Kind("v1", "Secret"),
    "configmaps": Kind("v1", "ConfigMap"),
    "services": Kind("v1", "Service"),
    "serviceaccounts": Kind("v1", "ServiceAccount"),
    "namespaces": Kind("v1", "Namespace", namespaced=False),
    "nodes": Kind("v1", "Node", namespaced=False),
    "jobs": Kind("batch/v1", "Job"),
    "rolebindings": Kind("rbac.authorization.k8s.io/v1", "RoleBinding"),
    "clusterroles": Kind("rbac.authorization.k8s.io/v1", "ClusterRole", False),
}


def now() -> str:
    """Return the moment as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Objects:
    """All objects; the lock is held around whatever reads and writes them."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._kept: dict[str, dict[tuple[str | None, str], Thing]] = {
            plural: {} for plural in KINDS
        }
        self._version = 100

    def create(self, plural: str, namespace: str | None, thing: Thing) -> Thing:
        """Keep a new object after checking its names as Kubernetes does."""
        kind = KINDS[plural]
        meta = thing.setdefault("metadata", {})
        thing["apiVersion"], thing["kind"] = kind.group, kind.name
        with self.lock:
            _check_names(kind, meta)
            if kind.namespaced:
                self.get("namespaces", None, str(namespace))
                meta["namespace"] = namespace
            key = (meta.get("namespace"), meta["name"])
            if key in self._kept[plural]:
                message = f'{plural} "{meta["name"]}" already exists'
                raise ApiError(409, "AlreadyExists", message)
            meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
            self._kept[plural][key] = thing
            return self.changed(thing)

    def changed(self, thing: Thing) -> Thing:
        """Give an object a new version."""
        with self.lock:
            self._version += 1
            thing["metadata"]["resourceVersion"] = str(self._version)
            return thing

    def get(self, plural: str, namespace: str | None, name: str) -> Thing:
        """Return the object itself."""
        found = self.look(plural, namespace, name)
        if found is None:
            raise ApiError(404, "NotFound", f'{plural} "{name}" not found')
        return found

    def look(self, plural: str, namespace: str | None, name: str) -> Thing | None:
        """Return the object itself, if there is one."""
        return self._kept[plural].get(_key(plural, namespace, name))

    def remove(self, plural: str, namespace: str | None, name: str) -> None:
        """Forget an object."""
        with self.lock:
            self._kept[plural].pop(_key(plural, namespace, name), None)

    def select(
        self, plural: str, namespace: str | None, labels: str = "", fields: str = ""
    ) -> list[Thing]:
        """Return copies of the objects that both selectors fit."""
        with self.lock:
            return [
                copy.deepcopy(thing)
                for (where, _), thing in self._kept[plural].items()
                if namespace in (None, where)
                and _labels_fit(thing, labels)
                and _fields_fit(thing, fields)
            ]

    def owned_by(self, plural: str, uid: str) -> Iterator[Thing]:
        """Yield the objects that one owns."""
        for thing in list(self._kept[plural].values()):
            owners = thing["metadata"].get("ownerReferences") or []
            if any(owner["uid"] == uid for owner in owners):
                yield thing

    @property
    def version(self) -> str:
        """The version of the newest change."""
        return str(self._version)


def merge(old: Thing, new: Thing) -> None:
    """Change an object as a merge patch says."""
    for name, value in new.items():
        if value is None:
            old.pop(name, None)
        elif isinstance(value, dict) and isinstance(old.get(name), dict):
            merge(old[name], value)
        else:
            old[name] = value


def _key(plural: str, namespace: str | None, name: str) -> tuple[str | None, str]:
    return (namespace if KINDS[plural].namespaced else None, name)


def _check_names(kind: Kind, meta: Thing) -> None:
    if not meta.get("name"):
        meta["name"] = meta.get("generateName", "") + secrets.token_hex(3)[:5]
    if not _NAME.fullmatch(meta["name"]):
        raise ApiError(422, "Invalid", f'{kind.name} "{meta["name"]}" is invalid')
    for value in (meta.get("labels") or {}).values():
        if len(value) > _LONGEST_LABEL or not _LABEL.fullmatch(value):
            raise ApiError(422, "Invalid", f"metadata.labels: invalid value {value!r}")


def _labels_fit(thing: Thing, selector: str) -> bool:
    labels = thing["metadata"].get("labels") or {}
    # Commas within brackets separate values, not conditions.
    parts = re.split(r",(?![^(]*\))", selector) if selector else []
    return all(_label_fits(labels, part.strip()) for part in parts)


def _label_fits(labels: dict[str, str], part: str) -> bool:
    among = re.fullmatch(r"([^ !=]+)\s+(in|notin)\s+\(([^)]*)\)", part)
    if among:
        values = [value.strip() for value in among[3].split(",")]
        return (labels.get(among[1]) in values) == (among[2] == "in")
    if "!=" in part:
        name, value = part.split("!=")
        return labels.get(name) != value
    if "=" in part:
        name, value = re.split("==?", part, maxsplit=1)
        return labels.get(name) == value
    return part[1:] not in labels if part.startswith("!") else part in labels


def _fields_fit(thing: Thing, selector: str) -> bool:
    for part in selector.split(",") if selector else []:
        path, value = re.split("!=|==?", part, maxsplit=1)
        found: Any = thing
        for step in path.split("."):
            found = (found or {}).get(step)
        if (str(found or "") == value) == ("!=" in part):
            return False
    return True
