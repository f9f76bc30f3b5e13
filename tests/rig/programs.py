"""Flows that the tests of the rig run."""

AGENT = """
    import os
    import sys
    import time
    from pathlib import Path

    from kitaru import checkpoint, flow, wait

    @checkpoint
    def plan(topic: str) -> str:
        print("planning on", os.uname().nodename)
        return f"plan of {topic} by {os.uname().nodename}"

    @checkpoint
    def write(plan: str, approved: bool) -> list[str]:
        return [plan, str(approved), os.uname().nodename, str(Path.cwd())]

    @flow(stack="rig", image="127.0.0.1:5000/kitaru:rig")
    def agent(topic: str, seconds: float = 0.0) -> list[str]:
        drafted = plan(topic)
        approved = wait(schema=bool, question="Publish?", timeout=seconds)
        return write(drafted, approved)

    if __name__ == "__main__":
        topic, *seconds = sys.argv[1:]
        print(agent.run(topic, *map(float, seconds)).exec_id)
"""

STEPS = """
    import json
    import os
    import socket
    import sys
    import time

    from kitaru import checkpoint, flow

    def node() -> str:
        return os.uname().nodename

    @checkpoint
    def first() -> str:
        return f"first by {node()}"

    @checkpoint
    def second(before: str, seconds: float, port: int) -> str:
        print("second begins")
        if port:
            socket.create_connection(("127.0.0.1", port)).close()
        time.sleep(seconds)
        return f"{before}, second by {node()}"

    @checkpoint
    def third(before: str) -> str:
        return f"{before}, third by {node()}"

    @flow(stack="rig", image="127.0.0.1:5000/kitaru:rig")
    def steps(seconds: float = 0.0, port: int = 0) -> str:
        return third(second(first(), seconds, port))

    if __name__ == "__main__":
        print(steps.run(**json.loads(sys.argv[1])).exec_id)
"""

LARGE = """
    from kitaru import checkpoint, flow

    SIZE = 50_000_000

    @checkpoint
    def make(start: bytes) -> bytes:
        return start + bytes(SIZE)

    @flow(stack="rig", image="127.0.0.1:5000/kitaru:rig")
    def large(start: bytes) -> bytes:
        return make(start)

    if __name__ == "__main__":
        start = b"x" * 1_000_000
        value = large.run(start).wait(timeout=120)
        print(value == start + bytes(SIZE))
"""
