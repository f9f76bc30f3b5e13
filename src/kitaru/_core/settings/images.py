"""What a remote stack builds the container image of a flow from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError

from kitaru._core.words.similar import did_you_mean, shorten
from kitaru.errors import KitaruUsageError
from kitaru.models import Record


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_as_tuple)]


class ImageSettings(Record):
    """The container image of a flow, for remote stacks; `None`: not said here.

    Where several places say something (`pyproject.toml`, `@flow`, the call …), fields
    merge: a field of the higher place wins, and `environment` merges by variable.

    Attributes:
        base_image: Image to start from.
        requirements: Packages to install, or the path of a requirements file.
        dockerfile: Path of a Dockerfile to build instead of a base image.
        build_context_root: Folder that the Dockerfile sees.
        environment: Variables in the image; readable by everybody who may pull it.
        secret_environment_from: Names of secrets whose values become variables when
            the flow runs; they are not in the image.
        apt_packages: System packages to install.
        replicate_local_python_environment: Install what is installed here.
        image_tag: Tag of the built image.
        target_repository: Repository to push to.
        user: User that the container runs as.
        platform: Such as `linux/amd64`.

    Raises:
        KitaruUsageError: For an unknown field or a value of the wrong type.
    """

    # `Record` is frozen and refuses unknown fields; numbers are no names either.
    model_config = ConfigDict(strict=True)

    base_image: Text | None = None
    requirements: Text | Texts | None = None
    dockerfile: Text | None = None
    build_context_root: Text | None = None
    environment: dict[str, str] | None = None
    secret_environment_from: Texts | None = None
    apt_packages: Texts | None = None
    replicate_local_python_environment: bool | None = None
    image_tag: Text | None = None
    target_repository: Text | None = None
    user: Text | None = None
    platform: Text | None = None

    if not TYPE_CHECKING:
        # Type checkers know the fields; users see our errors, not pydantic's.
        def __init__(self, **fields: Any) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as error:
                raise KitaruUsageError(_SAYER + _problem(error)) from None

    def said(self) -> dict[str, Any]:
        """Return the fields that say something, as JSON data."""
        return self.model_dump(mode="json", exclude_none=True)


_SAYER = "ImageSettings: "
_FIELDS = tuple(ImageSettings.model_fields)
_EXPECTED = {
    "requirements": "a list of packages or the path of a requirements file",
    "environment": "a table of text by name",
    "secret_environment_from": "a list of names of secrets",
    "apt_packages": "a list of names of packages",
    "replicate_local_python_environment": "true or false",
}


def read(value: object, *, place: str) -> ImageSettings:
    """Return checked image settings.

    Args:
        value: An `ImageSettings`, a mapping of its fields, or the name of an image.
        place: Where the value was found, for errors.

    Raises:
        KitaruUsageError: If it is anything else; names place, field and value.
    """
    if isinstance(value, ImageSettings):
        return value
    if isinstance(value, str) and value.strip():
        value = {"base_image": value}
    if not isinstance(value, Mapping) or not all(isinstance(k, str) for k in value):
        raise KitaruUsageError(
            f"{place} must be the name of an image or image settings "
            f"({', '.join(_FIELDS)}), got {shorten(value)}"
        )
    try:
        return ImageSettings(**value)
    except KitaruUsageError as error:
        problem = str(error).removeprefix(_SAYER)
        raise KitaruUsageError(f"{place}: {problem}") from None


def merge(lower: ImageSettings | None, upper: ImageSettings) -> ImageSettings:
    """Return what both say; `upper` wins field by field."""
    if lower is None:
        return upper
    changes = {
        field: value
        for field in _FIELDS
        if (value := getattr(upper, field)) is not None
    }
    if lower.environment and upper.environment:
        changes["environment"] = lower.environment | upper.environment
    return lower.model_copy(update=changes)


def _problem(error: ValidationError) -> str:
    first = error.errors()[0]
    field = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return (
            f"unknown field {field!r}{did_you_mean(field, _FIELDS)} "
            f"(known: {', '.join(_FIELDS)})"
        )
    expected = _EXPECTED.get(field, "text that is not empty")
    if field == "environment" and len(first["loc"]) > 1:
        field, expected = f"environment.{first['loc'][1]}", "text"
    return f"{field} must be {expected}, got {shorten(first['input'])}"
