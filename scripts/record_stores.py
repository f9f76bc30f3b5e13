"""Record stores of this version for `tests/integration/test_recorded_stores.py`.

Run it before a release that changes what stores hold, and keep what it writes for ever:
every later version has to go on with these executions. A recording that exists is never
written again; a new format gets a folder beside the others.

    python scripts/record_stores.py

It needs Linux and root: the machine's name would be in the recording otherwise.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.rig import recording  # noqa: E402
from tests.rig import rig as rigs  # noqa: E402
from tests.rig.laptop import Laptop  # noqa: E402
from tests.rig.rig import Rig  # noqa: E402
from tests.support import recorded, store  # noqa: E402
from tests.support.polling import eventually  # noqa: E402
from tests.support.workspace import Workspace  # noqa: E402

HOST = "recorded-host"
FLOWS = recorded.FLOWS
ANSWER_IN_ZENML = """
    import sys

    from zenml.client import Client
    from zenml.enums import RunWaitConditionResolution as Resolution

    (wait,) = Client().list_run_wait_conditions(pipeline_run=sys.argv[1]).items
    Client().resolve_run_wait_condition(
        wait.id, resolution=Resolution.CONTINUE, result=True
    )
"""


def run(workspace: Workspace, flow: str, topic: str) -> str:
    """Run a flow until it ends or waits; return its execution."""
    done = workspace.start_python(FLOWS, flow, topic).finish()
    return done.stdout.split()[-1]


def answered(workspace: Workspace) -> str:
    """An answer given in ZenML's dashboard: nobody goes on with it."""
    execution = run(workspace, "asking", "rivers")
    script = workspace.script("answer.py", ANSWER_IN_ZENML)
    folder = {"ZENML_CONFIG_PATH": str(workspace.config)}
    done = workspace.start_python(script, execution, environment=folder).finish()
    assert done.code == 0, done.both
    script.unlink()
    return execution


def killed(workspace: Workspace) -> str:
    """A process killed in the middle of a checkpoint."""
    runner = workspace.start_python(FLOWS, "crawling", "caves")
    eventually(lambda: "crawl" in workspace.lines("bodies"), what="the slow body")
    runner.kill()
    return str(workspace.journal("SELECT execution_id FROM leases")[0][0])


def replayed(workspace: Workspace, source: str) -> str:
    """A replay with another result of one checkpoint."""
    other = ("--overrides", '{"checkpoint.enlarge": "short"}')
    arguments = ("replay", source, "--from", "price", *other, "--wait")
    done = workspace.kitaru_item("executions", *arguments)
    return str(done["exec_id"])


def cancelled(workspace: Workspace) -> str:
    """An execution that somebody cancelled while it waited."""
    execution = run(workspace, "asking", "oceans")
    workspace.kitaru("executions", "cancel", execution)
    return execution


def of_this_machine(workspace: Workspace) -> dict[str, str]:
    """Record one execution of each kind in the store of a workspace."""
    workspace.environment["KITARU_LLM_MOCK_RESPONSE"] = "a title"
    completed = run(workspace, "writing", "cats")
    return {
        "completed": completed,
        "replay": replayed(workspace, completed),
        "waiting": run(workspace, "asking", "lakes"),
        "answered": answered(workspace),
        "cancelled": cancelled(workspace),
        "failed": run(workspace, "mending", "roofs"),
        "isolated": run(workspace, "sending", "letters"),
        "isolated-failed": run(workspace, "sending_on", "parcels"),
        # The last one: whoever looks at it takes it for failed.
        "killed": killed(workspace),
    }


def record_local(target: Path) -> None:
    """Record the store that everybody has who has chosen nothing."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        store.prepare(root / "config", root / "home")
        workspace = Workspace(root, root / "config")
        try:
            (workspace.project / FLOWS).write_bytes((target / FLOWS).read_bytes())
            executions = of_this_machine(workspace)
        finally:
            workspace.end()
        recorded.pack(
            root,
            target,
            parts=("config", "project/bodies", "project/notes.txt"),
            executions=executions,
        )


def record_remote(target: Path) -> None:
    """Record a server, and the bucket of a stack whose cluster is lost."""
    with (
        tempfile.TemporaryDirectory() as folder,
        rigs.empty("recorded", lambda _: None) as rig,
    ):
        rigs.register_stack(rig)
        laptop = Laptop(rig, Path(folder))
        try:
            (laptop.project / FLOWS).write_bytes((target / FLOWS).read_bytes())
            executions = of_a_cluster(rig, laptop)
        finally:
            laptop.end()
        recording.record(rig, laptop.project, target, executions)


def of_a_cluster(rig: Rig, laptop: Laptop) -> dict[str, str]:
    """Record one execution of each kind on a rig, and lose its cluster."""
    runs = {
        "completed": run(laptop, "writing", "cats"),
        "waiting": run(laptop, "asking", "lakes"),
        "failed": run(laptop, "mending", "roofs"),
        "killed": run(laptop, "crawling", "caves"),
        "left": run(laptop, "opening", "doors"),
    }
    for kind in ("completed", "waiting", "failed"):
        laptop.reaches(runs[kind], kind)
    said_in_pod(rig, laptop, runs["killed"], "body crawl")
    said_in_pod(rig, laptop, runs["left"], "body open_up")
    # The flow's pod is lost for good; that of its checkpoint ends by itself.
    rig.delete_job(runs["left"])
    pods_are(rig, laptop, runs["left"], ["Running"])
    laptop.kitaru("secrets", "set", "opened", "by=nobody")
    pods_are(rig, laptop, runs["left"], ["Succeeded"])
    laptop.kitaru("secrets", "delete", "opened", "--yes")
    rig.processes.stop("cluster")
    assert {rig.status(runs[kind]) for kind in ("killed", "left")} == {"running"}
    return runs


def said_in_pod(rig: Rig, laptop: Laptop, execution: str, text: str) -> None:
    """Wait until a pod of the execution has printed a text."""
    eventually(
        lambda: any(text in rig.pod_log(p["name"]) for p in rig.pods(execution)),
        what=lambda: laptop.story(execution),
        within=300,
    )


def pods_are(rig: Rig, laptop: Laptop, execution: str, phases: list[str]) -> None:
    """Wait until these are the phases of the pods of an execution."""
    eventually(
        lambda: [pod["phase"] for pod in rig.pods(execution)] == phases,
        what=lambda: laptop.story(execution),
        within=300,
    )


RECORDINGS: dict[str, Callable[[Path], None]] = {
    "journal-3": record_local,
    "remote-1": record_remote,
}


def main() -> int:
    """Record what is not there yet."""
    if os.uname().nodename != HOST:
        renamed = f'hostname {HOST} && exec "$0" "$@"'
        again = ["sh", "-c", renamed, sys.executable, *sys.argv]
        return subprocess.run(["unshare", "--uts", *again], check=False).returncode
    for name, record in RECORDINGS.items():
        target = recorded.FOLDER / name
        if (target / "store.tar.xz").exists():
            print(f"{name}: kept")
            continue
        record(target)
        print(f"{name}: recorded")
    return 0


if __name__ == "__main__":
    sys.exit(main())
