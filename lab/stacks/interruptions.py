"""Ctrl-C, and what else asks the lab to stop, while a program of its own works: each is passed on once, and counted.

The program runs in a session of its own, so that a terminal's Ctrl-C reaches it by way of the lab only, however often
and from wherever the lab is told. Owns the signals' handlers while it is open; what is said about them is others'.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Any, Self

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# `pulumi` ends at once at the second; whoever asks a third time means it.
LAST = 3


class Interruptions:
    """A context manager around a program's life; `begin` it within.

    Attributes:
        count: how often the lab was asked to stop.
    """

    def __init__(self) -> None:
        self.count = 0
        self._number = signal.SIGINT
        self._process: subprocess.Popen[Any] | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        # Only the main thread is told of signals.
        if threading.current_thread() is threading.main_thread():
            for number, handler in {**dict.fromkeys(STOPPING, self._stop), signal.SIGTSTP: self._pause}.items():
                # What the person's shell ignores (`nohup`, `&`) stays ignored.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def begin(self, line: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start the program, with the options of `Popen`; a signal that came before is passed on."""
        process = subprocess.Popen(line, start_new_session=True, **options)
        self._process = process
        if self.count:
            self._pass_on()
        return process

    def end(self) -> None:
        """What the signal would have done without the program: it is raised now that the program has ended.

        Raises:
            KeyboardInterrupt: the lab was interrupted.
            SystemExit: it was told to end, with the shell's exit code for the signal.
        """
        if not self.count:
            return
        if self._number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + self._number)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self.count += 1
        self._number = signal.Signals(number)
        self._pass_on()

    def _pass_on(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT if self.count < LAST else signal.SIGKILL)

    def _pause(self, number: int, _frame: FrameType | None) -> None:
        """Ctrl-Z: the program pauses with the lab, and goes on with it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        # Here the lab has been continued.
        signal.signal(number, self._pause)
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
