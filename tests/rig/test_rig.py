"""The rig itself: a plain ZenML pipeline runs on it, and it leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from tests.rig import rig as rigs
from tests.rig.laptop import Laptop
from tests.rig.processes import Processes
from tests.rig.rig import Rig
from tests.support.polling import eventually

PLAIN = """
    import os
    from zenml import pipeline, step
    from zenml.client import Client
    from zenml.config import DockerSettings

    docker = DockerSettings(skip_build=True, parent_image="127.0.0.1:5000/kitaru:rig")

    @step
    def where() -> list[str]:
        return [os.uname().nodename, os.getcwd(), str(os.listdir("/tmp"))]

    @pipeline(dynamic=True, enable_cache=False, settings={"docker": docker})
    def plain() -> list[str]:
        return where()

    if __name__ == "__main__":
        import json
        import sys
        import time
        Client().activate_stack(sys.argv[1])
        run = plain()
        while not (run := Client().get_pipeline_run(run.id)).status.is_finished:
            time.sleep(0.5)
        print("RESULT", json.dumps([run.status, *run.steps["where"].output.load()]))
"""


def test_plain_zenml_pipeline_runs_in_a_pod(rig: Rig, laptop: Laptop) -> None:
    script = laptop.script("plain.py", PLAIN)

    done = laptop.python(script, rigs.STACK)

    (line,) = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    assert '"completed"' in line
    assert "/app/code" in line
    assert "'plain.py'" not in line

    def phases() -> list[str]:
        return [pod["phase"] for pod in rig.pods() if pod["name"] in line]

    # The run is over a moment before its pod.
    eventually(lambda: phases() == ["Succeeded"], what=lambda: str(phases()))


def test_another_process_finds_it(rig: Rig) -> None:
    again = rigs.find(rig.state)

    assert again == rig


SESSION = """
    import sys
    import time
    from pathlib import Path
    from tests.rig.processes import Processes

    services = Processes(Path(sys.argv[1]), mortal=True)
    services.start("idle", ["sleep", "1000"], folder=Path("/"), ready=lambda: True)
    print("started", flush=True)
    time.sleep(1000)
"""


def test_services_die_with_the_session_that_is_killed(tmp_path: Path) -> None:
    session = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SESSION), tmp_path],
        cwd=rigs.FOLDER.parent,
        stdout=subprocess.PIPE,
    )
    with session:
        assert session.stdout is not None
        assert session.stdout.readline() == b"started\n"
        services = Processes(tmp_path, mortal=True)
        assert services.all_live()

        session.kill()

    eventually(lambda: not services.all_live(), what="the service to die")


def test_what_a_killed_session_left_is_removed_and_nothing_else() -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    left = rigs.FOLDER / f"session-{ended.pid}-1.00"
    ours = rigs.session_folder()
    for folder in (left, ours):
        (folder / "services").mkdir(parents=True, exist_ok=True)

    rigs.remove_left_over()

    assert (left.exists(), ours.exists()) == (False, True)
