"""Answers typed at the keyboard: where the flow waits, and in `executions input -i`."""

from __future__ import annotations

import sys

import pexpect

from tests.support.workspace import Workspace

REVIEW = """
from pydantic import BaseModel

import kitaru
from kitaru import flow


class Review(BaseModel):
    approved: bool
    stars: int
    note: str | None = None


@flow
def reviewed() -> str:
    review = kitaru.wait(schema=Review, name="review", question="Publish it?")
    return f"{review.approved} {review.stars} {review.note}"


if __name__ == "__main__":
    print("result", reviewed.run().wait())
"""
ANSWER = '{"approved": true, "stars": 5}'


def test_the_waiting_process_takes_the_answer(workspace: Workspace) -> None:
    screen = workspace.terminal(sys.executable, workspace.script("review.py", REVIEW))

    screen.expect_exact("Publish it?")
    screen.expect_exact("or here, approved (yes or no): ")
    screen.sendline("perhaps")
    screen.expect_exact("'perhaps' is neither; type y or n")
    screen.sendline("y")
    screen.expect_exact("stars (whole number): ")
    screen.sendline("4")
    screen.expect_exact("note (text; empty for none): ")
    screen.sendline("")

    screen.expect_exact("result True 4 None")
    screen.expect(pexpect.EOF)


def test_an_answer_given_elsewhere_ends_the_question_on_the_screen(
    workspace: Workspace,
) -> None:
    screen = workspace.terminal(sys.executable, workspace.script("review.py", REVIEW))
    screen.expect_exact("or here, approved (yes or no): ")
    screen.send("half a line")

    workspace.kitaru("executions", "input", workspace.newest(), "--value", ANSWER)

    screen.expect_exact("answered elsewhere")
    screen.expect_exact("result True 5 None")
    screen.expect(pexpect.EOF)


def test_ctrl_c_at_the_question_leaves_the_execution_waiting(
    workspace: Workspace,
) -> None:
    screen = workspace.terminal(sys.executable, workspace.script("review.py", REVIEW))
    screen.expect_exact("or here, approved (yes or no): ")

    screen.sendintr()

    screen.expect_exact("it goes on by itself after the answer")
    screen.expect(pexpect.EOF)
    assert workspace.execution(workspace.newest())["status"] == "waiting"


def test_the_end_of_the_input_leaves_the_wait_to_others(workspace: Workspace) -> None:
    screen = workspace.terminal(sys.executable, workspace.script("review.py", REVIEW))
    screen.expect_exact("or here, approved (yes or no): ")

    screen.sendeof()

    screen.expect_exact("nothing is asked here any more")
    workspace.kitaru("executions", "input", workspace.newest(), "--value", ANSWER)
    screen.expect_exact("result True 5 None")


def test_the_form_of_the_command_answers_a_wait_with_no_process_alive(
    workspace: Workspace,
) -> None:
    program = REVIEW.replace('"Publish it?")', '"Publish it?", timeout=0)')
    workspace.python(workspace.script("left.py", program), code=1)
    execution_id = workspace.newest()

    screen = workspace.kitaru_terminal("executions", "input", execution_id, "-i")
    screen.expect_exact("Publish it?")
    screen.expect_exact("approved (yes or no): ")
    screen.sendline("n")
    screen.expect_exact("stars (whole number): ")
    screen.sendline("none")
    screen.expect_exact("'none' is not a whole number")
    screen.sendline("1")
    screen.expect_exact("note (text; empty for none): ")
    screen.sendline("too long")
    screen.expect_exact("goes on")
    screen.expect(pexpect.EOF)

    assert workspace.settles(execution_id, "completed")
    assert workspace.result(execution_id) == "False 1 too long"


def test_the_form_needs_a_terminal(workspace: Workspace) -> None:
    program = REVIEW.replace('"Publish it?")', '"Publish it?", timeout=0)')
    workspace.python(workspace.script("left.py", program), code=1)
    execution_id = workspace.newest()

    refused = workspace.kitaru("executions", "input", execution_id, "-i", code=2)
    unanswered = workspace.kitaru("executions", "input", execution_id, code=2)

    assert "give the answer with --value" in refused.stderr
    assert "wait 'review' needs an answer" in unanswered.stderr
    assert workspace.execution(execution_id)["status"] == "waiting"
