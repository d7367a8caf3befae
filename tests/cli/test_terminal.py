"""Questions and signals on a real terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

# a world that has nothing to close; the work is what stands in WORK
PROGRAM = """
import asyncio, sys
from kubectl_upgrade.cli.running import ask, run, tell
from kubectl_upgrade.engine.run import Stop
from kubectl_upgrade.model.errors import StoppedError

class Closed:
    async def close(self): pass

class World:
    nodes = cluster = probe = Closed()

stop = Stop()

async def question():
    tell("answered " + await ask("Only `yes` goes on: "))

async def steps():
    stop.begun = True
    tell("begun")
    while not stop.reason:
        await asyncio.sleep(0.01)
    tell("finished the step")

async def forever():
    stop.begun = True
    tell("begun")
    await asyncio.Event().wait()

try:
    run(World, {work}(), stop)
except StoppedError as error:
    tell(error.message)
    sys.exit(error.exit_code)
"""


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, work: str) -> None:
        self._master, slave = pty.openpty()
        program = PROGRAM.replace("{work}", work)
        self._process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self.seen = ""

    def until(self, text: str) -> None:
        end = time.monotonic() + 20
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            ready, _, _ = select.select([self._master], [], [], 0.1)
            if ready:
                self.seen += os.read(self._master, 4096).decode()

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def code(self) -> int:
        return self._process.wait(timeout=20)


def test_a_typed_answer_is_read() -> None:
    terminal = Terminal("question")
    terminal.until("goes on: ")
    terminal.type("yes\n")
    terminal.until("answered yes")
    assert terminal.code() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_the_question_ends_it_with_nothing_changed(number: int) -> None:
    terminal = Terminal("question")
    terminal.until("goes on: ")
    terminal.signal(number)
    terminal.until("interrupted; nothing was changed")
    assert terminal.code() == 130


def test_ctrl_c_lets_the_step_finish() -> None:
    terminal = Terminal("steps")
    terminal.until("begun")
    terminal.signal(signal.SIGINT)
    terminal.until("finished the step")
    assert "stopping after the running step" in terminal.seen
    assert terminal.code() == 0


def test_a_second_ctrl_c_detaches() -> None:
    terminal = Terminal("forever")
    terminal.until("begun")
    terminal.signal(signal.SIGINT)
    terminal.until("Ctrl-C again")
    terminal.signal(signal.SIGINT)
    terminal.until("detached; a step that was running on a node goes on there")
    assert terminal.code() == 8


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_detach_at_once(number: int) -> None:
    terminal = Terminal("forever")
    terminal.until("begun")
    terminal.signal(number)
    terminal.until("detached")
    assert terminal.code() == 8
