"""Deployed versions of flows: which there are, their tags, and invoking them."""

from __future__ import annotations

from kitaru._ops import deployments, inbox
from kitaru._ops.capabilities import PAGE, Op, exposes
from kitaru.errors import KitaruUsageError
from kitaru.models import Deployment
from kitaru.ui import forms
from kitaru.ui.forms import Form
from kitaru.ui.routes import Answer, Asked, GoTo, Shown, address, at


@at("GET", "/deployments")
@exposes(Op.DEPLOYMENT_LIST, on=PAGE)
def listed(asked: Asked) -> Answer:
    """Show the flows that have deployed versions."""
    found = [] if inbox.is_empty() else deployments.flows()
    return Shown("deployments.html", {"flows": found, "tab": "versions"})


@at("GET", "/deployments/{version}/{flow:path}")
@exposes(Op.DEPLOYMENT_GET, on=PAGE)
def show(asked: Asked) -> Answer:
    """Show a version, and the form that invokes it."""
    return _page(_meant(asked))


@at("POST", "/deployments/{version}/invoke/{flow:path}")
@exposes(Op.DEPLOYMENT_INVOKE, on=PAGE)
def invoke(asked: Asked) -> Answer:
    """Start an execution of a version, and go to it."""
    found = _meant(asked)
    if forms.CHANGE in asked.form:
        return _page(found, forms.unjudged(found.schema, forms.changed(asked.form)))
    form = forms.sent(found.schema, asked.form)
    if not form.is_right:
        return _page(found, form)
    try:
        started = deployments.invoke(
            flow=found.flow, version=found.version, inputs=form.value
        )
    except KitaruUsageError as error:
        return _page(found, form, complaint=str(error))
    return GoTo(address(f"/executions/{started.exec_id}", done="invoked"))


@at("POST", "/deployments/{version}/tag/{flow:path}")
@exposes(Op.DEPLOYMENT_TAG, on=PAGE)
def tag(asked: Asked) -> Answer:
    """Give a version a tag, or take one from it."""
    found = _meant(asked)
    if asked.sent("remove"):
        deployments.untag(
            flow=found.flow, version=found.version, tag=asked.sent("remove")
        )
    else:
        deployments.tag(
            flow=found.flow,
            version=found.version,
            tag=asked.sent("add").strip(),
            exclusive=True,
        )
    return GoTo(f"/deployments/{found.version}/{found.flow}")


@at("POST", "/deployments/{version}/delete/{flow:path}")
@exposes(Op.DEPLOYMENT_DELETE, on=PAGE)
def delete(asked: Asked) -> Answer:
    """Delete a version; its executions go on."""
    found = _meant(asked)
    deployments.delete(flow=found.flow, version=found.version)
    return GoTo("/deployments")


def _meant(asked: Asked) -> Deployment:
    number = asked.path["version"]
    if not number.isdecimal() or len(number) > 9:
        raise KitaruUsageError(f"{number!r} is not the number of a version")
    return deployments.get(flow=asked.path["flow"], version=int(number))


def _page(found: Deployment, form: Form | None = None, complaint: str = "") -> Shown:
    is_wrong = bool(complaint) or bool(form and form.wrong)
    facts = {
        "found": found,
        "form": form or forms.new(found.schema),
        "complaint": complaint,
    }
    return Shown("deployment.html", facts, 422 if is_wrong else 200)
