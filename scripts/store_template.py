"""Write the first store of the installed ZenML as statements, for Kitaru to make it from.

Run it for a version that is new in `kitaru._engine.local.compared`; a test compares what it
wrote with a store that ZenML makes.

    python scripts/store_template.py
"""

from __future__ import annotations

import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from kitaru._engine.local import store_template  # noqa: E402
from tests.support import made_by_zenml, store_text  # noqa: E402


def main() -> None:
    """Make a store and write the template beside the code that reads it."""
    with tempfile.TemporaryDirectory() as folder:
        database = made_by_zenml.store_in(Path(folder))
        text = store_text.described(database)
    place = store_template.template(version("zenml"))
    place.write_text(text, encoding="utf-8")
    print(f"wrote {place.relative_to(ROOT)}, {len(text):,} characters")


if __name__ == "__main__":
    main()
