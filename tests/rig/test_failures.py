"""A failure on a remote stack, as the laptop sees it that started the execution.

The flow calls a step of ZenML's on its way.
"""

from __future__ import annotations

from tests.rig.laptop import Laptop

PROGRAM = """
    from zenml import step

    from kitaru import KitaruClient, checkpoint, flow

    @step
    def find() -> int:
        return 5

    code = checkpoint(find)

    class QuotaError(Exception):
        def __init__(self, code: int, what: str) -> None:
            self.code = code
            super().__init__(f"{what} [{code}]")

    @flow(stack="rig", image="127.0.0.1:5000/kitaru:rig")
    def failing() -> None:
        raise QuotaError(code(), "no quota" + "!" * 300)

    if __name__ == "__main__":
        handle = failing.run()
        try:
            handle.wait(timeout=200)
        except Exception as error:
            print(type(error).__name__, type(error.__cause__), error.__cause__.code)
        failure = KitaruClient().executions.get(handle.exec_id).failure
        print(failure.origin, failure.exception_type, failure.message[-5:])
        print("in failing" in failure.traceback)
"""


def test_exception_of_a_pod_is_rebuilt_on_the_laptop(laptop: Laptop) -> None:
    script = laptop.script("quota.py", PROGRAM)

    done = laptop.start_python(script).finish(within=240)

    assert done.stdout.splitlines()[-3:] == [
        "KitaruUserCodeError <class 'quota.QuotaError'> 5",
        "user_code quota.QuotaError ! [5]",
        "True",
    ]
