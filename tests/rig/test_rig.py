"""The rig itself: a plain ZenML pipeline runs on it, and it can be brought up twice."""

from __future__ import annotations

from tests.rig import rig as rigs
from tests.rig.laptop import Laptop
from tests.rig.rig import Rig

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
    (pod,) = [pod for pod in rig.pods() if pod["name"] in line]
    assert pod["phase"] == "Succeeded"


def test_another_process_finds_it(rig: Rig) -> None:
    again = rigs.find(rig.state)

    assert again == rig
