"""A stand-in for the CLI of Claude Code that starts at once: for tests of what uses it.

It speaks the SDK's protocol, keeps sessions in files as the real one does, and takes its
answers from `answer(messages)` in a file beside it, without a network. The real CLI is
tested with `tests.support.messages_api`. Programs of tests copy this file: it needs
nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Of each request to a model.
COST, SENT, RECEIVED = 0.001, 10, 7


def installed(folder: Path, model: Path) -> Path:
    """Put the CLI into a folder, with the file its answers come from."""
    command = folder / "claude"
    here = Path(__file__).resolve()
    command.write_text(
        f"#!{sys.executable}\n"
        "import runpy\n"
        f"runpy.run_path({str(here)!r})['main']({str(model.resolve())!r})\n"
    )
    command.chmod(0o755)
    return command


def environment(home: Path) -> dict[str, str]:
    """Return what gives the CLI a home of its own."""
    return {"HOME": str(home), "CLAUDE_CONFIG_DIR": str(home)}


class Cli:
    """One process of the CLI: reads what it is told, answers, and keeps the session."""

    def __init__(
        self, arguments: list[str], answer: Callable[[Any], list[dict[str, Any]]]
    ) -> None:
        self._arguments = arguments
        self._answer = answer
        self._requests = 0
        self._turns = 0
        self._denials: list[dict[str, Any]] = []
        self._hooks: dict[str, list[dict[str, Any]]] = {}
        self._greeted: set[str] = set()
        home = os.environ.get("CLAUDE_CONFIG_DIR") or str(Path.home() / ".claude")
        folder = re.sub(r"[^a-zA-Z0-9]", "-", str(Path.cwd().resolve()))
        self._resumed = self._option("resume")
        self.session_id = (
            self._resumed or self._option("session-id") or str(uuid.uuid4())
        )
        self._file = Path(home, "projects", folder, f"{self.session_id}.jsonl")
        found = [*Path(home).glob(f"projects/*/{self.session_id}.jsonl")]
        self._file = found[0] if found else self._file
        self._entries = [
            json.loads(line)
            for line in (self._file.read_text().splitlines() if found else ())
        ]
        costs = [e["totalCostUSD"] for e in self._entries if e["type"] == "cost-state"]
        self._cost = float(costs[-1]) if costs else 0.0

    # -- the protocol ----------------------------------------------------------

    def run(self) -> int:
        """Answer until the input ends; returns the exit code."""
        if not self._resumed and self._entries:
            sys.stderr.write(f"Session ID {self.session_id} is already in use.\n")
            return 1
        self._heard("control_request")
        if self._resumed and not self._entries:
            return self._ended("error_during_execution", ["No conversation found"])
        if (call := self._deferred()) is not None:
            return self._going_on(call)
        said = self._heard("user")
        if said is None:
            return 0
        self._keep("queue-operation", content=said["message"]["content"])
        self._keep("user", message=said["message"])
        prompt = str(said["message"]["content"])
        self._keep("last-prompt", lastPrompt=prompt[:60])
        return self._thinking()

    def _heard(self, kind: str) -> dict[str, Any] | None:
        for line in sys.stdin:
            told = json.loads(line)
            if told["type"] == "control_request":
                if told["request"]["subtype"] == "initialize":
                    self._hooks = told["request"].get("hooks") or {}
                response: dict[str, Any] = {
                    "request_id": told["request_id"],
                    "subtype": "success",
                }
                response["response"] = {"hook_on_failure_supported": True}
                say("control_response", response=response)
            if told["type"] == kind:
                found: dict[str, Any] = told
                return found
        return None

    def _ask(self, subtype: str, **request: Any) -> dict[str, Any]:
        """Ask the SDK; returns its answer, or `{"error": …}`."""
        request_id = str(uuid.uuid4())
        say(
            "control_request",
            request_id=request_id,
            request={"subtype": subtype, **request},
        )
        answer = self._heard("control_response")
        assert answer is not None
        response = answer["response"]
        assert response["request_id"] == request_id
        if response["subtype"] == "error":
            return {"error": response["error"]}
        found: dict[str, Any] = response["response"]
        return found

    # -- a conversation --------------------------------------------------------

    def _messages(self) -> list[dict[str, Any]]:
        return [e["message"] for e in self._entries if "message" in e]

    def _deferred(self) -> dict[str, Any] | None:
        answered = {
            block["tool_use_id"]
            for message in self._messages()
            if isinstance(message["content"], list)
            for block in message["content"]
            if block["type"] == "tool_result"
        }
        for entry in self._entries:
            found: dict[str, Any] = entry.get("attachment", {})
            if found.get("type") == "deferred" and found["id"] not in answered:
                return found
        return None

    def _going_on(self, call: dict[str, Any]) -> int:
        if not self._called(call, is_hooked=False):
            return self._ended("success", deferred=call)
        return self._thinking()

    def _thinking(self) -> int:
        say("system", subtype="init", claude_code_version="2.1.332", **self._whose())
        most = int(self._option("max-turns") or 10)
        while True:
            if self._turns == most:
                return self._ended("error_max_turns", [f"Reached {most} turns"])
            try:
                blocks = self._answer(self._messages())
            except Exception as error:
                return self._ended("success", result=f"API Error: {error}", failed=True)
            self._turns += 1
            self._requests += 1
            self._cost += COST
            # As it comes: each block a message, with the id of the answer.
            answer_id = str(uuid.uuid4())
            for block in blocks:
                message = {
                    "id": answer_id,
                    "role": "assistant",
                    "model": "played",
                    "content": [block],
                }
                self._keep("assistant", message=message)
                say("assistant", message=message, **self._whose())
            calls = [block for block in blocks if block["type"] == "tool_use"]
            deferred = [call for call in calls if not self._called(call)]
            if deferred:
                return self._ended("success", deferred=deferred[-1])
            if not calls:
                return self._ended("success", result=blocks[-1]["text"])

    def _called(self, call: dict[str, Any], *, is_hooked: bool = True) -> bool:
        """Call a tool; returns whether there is an answer, and not a deferral."""
        decision, reason = self._before(call) if is_hooked else (None, "")
        if decision == "defer":
            self._keep("attachment", attachment={**call, "type": "deferred"})
            return False
        if decision is None and not self._is_allowed(call["name"]):
            decision, reason = self._permitted(call)
        if decision == "deny":
            self._denials.append({"tool_name": call["name"], "tool_use_id": call["id"]})
        content = reason if decision == "deny" else self._done(call)
        block = {
            "type": "tool_result",
            "tool_use_id": call["id"],
            "content": content,
            "is_error": decision == "deny",
        }
        message = {"role": "user", "content": [block]}
        self._keep("user", message=message)
        say("user", message=message, **self._whose())
        return True

    def _before(self, call: dict[str, Any]) -> tuple[str | None, str]:
        found: dict[str, str] = {}
        given = {
            "hook_event_name": "PreToolUse",
            "tool_name": call["name"],
            "tool_input": call["input"],
            "tool_use_id": call["id"],
            "permission_mode": self._option("permission-mode") or "default",
        }
        if call["input"].get("sub_agent"):
            given["agent_id"] = "agent-1"
        for matcher in self._hooks.get("PreToolUse", ()):
            for callback_id in matcher["hookCallbackIds"]:
                told = self._ask(
                    "hook_callback",
                    callback_id=callback_id,
                    input=given,
                    tool_use_id=call["id"],
                )
                said = told.get("hookSpecificOutput") or {}
                if decided := said.get("permissionDecision"):
                    found[decided] = said.get("permissionDecisionReason", "")
        for strictest in ("deny", "defer", "allow"):
            if strictest in found:
                return strictest, found[strictest]
        return None, ""

    def _is_allowed(self, tool: str) -> bool:
        mode = self._option("permission-mode")
        allowed = (self._option("allowedTools") or "").split(",")
        looks = tool in ("Read", "Glob", "Grep")
        return looks or tool in allowed or mode == "bypassPermissions"

    def _permitted(self, call: dict[str, Any]) -> tuple[str, str]:
        if self._option("permission-prompt-tool") != "stdio":
            return "deny", "not allowed"
        told = self._ask(
            "can_use_tool",
            tool_name=call["name"],
            input=call["input"],
            tool_use_id=call["id"],
        )
        call["input"] = told.get("updatedInput") or call["input"]
        why = told.get("message") or told.get("error", "")
        return told.get("behavior", "deny"), why

    def _done(self, call: dict[str, Any]) -> str:
        if call["name"] == "AskUserQuestion":
            said = call["input"]["answers"]
            return "; ".join(
                f"{item['header']}: {said[item['question']]}"
                for item in call["input"]["questions"]
            )
        if not call["name"].startswith("mcp__"):
            command = call["input"].get("command", "true")
            done = subprocess.run(
                command, shell=True, capture_output=True, text=True, check=False
            )
            return done.stdout
        _, server, tool = call["name"].split("__")
        if server not in self._greeted:
            self._greeted.add(server)
            self._to_server(
                server,
                "initialize",
                protocolVersion="2025-06-18",
                capabilities={},
                clientInfo={"name": "claude", "version": "0"},
            )
            notice = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            self._ask("mcp_message", server_name=server, message=notice)
        told = self._to_server(server, "tools/call", name=tool, arguments=call["input"])
        return str(told["content"][0]["text"])

    def _to_server(self, server: str, method: str, **params: Any) -> dict[str, Any]:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        told = self._ask("mcp_message", server_name=server, message=message)
        found: dict[str, Any] = told["mcp_response"]["result"]
        return found

    # -- its end ----------------------------------------------------------------

    def _ended(
        self,
        subtype: str,
        errors: list[str] | None = None,
        *,
        result: str | None = None,
        deferred: dict[str, Any] | None = None,
        failed: bool = False,
    ) -> int:
        is_error = failed or errors is not None
        call = deferred and {name: deferred[name] for name in ("id", "name", "input")}
        say(
            "result",
            subtype=subtype,
            is_error=is_error,
            duration_ms=1,
            duration_api_ms=1,
            num_turns=self._turns,
            total_cost_usd=self._cost,
            usage={
                "input_tokens": SENT * self._requests,
                "output_tokens": RECEIVED * self._requests,
            },
            result=result,
            errors=errors,
            deferred_tool_use=call,
            permission_denials=self._denials,
            **self._whose(),
        )
        for _ in sys.stdin:
            pass
        # What comes after the result belongs to the session, too.
        self._keep("cost-state", totalCostUSD=self._cost)
        return int(is_error)

    def _whose(self) -> dict[str, str]:
        return {"session_id": self.session_id, "uuid": str(uuid.uuid4())}

    def _keep(self, kind: str, **rest: Any) -> None:
        entry = {"type": kind, "uuid": str(uuid.uuid4()), **rest}
        self._entries.append(entry)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a") as file:
            file.write(json.dumps(entry) + "\n")
        if "--session-mirror" in self._arguments:
            say("transcript_mirror", filePath=str(self._file), entries=[entry])

    def _option(self, name: str) -> str | None:
        for index, argument in enumerate(self._arguments):
            if argument == f"--{name}":
                return self._arguments[index + 1]
            if argument.startswith(f"--{name}="):
                return argument.partition("=")[2]
        return None


def say(kind: str, **rest: Any) -> None:
    """Tell the SDK something."""
    sys.stdout.write(json.dumps({"type": kind, **rest}) + "\n")
    sys.stdout.flush()


def main(model: str) -> None:
    """Run the CLI with the answers of a file."""
    sys.path.insert(0, str(Path(model).parent))
    sys.exit(Cli(sys.argv[1:], runpy.run_path(model)["answer"]).run())
