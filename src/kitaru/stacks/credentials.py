"""Credentials of a stack: what each provider takes, and which method that makes.

No message of this module shows a value.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from kitaru._core.stack_recipes import Connector, KnownConnector, NewConnector
from kitaru._core.words.similar import did_you_mean

# What says where credentials are, rather than being one.
REFERENCES = frozenset({"type", "connector", "secret"})


@dataclass(frozen=True, slots=True)
class Method:
    """A way to log in: ZenML's name for it, what it needs and what it also takes."""

    name: str
    needs: frozenset[str]
    also: frozenset[str] = frozenset()

    def fits(self, keys: frozenset[str]) -> bool:
        """Whether these keys are enough, and none is too many."""
        return self.needs <= keys <= self.needs | self.also


def _method(name: str, *needs: str, also: tuple[str, ...] = ()) -> Method:
    return Method(name, frozenset(needs), frozenset(also))


_AWS = ("aws_access_key_id", "aws_secret_access_key")
_TLS = ("certificate_authority", "insecure")
METHODS: dict[str, tuple[Method, ...]] = {
    "aws": (
        _method("secret-key", *_AWS),
        _method("sts-token", *_AWS, "aws_session_token"),
        _method("iam-role", *_AWS, "role_arn"),
    ),
    "gcp": (
        _method("service-account", "service_account_json"),
        _method("external-account", "external_account_json"),
        _method("impersonation", "service_account_json", "target_principal"),
    ),
    "azure": (_method("service-principal", "tenant_id", "client_id", "client_secret"),),
    "kubernetes": (
        _method("token", "server", "token", also=_TLS),
        _method("token", "server", "client_certificate", "client_key", also=_TLS),
        _method("password", "server", "username", "password", also=_TLS),
    ),
    "docker": (_method("password", "username", "password", also=("registry",)),),
}
_SWITCHES = {"true": True, "false": False}


class Credentials(BaseModel):
    """A connector that exists, a secret that exists, or the values themselves.

    Attributes:
        type: Whose they are: `aws`, `gcp`, `azure`, `kubernetes` or `docker`; `None`:
            those of the platform, the storage or the registry they are given for.
        connector: Name of a service connector that exists; `None`: a new one is made.
        secret: Name of the secret that holds the values; `None` if they are given here,
            or with a `connector`.
        values: Values by key, which no `repr` shows; with `secret`, those of the
            secret.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    type: str | None = None
    connector: str | None = Field(default=None, min_length=1)
    secret: str | None = Field(default=None, min_length=1)
    values: Mapping[str, SecretStr] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, given: Any) -> Any:
        """Put everything that is no reference under `values`."""
        if not isinstance(given, Mapping):
            raise ValueError("must be a mapping such as {secret: NAME}")  # noqa: TRY004  # pydantic wants it
        if not all(isinstance(key, str) for key in given):
            raise ValueError("must have names as keys")
        values = {key: given[key] for key in given if key not in REFERENCES}
        for key, value in values.items():
            if not isinstance(value, str | bool | SecretStr) or value == "":
                raise ValueError(f"{key} must be text that is not empty")
        texts = {
            key: str(value).lower() if isinstance(value, bool) else value
            for key, value in values.items()
        }
        return {key: given[key] for key in given if key in REFERENCES} | {
            "values": texts
        }

    @model_validator(mode="after")
    def _one_source(self) -> Credentials:
        if self.connector is not None and (self.values or self.secret is not None):
            raise ValueError("has a connector and values or a secret; give one of them")
        if self.connector is None and not self.values:
            raise ValueError("is empty; give connector: NAME, secret: NAME or values")
        return self

    def provider(self, default: str) -> str:
        """Return whose credentials these are."""
        return self.type or default

    def check(self, default: str, allowed: tuple[str, ...]) -> None:
        """Check that provider and keys fit.

        Raises:
            ValueError: If not.
        """
        provider = self.provider(default)
        if provider not in allowed:
            raise ValueError(
                f"type {provider!r} does not fit here{did_you_mean(provider, allowed)} "
                f"(one of: {', '.join(allowed)})"
            )
        if self.connector is None:
            self._chosen(provider)
            self._check_json()

    def recipe(self, default: str, settings: Mapping[str, object]) -> Connector:
        """Return the connector they come to; `settings` are added to its values."""
        provider = self.provider(default)
        if self.connector is not None:
            return KnownConnector(provider, self.connector)
        values: dict[str, object] = {
            key: value.get_secret_value() for key, value in self.values.items()
        }
        if "insecure" in values:
            values["insecure"] = _SWITCHES[str(values["insecure"]).lower()]
        filled = {key: value for key, value in settings.items() if value is not None}
        method = self._chosen(provider).name
        return NewConnector(provider, method, values, filled)

    def _chosen(self, provider: str) -> Method:
        methods = METHODS[provider]
        keys = frozenset(self.values)
        for method in methods:
            if method.fits(keys):
                return self._checked(method)
        known = sorted(set().union(*(m.needs | m.also for m in methods)))
        for key in sorted(keys.difference(known)):
            raise ValueError(
                f"unknown key {key!r} of {provider} credentials{did_you_mean(key, known)}"
                f" (known: {', '.join(known)})"
            )
        ways = "; or ".join(", ".join(sorted(method.needs)) for method in methods)
        given = ", ".join(sorted(keys))
        raise ValueError(f"{provider} credentials are: {ways}. Given: {given}")

    def _checked(self, method: Method) -> Method:
        insecure = self.values.get("insecure")
        if insecure and insecure.get_secret_value().lower() not in _SWITCHES:
            raise ValueError("insecure must be true or false")
        return method

    def _check_json(self) -> None:
        for key in self.values:
            if key.endswith("_json"):
                found = _json(self.values[key].get_secret_value())
                if not isinstance(found, dict) or "type" not in found:
                    raise ValueError(
                        f"{key} is not the JSON of a key file; give it as @FILE"
                    )


def _json(text: str) -> object:
    """Return what a text says in JSON or in base64 of it, `None` if it says nothing."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return json.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return None
