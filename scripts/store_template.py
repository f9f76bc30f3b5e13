"""Write what the installed ZenML makes of a first store and of a run, for Kitaru to make it.

Run it for a version that is new in `kitaru._engine.local.store.compared`; tests compare what it
wrote with what ZenML makes: `tests/integration/test_store_template.py` the first store,
`tests/e2e/test_same_record.py` the record of executions.

    python scripts/store_template.py
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from zenml.config.pipeline_spec import PipelineSpec  # noqa: E402, TID251

from kitaru._engine.local.rows import forms  # noqa: E402
from kitaru._engine.local.store import template  # noqa: E402
from tests.support import made_by_zenml, store, store_text  # noqa: E402

FLOW = """
from kitaru import checkpoint, flow

@checkpoint
def one() -> int:
    return 1

@flow
def sample() -> int:
    return one()

if __name__ == "__main__":
    sample.run()
"""


def main() -> None:
    """Make a store and an execution, and write them beside the code that reads them."""
    with tempfile.TemporaryDirectory() as folder:
        database = made_by_zenml.store_in(Path(folder))
        text = store_text.described(database)
        _write(template.place(version("zenml")), text)
        _run_through_zenml(Path(folder))
        documents = json.dumps(_documents(database), indent=1)
    _write(forms.template(version("zenml")), documents + "\n")


def _run_through_zenml(folder: Path) -> None:
    script = folder / "sample.py"
    script.write_text(FLOW, encoding="utf-8")
    environment = store.child_environment(folder / "config", folder / "home")
    subprocess.run(
        [sys.executable, script],
        env=environment | {"KITARU_ENGINE": "zenml"},
        check=True,
    )


def _documents(database: Path) -> dict[str, Any]:
    """Return the documents of the one run, without what is its own."""
    with closing(sqlite3.connect(database)) as db:
        ((configuration, spec),) = db.execute(
            "SELECT pipeline_configuration, pipeline_spec FROM pipeline_snapshot"
        )
        ((step,),) = db.execute("SELECT config FROM step_configuration")
    run, call = json.loads(configuration), json.loads(step)
    # In the order in which ZenML has the keys when it hashes them.
    said = PipelineSpec.model_validate_json(spec).model_dump(mode="json")
    run |= {"extra": {}, "parameters": {}, "name": ""}
    said["parameters"] = {}
    for known in said["input_schema"]["properties"].values():
        known["default"] = None
    call["step_config_overrides"] |= {"extra": {}, "name": ""}
    call["spec"]["invocation_id"] = ""
    return {"pipeline_configuration": run, "pipeline_spec": said, "step": call}


def _write(place: Path, text: str) -> None:
    place.write_text(text, encoding="utf-8")
    print(f"wrote {place.relative_to(ROOT)}, {len(text):,} characters")


if __name__ == "__main__":
    main()
