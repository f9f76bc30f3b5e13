"""The JSON documents that ZenML keeps with a run and its steps, filled in.

They are long, and all but a few fields are the same for each execution: a document of each
compared version of ZenML was written by `scripts/store_template.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import md5
from pathlib import Path
from typing import Any

from kitaru._core.calls.records import OUTPUT
from kitaru._core.flows.metadata_keys import RECORD_KEY
from kitaru._engine.local.store.file import EXTRA_KEY


def template(version: str) -> Path:
    """Return the place of the documents for a version of ZenML."""
    return Path(__file__).with_name(f"record_{version.replace('.', '_')}.json")


def pipeline_configuration(
    version: str,
    flow: str,
    facts: Mapping[str, Any],
    parameters: Mapping[str, Any],
    tags: Sequence[str] = (),
) -> str:
    """Return the configuration of a run.

    Args:
        version: Version of ZenML.
        flow: Name of the flow.
        facts: What another process needs to go on with the execution.
        parameters: What ZenML is told to have called the entry with.
        tags: Those that the user has given.
    """
    known = _documents(version)["pipeline_configuration"]
    own = {
        "extra": {EXTRA_KEY: facts},
        "parameters": parameters,
        "name": flow,
        "tags": [*known["tags"], *tags],
    }
    return _compact(known | own)


def pipeline_spec(version: str, parameters: Mapping[str, Any]) -> str:
    """Return the specification of a run, its keys in ZenML's own order."""
    known = _documents(version)["pipeline_spec"]
    schema = known["input_schema"]
    properties = {
        name: said | {"default": parameters[name]}
        for name, said in schema["properties"].items()
    }
    own = {
        "input_schema": schema | {"properties": properties},
        "parameters": parameters,
    }
    return json.dumps(known | own)


def version_hash(spec: str, code: str) -> str:
    """Return what ZenML tells versions of a pipeline by.

    Args:
        spec: The specification of a run.
        code: The source of its flow.
    """
    said = json.loads(spec)
    source = said["source"]
    said["source"] = f"{source['module']}.{source['attribute']}"
    ordered = json.dumps(said)
    return md5((ordered + code).encode(), usedforsecurity=False).hexdigest()


def step_configuration(
    version: str,
    invocation_id: str,
    name: str,
    *,
    parents: Sequence[str],
    used: Sequence[str],
    record: str | None,
    earlier: int,
) -> str:
    """Return the configuration of one call.

    Args:
        version: Version of ZenML.
        invocation_id: The call.
        name: Its checkpoint.
        parents: The calls before it that ZenML knows.
        used: Those whose results it was given.
        record: Its outcome as JSON, if it has one.
        earlier: How many step runs it had before.
    """
    known = _documents(version)["step"]
    spec = known["spec"] | {
        "upstream_steps": list(parents),
        # Ties the artifact of the earlier call to this one in the dashboard's graph.
        "inputs": {parent: _input(parent) for parent in used},
        "invocation_id": invocation_id,
    }
    overrides = known["step_config_overrides"] | {
        "extra": {RECORD_KEY: record} if record is not None else {},
        "name": name,
        "retry": _retry(earlier) if earlier else None,
    }
    return _compact({"spec": spec, "step_config_overrides": overrides})


def _input(parent: str) -> dict[str, Any]:
    return {
        "step_name": parent,
        "output_name": OUTPUT,
        "chunk_index": None,
        "chunk_size": None,
    }


def _retry(earlier: int) -> dict[str, int]:
    return {"max_retries": earlier, "delay": 0, "backoff": 0}


@cache
def _documents(version: str) -> dict[str, Any]:
    documents: dict[str, Any] = json.loads(template(version).read_text("utf-8"))
    return documents


def _compact(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
