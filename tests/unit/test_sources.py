from __future__ import annotations

import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from kitaru._core import sources
from kitaru._core.sources import FlowSource

SCRIPT = """
import json
from kitaru._core import sources
def job(): pass
print(json.dumps(sources.describe(job).to_dict()))
"""


def described(folder: Path, *arguments: str, text: str | None = None) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("file", "arguments", "module", "root"),
    [
        pytest.param("job.py", ["job.py"], "job", ".", id="script"),
        pytest.param("a/job.py", ["a/job.py"], "job", "a", id="script in a folder"),
        pytest.param("v1.2.py", ["v1.2.py"], "v1_2", ".", id="script with a dot"),
        pytest.param("job", ["job"], "job", ".", id="script without an ending"),
        pytest.param("pkg/job.py", ["-m", "pkg.job"], "pkg.job", ".", id="module"),
        pytest.param(
            "pkg/__main__.py", ["-m", "pkg"], "pkg.__main__", ".", id="package"
        ),
        pytest.param("app/__main__.py", ["app"], "app", "app", id="folder"),
    ],
)
def test_what_is_run_gets_a_name_other_processes_can_import(
    tmp_path: Path, file: str, arguments: list[str], module: str, root: str
) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(SCRIPT)

    found = described(tmp_path, *arguments)

    assert found == {
        "module": module,
        "qualname": "job",
        "file": str(path),
        "root": str(tmp_path / root),
        "code_hash": sources.file_hash(path),
    }


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param(["-c", SCRIPT], None, id="command line"),
        pytest.param(["-"], SCRIPT, id="standard input"),
    ],
)
def test_code_without_a_file_cannot_be_loaded_elsewhere(
    tmp_path: Path, arguments: list[str], text: str | None
) -> None:
    source = FlowSource.from_dict(described(tmp_path, *arguments, text=text))

    assert (source.module, source.file) == ("__main__", "")
    assert not source.is_loadable


def test_an_imported_function_is_described_by_its_module() -> None:
    source = sources.describe(test_an_imported_function_is_described_by_its_module)

    assert source.reference.endswith(
        ":test_an_imported_function_is_described_by_its_module"
    )
    assert source.file == str(Path(__file__).resolve())
    assert source.is_loadable


def test_the_root_of_a_package_is_where_it_is_imported_from() -> None:
    def function() -> None: ...

    function.__module__ = "json"

    source = sources.describe(function)

    assert source.root == str(Path(json.__file__).resolve().parents[1])


def test_a_function_in_a_function_cannot_be_loaded_elsewhere() -> None:
    def inner() -> None: ...

    assert not sources.describe(inner).is_loadable


def test_a_source_comes_back_from_json() -> None:
    source = FlowSource("a.b", "c", "/d/a/b.py", "/d", "e")

    back = FlowSource.from_dict(json.loads(json.dumps(source.to_dict())))

    assert back == source
    assert back.reference == "a.b:c"


def test_the_code_hash_follows_the_source(tmp_path: Path) -> None:
    made = []
    for number, body in enumerate(("1", "1", "2")):
        file = tmp_path / f"hashed{number}.py"
        file.write_text(f"def job():\n    return {body}\n")
        module = types.ModuleType(file.stem)
        namespace: dict[str, Any] = vars(module)
        exec(compile(file.read_text(), str(file), "exec"), namespace)
        made.append(sources.code_hash(namespace["job"]))

    assert made[0] == made[1]
    assert made[0] != made[2]


def test_a_callable_without_source_has_no_code_hash() -> None:
    assert sources.code_hash(len) == ""


def test_only_main_is_renamed() -> None:
    assert sources.stable_module("a.b") == "a.b"
    assert sources.stable_module("__main__") == sources.main_module_name()


def test_a_loaded_module_is_found_by_its_stored_name() -> None:
    assert sources.loaded_module("json") is json
    assert sources.loaded_module(sources.main_module_name()) is not None
    assert sources.loaded_module("no_such_module") is None
