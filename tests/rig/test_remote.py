"""Executions on a remote stack, steered from a laptop whose files pods cannot see."""

from __future__ import annotations

from tests.rig.laptop import Laptop
from tests.rig.programs import AGENT
from tests.rig.rig import Rig


def test_flow_waits_its_pod_ends_and_another_goes_on(rig: Rig, laptop: Laptop) -> None:
    script = laptop.script("agent.py", AGENT)

    execution_id = laptop.python(script, "durable flows").stdout.strip()

    laptop.becomes(execution_id, "waiting")
    laptop.pods_end(execution_id, 1)
    laptop.kitaru("executions", "input", execution_id, "--value", "true")
    laptop.becomes(execution_id, "completed")
    laptop.pods_end(execution_id, 2)
    first, second = rig.pods(execution_id)
    plan, approved, writer, folder = laptop.result(execution_id)
    assert plan == f"plan of durable flows by {first['name']}"
    assert (approved, writer) == ("True", second["name"])
    assert folder == "/app/code"
