"""Wherever a flow is defined, it runs; where it cannot be loaded again, that is said."""

from __future__ import annotations

import sys

import pexpect
import pytest

from tests.support.polling import DEADLINE
from tests.support.programs import FLAKY
from tests.support.workspace import Workspace

pytestmark = pytest.mark.e2e

INTERACTIVE = """
import kitaru
from kitaru import checkpoint, flow

@checkpoint
def double(n):
    return n * 2

@flow
def doubled(n):
    return double(n) if kitaru.wait(schema=bool, timeout=0) else n

"""


def retry_after_fix(workspace: Workspace) -> None:
    execution_id = workspace.newest()
    workspace.script("fixed", "")

    retried = workspace.kitaru_item("executions", "retry", execution_id, "--wait")

    assert retried["status"] == "completed", workspace.log_text(execution_id)
    assert workspace.lines("side_effects") == ["first", "second", "second", "third"]
    assert len(workspace.kitaru_items("executions", "list")) == 1


def test_module_without_a_main_guard_continues_and_starts_nothing_else(
    workspace: Workspace,
) -> None:
    script = workspace.script("bare.py", FLAKY + "print(flaky.run().exec_id)\n")

    workspace.python(script)

    retry_after_fix(workspace)


def test_a_module_of_the_project_wins_over_an_installed_package_as_it_did_before(
    workspace: Workspace,
) -> None:
    # The OpenAI Agents SDK has this name.
    workspace.script("agents/__init__.py", "OURS = True")
    script = workspace.script(
        "own.py", f"from agents import OURS\n{FLAKY}\nif OURS: flaky.run()\n"
    )

    workspace.python(script)

    retry_after_fix(workspace)


def test_flow_in_a_package_module_continues(workspace: Workspace) -> None:
    workspace.script("bots/__init__.py", "")
    workspace.script("bots/tools/__init__.py", "")
    workspace.script("bots/tools/flaky_flow.py", FLAKY)
    workspace.script(
        "bots/__main__.py", "from .tools.flaky_flow import flaky\nflaky.run()\n"
    )

    workspace.python("-m", "bots")

    retry_after_fix(workspace)


def test_flow_that_cannot_be_loaded_again_fails_with_the_way_out(
    workspace: Workspace,
) -> None:
    another = "\n@flow\ndef another():\n    return 1\n\nanother.run()\n"
    program = FLAKY.replace("@flow\n", another + "\n@flow\n") + "flaky.run()\n"
    workspace.python(workspace.script("two_flows.py", program))
    execution_id = workspace.newest()

    retried = workspace.kitaru("executions", "retry", execution_id, "--wait", code=1)

    assert "starts another flow before it defines this one" in retried.stdout
    assert "goes on" not in retried.stdout
    failure = workspace.execution(execution_id)["failure"]
    assert failure["origin"] == "runtime"
    assert '`if __name__ == "__main__":`' in failure["message"]
    assert failure["traceback"] is None


def test_flow_in_a_command_line_runs_and_says_that_nobody_else_can_continue_it(
    workspace: Workspace,
) -> None:
    run = workspace.python("-c", INTERACTIVE + "print(doubled.run(2).status)")
    execution_id = workspace.newest()

    answered = workspace.kitaru("executions", "input", execution_id, "--value", "true")

    assert run.stdout == "waiting\n"
    assert "only this process can continue it" in run.stderr
    assert "define it at the top level of a file" in answered.stdout


def test_flow_typed_at_the_prompt_is_continued_by_its_own_process(
    workspace: Workspace,
) -> None:
    prompt = pexpect.spawn(
        sys.executable,
        ["-q", "-i", "-c", "import sys; sys.ps1 = 'READY '; sys.ps2 = ''"],
        cwd=str(workspace.project),
        env=workspace.environment,  # type: ignore[arg-type]  # a plain dict will do
        encoding="utf-8",
        timeout=DEADLINE,
        echo=False,
    )
    prompt.expect_exact("READY")
    prompt.send(INTERACTIVE)
    prompt.sendline("handle = doubled.run(21)")
    prompt.expect_exact("only this process can continue it")
    prompt.expect_exact("doubled")
    prompt.expect_exact("waits")
    prompt.sendline("client = kitaru.KitaruClient()")
    prompt.sendline("_ = client.executions.input(handle.exec_id, value=True)")
    prompt.expect_exact("completed in")

    prompt.sendline("print('value', handle.wait())")

    prompt.expect_exact("value 42")
    prompt.sendeof()
    prompt.expect_exact(pexpect.EOF)


def test_a_script_that_imports_zenml_first_uses_the_same_folder(
    workspace: Workspace,
) -> None:
    script = workspace.script(
        "early.py",
        """
        from zenml import step
        from kitaru import checkpoint, flow

        @step
        def double(n: int) -> int:
            return n * 2

        doubled = checkpoint(double)

        @flow
        def early():
            return doubled(4)

        if __name__ == "__main__":
            print(early.run().wait())
        """,
    )

    done = workspace.python(script)

    (execution,) = workspace.kitaru_items("executions", "list")
    assert done.stdout.splitlines()[-1] == "8"
    assert (execution["flow_name"], execution["status"]) == ("early", "completed")


def test_a_store_opened_in_another_folder_is_refused(workspace: Workspace) -> None:
    script = workspace.script(
        "late.py",
        """
        from zenml.client import Client
        Client().zen_store
        from kitaru import flow

        @flow
        def late():
            return 1

        late.run()
        """,
    )

    done = workspace.python(script, code=1)

    text = " ".join(done.stderr.split())
    assert "KitaruUsageError: this process uses the ZenML store in" in text
    assert "set ZENML_CONFIG_PATH to the same folder" in text


def test_isolated_checkpoints_of_a_continued_script_start_nothing_else(
    workspace: Workspace,
) -> None:
    script = workspace.script(
        "bare_isolated.py",
        """
        from dataclasses import dataclass
        from pathlib import Path
        from kitaru import checkpoint, flow

        @dataclass
        class Paper:
            title: str

        @checkpoint
        def find():
            if not Path("fixed").exists():
                raise ValueError("not fixed")
            return Paper("tea")

        @checkpoint(runtime="isolated")
        def read(paper: Paper) -> Paper:
            return Paper(paper.title.upper())

        @flow
        def bare_isolated():
            paper = read(find())
            assert isinstance(paper, Paper)
            return paper.title

        bare_isolated.run()
        """,
    )
    workspace.python(script)
    execution_id = workspace.newest()
    workspace.script("fixed", "")

    retried = workspace.kitaru_item("executions", "retry", execution_id, "--wait")

    assert retried["status"] == "completed", workspace.log_text(execution_id)
    assert len(workspace.kitaru_items("executions", "list")) == 1


def test_a_file_named_like_a_standard_module_does_not_stop_a_detached_process(
    workspace: Workspace,
) -> None:
    script = workspace.script(
        "flows/gated.py",
        """
        import kitaru
        from kitaru import flow

        @flow
        def gated():
            return kitaru.wait(schema=bool, timeout=0)

        if __name__ == "__main__":
            print(gated.run().exec_id)
        """,
    )
    workspace.script("tomllib.py", "raise RuntimeError('not the one you want')\n")
    execution_id = workspace.python(script).stdout.strip()

    workspace.kitaru("executions", "input", execution_id, "--value", "true")

    assert workspace.settles(execution_id, "completed")
