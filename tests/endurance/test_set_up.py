"""Kill the first commands of new configuration folders at random moments."""

from __future__ import annotations

import json

from tests.endurance.conftest import IS_FULL, Figures
from tests.support.workspace import Workspace

# One process that has ZenML imported forks the commands: all of their time is set-up.
KILLER = '''
import json
import os
import random
import signal
import sys
import time
import traceback

from kitaru._engine.zenml.setup.importing import import_zenml

import_zenml()

from zenml.client import Client
from zenml.config.global_config import GlobalConfiguration
import zenml.zen_stores.sql_zen_store
from kitaru import KitaruClient


def command(folder):
    """Start a process that sets a folder up and looks at it."""
    child = os.fork()
    if child:
        return child
    try:
        os.environ["KITARU_CONFIG_PATH"] = os.environ["ZENML_CONFIG_PATH"] = folder
        GlobalConfiguration._reset_instance()
        Client._reset_instance()
        KitaruClient().executions.list()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


moments = random.Random(20)
failed, killed = [], 0
for number in range(int(sys.argv[1])):
    folder = os.path.abspath(f"set-up-{number}")
    for _ in range(2):
        child = command(folder)
        time.sleep(moments.uniform(0, 2))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
    _, status = os.waitpid(command(folder), 0)
    if status:
        failed.append(number)
print(json.dumps({"failed": failed, "killed": killed}))
'''


def test_the_command_after_a_killed_one_always_works(
    workspace: Workspace, figures: Figures
) -> None:
    folders = 100 if IS_FULL else 5
    script = workspace.script("killer.py", KILLER)

    done = workspace.start_python(script, f"{folders}").finish(60.0 + 60 * folders)

    assert done.code == 0, done.both
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["failed"] == [], done.both
    assert told["killed"] >= folders / 5
    figures.add(folders=folders, killed=told["killed"])
