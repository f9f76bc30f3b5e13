"""Versions on a remote stack: invoked from other machines, without its packages."""

from __future__ import annotations

import shutil

from tests.rig.laptop import Laptop

# What Python does where the packages of the stack are not installed.
WITHOUT_PACKAGES = """
    import sys

    sys.modules |= {"s3fs": None, "kubernetes": None}

    from kitaru import KitaruClient

    for _ in range(2):
        started = KitaruClient().deployments.invoke(
            flow="agent",
            inputs={"topic": "tides"},
            key="order-17",
            tags=["web"],
            attributes={"customer": "a"},
            budget={"usd": 2},
        )
        print(started.exec_id)
"""


def test_a_version_is_invoked_without_its_folder_and_the_packages_of_its_stack(
    laptop: Laptop, colleague: Laptop
) -> None:
    laptop.add_flows()
    laptop.kitaru("deploy", "agent.py:agent")
    for path in laptop.project.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    script = colleague.script("without.py", WITHOUT_PACKAGES)
    first, again = colleague.python(script, within=180).stdout.split()
    laptop.reaches(first, "waiting")
    colleague.kitaru("executions", "input", first, "--value", "true")
    done = laptop.becomes(first, "completed")
    found = colleague.kitaru_items(
        "executions", "list", "--tag", "web", "--where", "customer=a"
    )

    assert again == first
    assert (done["key"], done["version"], done["tags"]) == ("order-17", 1, ["web"])
    assert done["inputs"] == {"topic": "tides"}
    assert dict(done["budget"])["usd"] == "2"
    assert [one["exec_id"] for one in found] == [first]
    assert laptop.result(first)[0].startswith("plan of tides by ")
