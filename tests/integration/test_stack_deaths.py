"""A process that dies in the middle of creating a stack."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kitaru._engine.zenml.engine import ZenMLEngine
from kitaru._ops import stacks
from tests.integration.test_remote_stacks import KUBERNETES, NOTHING, left_over

pytestmark = pytest.mark.zenml

# Dies as the store is about to make the second component: connector and first are there.
DYING = """
import json, os, signal, sys

from kitaru._engine.zenml.setup.importing import import_zenml

import_zenml()
from zenml.zen_stores.sql_zen_store import SqlZenStore

from kitaru._ops import stacks

make = SqlZenStore.create_stack_component
made = []

def die_at_the_second(self, component):
    if made:
        os.kill(os.getpid(), signal.SIGKILL)
    made.append(component)
    return make(self, component)

SqlZenStore.create_stack_component = die_at_the_second
stacks.create_from(json.loads(sys.argv[1]), place="here", activate=False)
"""


def test_what_it_leaves_goes_when_the_stack_is_created_again(
    engine: ZenMLEngine, config: Path
) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", DYING, json.dumps(KUBERNETES)],
        env=os.environ | {"KITARU_CONFIG_PATH": str(config)},
        check=False,
    )
    left = left_over(config)
    stacks.create_from(KUBERNETES, place="here", activate=False)
    whole = stacks.get("remote")
    stacks.delete("remote", recursive=True)

    assert dead.returncode == -signal.SIGKILL
    # The connector with its hidden secret, and one component.
    assert left == NOTHING | {
        "stack_component": 1,
        "service_connector": 1,
        "secret": 1,
    }
    assert {item.name for items in whole.components.values() for item in items} == {
        "remote"
    }
    assert left_over(config) == NOTHING
    assert list((config / "kitaru" / "stacks").iterdir()) == []
