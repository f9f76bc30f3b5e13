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
        handle = agent.run(*sys.argv[1:2])
        print(handle.exec_id)
"""
