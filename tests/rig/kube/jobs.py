"""Run jobs: a pod, and another one when that failed and may be tried again."""

from __future__ import annotations

import copy
import secrets
import threading
import time
from typing import Any

from tests.rig.kube.objects import Objects, Thing, now
from tests.rig.kube.pods import Pods

_TRY_AGAIN_AFTER = 0.5
_LONGEST_NAME = 57
_TRIES = 6


class Jobs:
    """The job controller."""

    def __init__(self, objects: Objects, pods: Pods) -> None:
        self._objects = objects
        self._pods = pods
        pods.on_end = self._pod_ended

    def start(self, job: Thing) -> None:
        """Start a job's first pod."""
        with self._objects.lock:
            job["status"] = {"startTime": now()}
            job["spec"].setdefault("backoffLimit", _TRIES)
            self._spawn(job)

    def delete(self, job: Thing, *, orphan: bool) -> None:
        """End a job, its pods and the jobs it owns."""
        meta = job["metadata"]
        with self._objects.lock:
            meta["deletionTimestamp"] = now()
            if not orphan:
                for pod in self._objects.owned_by("pods", meta["uid"]):
                    self._pods.delete(pod)
                for owned in self._objects.owned_by("jobs", meta["uid"]):
                    self.delete(owned, orphan=False)
            self._objects.remove("jobs", meta["namespace"], meta["name"])

    def _spawn(self, job: Thing) -> None:
        meta = job["metadata"]
        template = copy.deepcopy(job["spec"]["template"])
        made = template.get("metadata") or {}
        pod = {
            "metadata": {
                "name": f"{meta['name'][:_LONGEST_NAME]}-{secrets.token_hex(3)[:5]}",
                "labels": {
                    **(made.get("labels") or {}),
                    "job-name": meta["name"],
                    "controller-uid": meta["uid"],
                    "batch.kubernetes.io/job-name": meta["name"],
                },
                "annotations": made.get("annotations") or {},
                "ownerReferences": [
                    {
                        "apiVersion": "batch/v1",
                        "kind": "Job",
                        "name": meta["name"],
                        "uid": meta["uid"],
                        "controller": True,
                    }
                ],
            },
            "spec": template["spec"] | {"nodeName": "rig"},
            "status": {"phase": "Pending"},
        }
        self._objects.create("pods", meta["namespace"], pod)
        job["status"]["active"] = 1
        self._objects.changed(job)
        self._pods.start(pod)

    def _pod_ended(self, pod: Thing) -> None:
        with self._objects.lock:
            job = self._open_job_of(pod)
            if job is None:
                return
            if pod["status"]["phase"] == "Succeeded":
                job["status"]["succeeded"] = 1
                self._finish(job, "Complete", "CompletionsReached")
                return
            failed = job["status"]["failed"] = job["status"].get("failed", 0) + 1
            if _is_final(job, pod):
                self._finish(job, "Failed", "PodFailurePolicy")
            elif failed > job["spec"]["backoffLimit"]:
                self._finish(job, "Failed", "BackoffLimitExceeded")
            else:
                threading.Thread(
                    target=self._try_again, args=(pod,), daemon=True
                ).start()

    def _try_again(self, pod: Thing) -> None:
        time.sleep(_TRY_AGAIN_AFTER)
        with self._objects.lock:
            job = self._open_job_of(pod)
            if job is not None:
                self._spawn(job)

    def _open_job_of(self, pod: Thing) -> Thing | None:
        for owner in pod["metadata"].get("ownerReferences") or []:
            if owner["kind"] != "Job":
                continue
            job = self._objects.look(
                "jobs", pod["metadata"]["namespace"], owner["name"]
            )
            if job is None or job["metadata"]["uid"] != owner["uid"]:
                return None
            ended = job["metadata"].get("deletionTimestamp") or job["status"].get(
                "conditions"
            )
            return None if ended else job
        return None

    def _finish(self, job: Thing, kind: str, reason: str) -> None:
        job["status"].pop("active", None)
        job["status"]["conditions"] = [
            {
                "type": kind,
                "status": "True",
                "reason": reason,
                "lastTransitionTime": now(),
                "lastProbeTime": now(),
            }
        ]
        if kind == "Complete":
            job["status"]["completionTime"] = now()
        self._objects.changed(job)


def _is_final(job: Thing, pod: Thing) -> bool:
    """Whether the failure policy says that this exit code is not tried again."""
    state: Any = pod["status"]["containerStatuses"][0]["state"]
    code = state["terminated"]["exitCode"]
    policy = job["spec"].get("podFailurePolicy") or {}
    for rule in policy.get("rules") or []:
        codes = rule.get("onExitCodes")
        if codes and (code in codes["values"]) == (codes["operator"] == "In"):
            return bool(rule["action"] == "FailJob")
    return False
