from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from kitaru._engine.journal import leases
from kitaru._engine.journal.leases import Holder


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    """A process that lives until the test is over."""
    process = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True
    )
    with process:
        yield process
        process.kill()


def test_this_process_lives() -> None:
    assert Holder.me().is_alive(heartbeat=0.0)
    assert Holder.me() == Holder.me()
    assert Holder.me().is_here


def test_a_killed_process_is_dead_even_before_it_is_reaped(
    child: subprocess.Popen[str],
) -> None:
    holder = Holder.of(child.pid)
    before = holder.is_alive(heartbeat=0.0)

    child.kill()
    # Wait for the end without reaping, so that the process stays a zombie.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert before
    assert not holder.is_alive(heartbeat=time.time())


def test_a_reaped_process_is_dead(child: subprocess.Popen[str]) -> None:
    holder = Holder.of(child.pid)

    child.kill()
    child.wait()

    assert not holder.is_alive(heartbeat=time.time())


def test_a_later_process_with_the_same_pid_is_another_one(
    child: subprocess.Popen[str],
) -> None:
    earlier = replace(Holder.of(child.pid), started="earlier")

    assert not earlier.is_alive(heartbeat=time.time())


def test_a_pid_nobody_has_is_dead(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.wait()

    assert not Holder.of(child.pid).is_alive(heartbeat=time.time())


@pytest.mark.parametrize(
    ("silence", "alive"),
    [
        pytest.param(0.0, True, id="just heard"),
        pytest.param(leases.SILENCE - 10, True, id="quiet for a while"),
        pytest.param(leases.SILENCE + 1, False, id="silent"),
    ],
)
def test_a_process_elsewhere_is_judged_by_its_heartbeat(
    silence: float, alive: bool
) -> None:
    holder = Holder("another-host.invalid", 1, "0")

    assert holder.is_alive(time.time() - silence) is alive


def test_a_container_with_our_host_name_is_judged_by_its_heartbeat(
    child: subprocess.Popen[str],
) -> None:
    holder = replace(Holder.of(child.pid), space="pid:[1]", started="of/theirs")

    assert not holder.is_here
    assert holder.is_alive(time.time())
    assert not holder.is_alive(time.time() - leases.SILENCE - 1)


def test_a_lease_of_an_earlier_version_knows_no_container(
    child: subprocess.Popen[str],
) -> None:
    holder = replace(Holder.of(child.pid), space="")

    assert holder.is_here
    assert holder.is_alive(0.0)


@pytest.mark.skipif(not leases.pid_space(), reason="this system has no boot id")
def test_a_jump_of_the_wall_clock_kills_no_runner_of_this_machine() -> None:
    holder = replace(Holder.me(), space="pid:[1]")
    heard_by_the_wall_clock = time.time() - 3600

    assert holder.is_alive(heard_by_the_wall_clock, time.monotonic())
    assert not holder.is_alive(time.time(), time.monotonic() - leases.SILENCE - 1)


def test_a_heartbeat_comes_well_before_the_silence_counts() -> None:
    assert leases.HEARTBEAT * 3 <= leases.SILENCE


def test_a_holder_can_be_named_and_sent() -> None:
    holder = Holder("here", 7, "1")

    assert str(holder) == "process 7 on here"
    assert Holder(**holder.to_dict()) == holder
