"""What people do in the page, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.polling import eventually
from tests.ui_browser.conftest import Opened

Visit = Callable[..., Page]


def test_an_approver_with_a_link_answers_a_nested_form_wrong_first(
    opened: Opened, visit: Visit
) -> None:
    exec_id = opened.run("purchase", "acme")
    operator = visit()
    operator.goto(opened.url)
    operator.get_by_role("link", name="What do we order?").click()
    operator.get_by_text("More", exact=True).click()
    operator.get_by_role("button", name="Make a link").click()
    link = operator.get_by_label("Link").input_value()

    approver = visit()
    approver.goto(f"{opened.origin}/inbox")
    expect(
        approver.get_by_role("heading", name="You are not allowed here")
    ).to_be_visible()
    approver.goto(link)
    approver.get_by_role("group", name="Approved").get_by_label("Yes").check()
    approver.get_by_label("Deliver On").fill("2027-01-31")
    approver.get_by_label("Item").fill("x")
    approver.get_by_label("Quantity").fill("many")
    approver.get_by_role("button", name="Add one").click()
    approver.get_by_label("Item").nth(1).fill("teapot")
    approver.get_by_label("Quantity").nth(1).fill("2")
    approver.get_by_label("Bank").check()
    approver.get_by_role("button", name="Answer").click()

    expect(approver.get_by_text("3 fields do not fit")).to_be_visible()
    expect(approver.get_by_text("This is not a whole number.")).to_be_visible()
    expect(approver.get_by_label("Quantity").first).to_have_value("many")
    approver.get_by_label("Item").first.fill("tea")
    approver.get_by_label("Quantity").first.fill("3")
    approver.get_by_label("Iban").fill("DE02")
    approver.get_by_role("button", name="Answer").click()

    expect(approver.get_by_text("You can close this page.")).to_be_visible()
    eventually(
        lambda: opened.workspace.execution(exec_id)["status"] == "completed",
        what="the end of the execution",
    )
    found = opened.workspace.execution(exec_id)
    assert found["result"] == "teapot"
    assert found["waits"][0]["answer"]["pay"] == {"kind": "bank", "iban": "DE02"}


def test_an_operator_finds_compares_and_replays_a_failed_execution(
    opened: Opened, visit: Visit
) -> None:
    exec_id = opened.run("billing", "acme")
    opened.run("billing", "zeta")
    page = visit()
    page.goto(opened.url)

    page.get_by_role("link", name="Executions").click()
    page.get_by_label("Status").select_option("failed")
    page.get_by_label("Attributes").fill("customer=acme")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("1 execution", exact=True)).to_be_visible()
    page.get_by_role("link", name="billing").click()
    expect(page.get_by_text("too many sources to pay for").first).to_be_visible()
    page.get_by_role("link", name="charge").click()
    page.get_by_role("link", name="Replay from here …").click()
    page.get_by_label("Replace the result of").select_option("gather")
    page.get_by_role("button", name="Choose these").click()
    page.get_by_role("button", name="Remove 3").click()
    page.get_by_role("button", name="Start the replay from charge").click()

    expect(page.locator("h1 .status")).to_have_text("completed")
    expect(page.get_by_text("overridden")).to_be_visible()
    page.get_by_role("link", name="compare", exact=True).click()
    expect(page.get_by_text("They part here")).to_be_visible()
    assert exec_id[:8] in page.get_by_role("main").inner_text()


def test_of_two_browsers_the_second_is_told(opened: Opened, visit: Visit) -> None:
    opened.run("approval", "tides")
    first, second = visit(java_script_enabled=False), visit(java_script_enabled=False)
    for page in (first, second):
        page.goto(opened.url)
        page.goto(f"{opened.origin}/inbox")
        page.get_by_role("link", name="Publish tides?").click()

    first.get_by_role("button", name="Yes").click()
    second.get_by_role("button", name="No").click()

    expect(first.get_by_text("answered")).to_be_visible()
    expect(second.get_by_text("Somebody was faster.")).to_be_visible()
    expect(second.get_by_text("yes", exact=True)).to_be_visible()


def test_an_open_page_says_by_itself_that_the_runner_died(
    opened: Opened, visit: Visit
) -> None:
    workspace = opened.workspace
    runner = workspace.start_python(workspace.project / "flows.py", "dying")
    eventually((workspace.project / "begun").exists, what="the endless call")
    page = visit()
    page.goto(opened.url)
    page.goto(f"{opened.origin}/executions/{workspace.newest()}")
    expect(page.locator("h1 .status")).to_have_text("running")

    runner.kill()

    expect(page.locator("h1 .status")).to_have_text("failed")
    expect(page.get_by_text("Its process died")).to_be_visible()
    expect(page.locator("#said")).to_have_text("dying is failed")


def test_everything_is_done_by_keyboard_alone(opened: Opened, visit: Visit) -> None:
    exec_id = opened.run("approval", "tides")
    page = visit()
    page.goto(opened.url)
    page.wait_for_url("**/inbox")

    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Publish tides?")).to_be_visible()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Yes":
            break
    page.keyboard.press("Space")

    expect(page.get_by_text("answered", exact=True)).to_be_visible()
    (wait,) = opened.workspace.execution(exec_id)["waits"]
    assert wait["answer"] is True


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_no_page_has_barriers_or_runs_over_the_side(
    opened: Opened, visit: Visit, scheme: str, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    asked = opened.run("purchase", "acme")
    failed = opened.run("billing", "acme")
    wait = opened.workspace.execution(asked)["pending_waits"][0]["wait_id"]
    value = opened.workspace.execution(failed)["artifacts"][0]["artifact_id"]
    page = visit(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        bypass_csp=True,
    )
    page.goto(opened.url)
    page.wait_for_url("**/inbox")

    for address in (
        "/inbox",
        "/inbox/answered",
        "/executions",
        "/executions?status=wrong",
        "/executions/many?action=retry",
        f"/executions/{asked}",
        f"/executions/{asked}/waits/{wait}",
        f"/executions/{failed}?call=charge",
        f"/executions/{failed}/log",
        f"/executions/{failed}/values",
        f"/executions/{failed}/values/{value}",
        f"/executions/{failed}/replay?from=charge&override=gather",
        f"/executions/{failed}/compare?with={failed}",
        "/deployments",
        "/deployments/schedules",
        "/nothing",
    ):
        page.goto(f"{opened.origin}{address}")
        over = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        found = Axe().run(page).response["violations"]
        serious = [
            (one["id"], [node["html"] for node in one["nodes"]])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert (address, over, serious) == (address, 0, [])
