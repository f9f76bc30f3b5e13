"""Say whether the installed ZenML makes stores as a version does that has been compared.

Run it in an environment with a new version: `make compare-zenml`. It prints how the first
store differs from that of the newest known version, and the line by which the new one gets
known. What it writes for an execution is compared by `tests/e2e/test_same_record.py` then.
"""

from __future__ import annotations

import difflib
import sqlite3
import sys
import tempfile
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from kitaru._engine.local.store import ground, template  # noqa: E402
from kitaru._engine.local.store.compared import COMPARED  # noqa: E402
from tests.support import made_by_zenml, store_text  # noqa: E402

KNOWN_AS = "src/kitaru/_engine/local/store/compared.py"


def main() -> int:
    """Compare; return 0 if the installed version is known and makes what is known of it."""
    installed, known = version("zenml"), list(COMPARED)[-1]
    with tempfile.TemporaryDirectory() as folder:
        database = made_by_zenml.store_in(Path(folder))
        text = store_text.described(database)
        with closing(sqlite3.connect(database)) as db:
            shape = ground.shape(db)
    expected = template.place(known).read_text(encoding="utf-8")
    changes = list(
        difflib.unified_diff(
            expected.splitlines(),
            text.replace(installed, known).splitlines(),
            f"zenml {known}",
            f"zenml {installed}",
            lineterm="",
            n=0,
        )
    )
    print("\n".join(changes) or f"a first store is as {known} makes it")
    if COMPARED.get(installed) == shape and not changes:
        print(f"zenml {installed} is known, and so are its tables")
        return 0
    print(
        f"\nzenml {installed} is not known. Once nothing above matters, add to {KNOWN_AS}:\n"
        f'    "{installed}": "{shape}",\n'
        "then write its templates and compare what it writes for executions:\n"
        "    python scripts/store_template.py\n"
        "    pytest tests/integration/test_store_template.py tests/e2e/test_same_record.py"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
