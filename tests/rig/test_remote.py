"""Executions on a remote stack, steered from a laptop whose files pods cannot see."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

from tests.rig.doorbell import doorbell
from tests.rig.laptop import Laptop
from tests.rig.programs import LARGE, LUGGAGE, makers
from tests.rig.rig import Rig
from tests.rig.services import S3_KEY, S3_SECRET


def test_flow_waits_its_pod_ends_and_another_goes_on(
    rig: Rig, laptop: Laptop, colleague: Laptop
) -> None:
    folders = ["/app", *map(str, (laptop.project, laptop.config, colleague.project))]
    execution_id = laptop.agent(topic="durable flows", folders=folders)
    laptop.reaches(execution_id, "waiting")
    laptop.pods_end(execution_id, 1)

    told = colleague.kitaru("executions", "input", execution_id, "--value", "true")

    assert "the server lets it go on" in told.stdout
    laptop.becomes(execution_id, "completed")
    laptop.pods_end(execution_id, 2)
    first, second = (pod["name"] for pod in rig.pods(execution_id))
    draft, approved, writer, folder, *seen = laptop.result(execution_id)
    assert draft == f"plan of durable flows by {first}, work by {second}"
    assert (approved, writer, folder) == ("True", second, "/app/code")
    log = laptop.kitaru("executions", "logs", execution_id).stdout
    assert f"planning on {first}" in log
    assert f"working on {second}" in log
    assert all(Path(folder).is_dir() for folder in folders[1:])
    assert seen == ["/app"]


def test_failed_execution_is_retried_from_the_laptop(laptop: Laptop) -> None:
    with doorbell(refuse="second") as bell:
        execution_id = laptop.steps(port=bell.port)
        failed = laptop.becomes(execution_id, "failed")
        bell.let_in("second")

        laptop.kitaru("executions", "retry", execution_id)

        laptop.reaches(execution_id, "completed")
    assert "second was sent away" in str(failed)
    assert bell.heard == ["first", "second", "second", "third"]
    one, other, last = makers(laptop.result(execution_id)[0])
    assert one != other == last


def test_cancel_ends_a_pod_that_comes_to_no_checkpoint(laptop: Laptop) -> None:
    with doorbell(hold="second") as bell:
        execution_id = laptop.steps(port=bell.port)
        bell.rings("second")

        laptop.kitaru("executions", "cancel", execution_id)

        laptop.reaches(execution_id, "cancelled")
        laptop.pods_end(execution_id, 1)
    laptop.becomes(execution_id, "cancelled")
    assert bell.heard == ["first", "second"]


def test_answer_goes_on_from_the_client_where_the_server_cannot(
    rig: Rig, tmp_path: Path
) -> None:
    with rig.plain_server() as plain:
        laptop = Laptop(plain, tmp_path)
        execution_id = laptop.agent(topic="plain servers")
        laptop.reaches(execution_id, "waiting")
        laptop.pods_end(execution_id, 1)

        told = laptop.kitaru("executions", "input", execution_id, "--value", "false")

        laptop.reaches(execution_id, "completed")
        laptop.pods_end(execution_id, 2)
        approved = laptop.result(execution_id)[1]
    assert "it goes on on stack rig" in told.stdout
    assert approved == "False"


def test_large_values_cross_in_both_directions(laptop: Laptop) -> None:
    script = laptop.script("large.py", LARGE)

    done = laptop.python(script, within=180)

    assert done.stdout.strip() == "True"


def test_names_with_spaces_come_along_and_secrets_stay(laptop: Laptop) -> None:
    script = laptop.script("luggage.py", LUGGAGE)
    for name in ("data dir/two words.txt", ".env", ".venv/pyvenv.cfg", ".venv/big.bin"):
        path = laptop.project / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)

    done = laptop.python(script, within=180)

    said, *files = done.stdout.splitlines()
    assert said == "data dir/two words.txt"
    assert files == ["data dir/two words.txt", "luggage.py"]


def test_flow_runs_on_a_stack_made_with_kitaru(rig: Rig, laptop: Laptop) -> None:
    name = f"made-{uuid4().hex[:8]}"
    laptop.kitaru(
        *("secrets", "set", name),
        *(f"aws_access_key_id={S3_KEY}", f"aws_secret_access_key={S3_SECRET}"),
    )
    laptop.script("stack.yaml", rig.stack_file(name, secret=name))
    laptop.kitaru("stack", "create", "--file", "stack.yaml", "--no-activate")

    with doorbell(hold="second") as bell:
        execution_id = laptop.steps(port=bell.port, stack=name)
        bell.rings("second")
        running = laptop.execution(execution_id)
        bell.let_in("second")
        laptop.reaches(execution_id, "completed")

    assert (running["status"], running["stack_name"]) == ("running", name)
    assert json.dumps(running).count(S3_SECRET) == 0
