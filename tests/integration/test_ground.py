"""What is read of a local store without ZenML is what ZenML says, or is left to it."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from zenml.client import Client
from zenml.enums import StackComponentType as Kind

import kitaru
from kitaru._engine.local.store import ground
from kitaru._engine.local.store.ground import Ground, OnlyZenMLKnows
from kitaru._engine.settings import configuration
from kitaru._engine.zenml.engine import ZenMLEngine
from tests.support import store
from tests.support.in_process import forget_store
from tests.support.workspace import Workspace

pytestmark = pytest.mark.zenml

DATABASE = "local_stores/default_zen_store/zenml.db"


@dataclass(frozen=True)
class Place:
    """A store with more in it than ZenML makes, and a project folder."""

    config: Path
    project: Path
    stack: UUID
    elsewhere: UUID
    other_project: UUID
    patch: pytest.MonkeyPatch

    def changed(self, before: str, after: str) -> None:
        """Change ZenML's configuration."""
        file = self.config / "config.yaml"
        assert before in file.read_text()
        file.write_text(file.read_text().replace(before, after))

    def with_rows(self, *statements: str) -> None:
        """Change the database."""
        with closing(sqlite3.connect(self.config / DATABASE)) as db:
            for statement in statements:
                db.execute(statement)
            db.commit()

    def repository(self, folder: Path, text: str) -> None:
        """Make a repository of ZenML's, with that configuration."""
        (folder / ".zen").mkdir()
        (folder / ".zen" / "config.yaml").write_text(text)


@pytest.fixture(scope="module")
def furnished(
    prepared_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, UUID, UUID, UUID]:
    """A store with other stacks, another project and another user."""
    folder = tmp_path_factory.mktemp("furnished")
    config = store.copy(prepared_store, folder / "config")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KITARU_CONFIG_PATH", str(config))
        patch.setenv("ZENML_CONFIG_PATH", str(config))
        forget_store()
        ZenMLEngine().journal.close()
        client = Client()
        project = client.create_project("other", "")
        client.create_user("jo", password="x")
        made = []
        for name, kind, flavor, settings in (
            ("here", Kind.ARTIFACT_STORE, "local", {"path": str(folder / "values")}),
            ("there", Kind.ARTIFACT_STORE, "s3", {"path": "s3://bucket"}),
        ):
            component = client.create_stack_component(name, flavor, kind, settings)
            parts = {Kind.ORCHESTRATOR: "default", Kind.ARTIFACT_STORE: component.id}
            made.append(client.create_stack(name, parts).id)
        forget_store()
    with closing(sqlite3.connect(config / DATABASE)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return config, made[0], made[1], project.id


@pytest.fixture
def place(
    furnished: tuple[Path, UUID, UUID, UUID],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    """A copy of it, which this process works with."""
    prepared, *ids = furnished
    config = store.copy(prepared, tmp_path / "config")
    project = tmp_path / "project" / "inside"
    project.mkdir(parents=True)
    monkeypatch.chdir(project)
    monkeypatch.setenv("KITARU_CONFIG_PATH", str(config))
    monkeypatch.setenv("ZENML_CONFIG_PATH", str(config))
    forget_store()
    before = configuration.configured()
    yield Place(config, project, *ids, monkeypatch)
    configuration.restore(before)
    forget_store()


def as_it_is(_place: Place) -> None:
    pass


def moved(name: str) -> Callable[[Place], None]:
    def to_a_folder_of_that_name(place: Place) -> None:
        import yaml

        there = place.config.with_name(name)
        file = store.copy(place.config, there) / "config.yaml"
        # What needs quotes gets them; a line of ZenML's own ends after 80 characters.
        file.write_text(yaml.dump(yaml.safe_load(file.read_text()), width=1000))
        place.patch.setenv("KITARU_CONFIG_PATH", str(there))
        place.patch.setenv("ZENML_CONFIG_PATH", str(there))

    return to_a_folder_of_that_name


def another_active_stack(place: Place) -> None:
    ZenMLEngine().journal.close()
    Client().activate_stack(place.stack)


def stack_of_the_environment(place: Place) -> None:
    place.patch.setenv("ZENML_ACTIVE_STACK_ID", str(place.stack))


def project_of_the_environment(place: Place) -> None:
    place.patch.setenv("ZENML_ACTIVE_PROJECT_ID", str(place.other_project))


def project_by_name(place: Place) -> None:
    place.patch.setenv("ZENML_ACTIVE_PROJECT_ID", str(UUID(int=1)))
    place.patch.setenv("KITARU_PROJECT", "other")


def project_by_id(place: Place) -> None:
    place.patch.setenv("KITARU_PROJECT", str(place.other_project))


def project_of_the_folder(place: Place) -> None:
    text = "[tool.kitaru]\nproject = 'other'\nretrys = 1\n"
    (place.project.parent / "pyproject.toml").write_text(text)


def project_of_the_process(place: Place) -> None:
    place.patch.setenv("KITARU_PROJECT", "default")
    kitaru.configure(project="other")


def repository_above(place: Place) -> None:
    place.repository(
        place.project.parent,
        f"active_project_id: {place.other_project}\nactive_stack_id: {place.stack}\n",
    )


def repository_elsewhere(place: Place) -> None:
    repository_above(place)
    place.patch.setenv("ZENML_REPOSITORY_PATH", str(place.project.parent))
    place.patch.chdir(place.config)


def repository_that_is_none(place: Place) -> None:
    repository_above(place)
    # Nothing above it is looked at.
    place.patch.setenv("ZENML_REPOSITORY_PATH", str(place.project))


def values_elsewhere(place: Place) -> None:
    place.patch.setenv("ZENML_LOCAL_STORES_PATH", str(place.config / "elsewhere"))


def another_user(place: Place) -> None:
    place.patch.setenv("ZENML_DEFAULT_USER_NAME", "jo")


def empty_variables(place: Place) -> None:
    for name in ("KITARU_SERVER_URL", "KITARU_AUTH_TOKEN", "KITARU_PROJECT"):
        place.patch.setenv(name, "")


KNOWN = [
    as_it_is,
    moved("ü 'n' \"m\" \\ 日本 \U0001f600"),
    moved("it's"),
    another_active_stack,
    stack_of_the_environment,
    project_of_the_environment,
    project_by_name,
    project_by_id,
    project_of_the_folder,
    project_of_the_process,
    repository_above,
    repository_elsewhere,
    repository_that_is_none,
    values_elsewhere,
    another_user,
    empty_variables,
]


@pytest.mark.parametrize("arrange", KNOWN, ids=lambda arrange: arrange.__name__)
def test_what_is_read_is_what_zenml_says(
    arrange: Callable[[Place], None], place: Place
) -> None:
    arrange(place)

    found = ground.read()

    forget_store()
    ZenMLEngine().journal.close()
    client = Client()
    zenml_store = client.zen_store
    stack = client.active_stack
    info = zenml_store.get_store_info()
    assert found == Ground(
        database=Path(zenml_store.config.database),
        zenml_version=str(info.version),
        store_id=str(info.id),
        user_id=str(client.active_user.id),
        user=client.active_user.name,
        project_id=str(client.active_project.id),
        project=client.active_project.name,
        stack_id=str(client.active_stack_model.id),
        stack=client.active_stack_model.name,
        artifact_store_id=str(stack.artifact_store.id),
        artifact_root=Path(stack.artifact_store.path),
    )


def test_a_stack_is_found_by_its_name(place: Place) -> None:
    found = ground.read(stack="here")

    assert found.stack_id == str(place.stack)
    assert found.artifact_root.name == "values"


def store_of_a_variable(place: Place) -> None:
    place.patch.setenv("ZENML_STORE_URL", "sqlite:////tmp/x.db")


def part_of_a_store_of_a_variable(place: Place) -> None:
    place.patch.setenv("ZENML_STORE_SSL", "")


def secrets_of_a_variable(place: Place) -> None:
    place.patch.setenv("ZENML_SECRETS_STORE_TYPE", "aws")


def inside_a_server(place: Place) -> None:
    place.patch.setenv("ZENML_SERVER", "true")


def server_of_a_variable(place: Place) -> None:
    place.patch.setenv("KITARU_SERVER_URL", "http://127.0.0.1:1")


def server_of_the_login(place: Place) -> None:
    text = "store:\n  type: rest\n  url: https://zenml.example.com\nversion: 0.98.0\n"
    (place.config / "config.yaml").write_text(text)


def database_of_a_server(place: Place) -> None:
    place.changed(f"sqlite:///{place.config}/{DATABASE}", "mysql://db/zenml")


def older_configuration(place: Place) -> None:
    place.changed("version: 0.98.0", "version: 0.97.1")


def older_tables(place: Place) -> None:
    place.with_rows("UPDATE alembic_version SET version_num = '0.97.1'")


def another_column(place: Place) -> None:
    place.with_rows("ALTER TABLE step_run ADD COLUMN more VARCHAR")


def another_version_installed(place: Place) -> None:
    package = place.config / "site" / "zenml"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "VERSION").write_text("0.98.1")
    place.patch.setattr(sys, "path", [str(package.parent), *sys.path])


def unknown_project(place: Place) -> None:
    place.patch.setenv("KITARU_PROJECT", "nope")


def project_by_a_part_of_its_name(place: Place) -> None:
    place.patch.setenv("KITARU_PROJECT", "othe")


def stack_that_is_gone(place: Place) -> None:
    place.patch.setenv("ZENML_ACTIVE_STACK_ID", str(UUID(int=1)))


def stack_by_its_name(place: Place) -> None:
    place.patch.setenv("ZENML_ACTIVE_STACK_ID", "here")


def stack_with_values_elsewhere(place: Place) -> None:
    place.patch.setenv("ZENML_ACTIVE_STACK_ID", str(place.elsewhere))


def stack_that_runs_elsewhere(place: Place) -> None:
    place.with_rows(
        "UPDATE stack_component SET flavor = 'kubernetes' WHERE type = 'orchestrator'"
    )


def new_repository(place: Place) -> None:
    place.repository(place.project, "")


def broken_settings(place: Place) -> None:
    (place.project / "pyproject.toml").write_text("[tool.kitaru\n")


def broken_configuration(place: Place) -> None:
    (place.config / "config.yaml").write_text("{{{: x")


def comment_in_the_configuration(place: Place) -> None:
    place.changed("version: 0.98.0", "version: 0.98.0 # mine")


def folded_text(place: Place) -> None:
    place.changed("  database: ", "  database: a\n    ")


def no_configuration(place: Place) -> None:
    (place.config / "config.yaml").unlink()


def no_database(place: Place) -> None:
    (place.config / DATABASE).unlink()


def broken_database(place: Place) -> None:
    (place.config / DATABASE).write_bytes(os.urandom(4096))


LEFT_TO_ZENML = [
    store_of_a_variable,
    part_of_a_store_of_a_variable,
    secrets_of_a_variable,
    inside_a_server,
    server_of_a_variable,
    server_of_the_login,
    database_of_a_server,
    older_configuration,
    older_tables,
    another_column,
    another_version_installed,
    unknown_project,
    project_by_a_part_of_its_name,
    stack_that_is_gone,
    stack_by_its_name,
    stack_with_values_elsewhere,
    stack_that_runs_elsewhere,
    new_repository,
    broken_settings,
    broken_configuration,
    comment_in_the_configuration,
    folded_text,
    no_configuration,
    no_database,
    broken_database,
]


@pytest.mark.parametrize("arrange", LEFT_TO_ZENML, ids=lambda arrange: arrange.__name__)
def test_a_doubt_is_left_to_zenml(
    arrange: Callable[[Place], None], place: Place
) -> None:
    assert ground.read()
    arrange(place)
    before = {path: path.stat().st_mtime_ns for path in place.config.rglob("*.yaml")}

    with pytest.raises(OnlyZenMLKnows):
        ground.read()

    after = {path: path.stat().st_mtime_ns for path in place.config.rglob("*.yaml")}
    assert after == before


def test_info_tells_of_a_local_store_without_zenml(workspace: Workspace) -> None:
    program = """\
        import sys

        class Refuse:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] == "zenml":
                    raise ImportError(f"{name} is not to be imported")

        sys.meta_path.insert(0, Refuse())
        from kitaru.cli.app import main
        sys.argv = ["kitaru", "info"]
        main()
        """
    workspace.script("told.py", program)

    said = workspace.python("told.py").stdout

    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "Problems" not in lines
    assert "stack default" in lines
    assert f"store sqlite:///{workspace.config}/{DATABASE}" in lines
