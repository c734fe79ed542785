"""Shows a person what `pulumi` prints while it works: as it comes, as wide as the terminal, and never in long silence.

Owns the pipes of one run, and the lines about silence, Ctrl-C and a server that has died. Does not own what `pulumi`
says, nor how it is interrupted (interruptions.py).
"""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from rich.console import Console
from rich.text import Text

from lab.home import LabError
from lab.lines import cut, tell
from lab.stacks.engine_output import UnderWay, fitted, plain
from lab.stacks.interruptions import Interruptions
from lab.stacks.silence import Silence

LOOK_SECONDS = 0.25
DEAD_SECONDS = 2.0
ONCE = (
    "Stopping: pulumi finishes what it has begun and keeps its state. Press Ctrl-C again to end it at once; what it "
    "has begun may then exist without its state knowing."
)
TWICE = (
    "Ending pulumi at once. What it had begun may exist without its state knowing: the next `python -m lab up` goes on "
    "and warns of it until `pulumi refresh --clear-pending-creates` in `python -m lab shell`. Where it says that the "
    "stack is locked, type `python -m lab cancel`."
)
STOPPED = "Stopped: pulumi has kept its state; {command} goes on from there."
# What ends a run that waits for a dead server: `pulumi` is asked, is asked again, and is killed; seconds since it died.
LAST_RESORTS = ((0.0, signal.SIGINT), (20.0, signal.SIGINT), (30.0, signal.SIGKILL))


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What is known of a run from outside `pulumi`.

    Attributes:
        awaited: what the stack's pods, objects or servers say right now, "" for nothing; answers within seconds.
        dead: the names of the lab's servers that have died.
        command: what to type to go on with the run.
        again: what to type for that once servers have died.
    """

    awaited: Callable[[], str]
    dead: Callable[[], list[str]]
    command: str
    again: str


class Screen:
    """Where a run is shown: standard output and error, or one stream for both.

    Attributes:
        speaks: whether a long silence is told of; whoever runs something quietly does so himself.
    """

    speaks = True

    def __init__(self, output: IO[str] | None = None) -> None:
        self.results = Console(file=output or sys.stdout, highlight=False)
        self.remarks = Console(file=output or sys.stderr, highlight=False)
        self._last = ""

    @property
    def colour(self) -> str:
        """For `pulumi`'s option `--color`."""
        return "always" if self.results.color_system and not self.results.no_color else "never"

    def show(self, console: Console, line: str) -> None:
        """A line of `pulumi`: whole where nobody looks, else as the terminal has room, and not twice in a row."""
        if console.is_terminal and line.strip() and line == self._last:
            return
        self._last = line
        self._print(console, fitted(line, console.width) if console.is_terminal else [Text(plain(line))])

    def remark(self, text: str, style: str) -> None:
        """A sentence of the lab's own."""
        with suppress(OSError):
            tell(Text(text, style), console=self.remarks)

    def list(self, heading: str, found: Sequence[str]) -> None:
        """Results of the lab's own under a heading, each in one line of the terminal; nothing where there are none."""
        lines = [f"  {one}" for one in found]
        if self.results.is_terminal:
            lines = [cut(line, self.results.width) for line in lines]
        if lines:
            self._print(self.results, [Text(f"{heading}:", "bold"), *map(Text, lines), Text()])

    @staticmethod
    def _print(console: Console, lines: Iterable[Text]) -> None:
        # `pulumi` has to be heard to its end, though the terminal may be gone or nobody read the pipe any more.
        with suppress(OSError):
            for line in lines:
                console.print(line, soft_wrap=True)


class Quiet(Screen):
    """Keeps what a run prints for a program; the lab shows its own sentences all the same, but of silence none."""

    speaks = False

    def __init__(self) -> None:
        super().__init__()
        self._lines: dict[Console, list[str]] = {self.results: [], self.remarks: []}

    def show(self, console: Console, line: str) -> None:
        """Keep the line."""
        self._lines[console].append(f"{plain(line)}\n")

    def kept(self) -> tuple[str, str]:
        """What it printed to standard output, and to standard error."""
        return "".join(self._lines[self.results]), "".join(self._lines[self.remarks])


class Display:
    """One run on a screen."""

    def __init__(self, screen: Screen, watch: Watch) -> None:
        self._screen = screen
        self._watch = watch
        self._under_way = UnderWay()
        self._silence = Silence(time.monotonic())
        self._told = 0
        self._death: _Death | None = None
        self._looked = time.monotonic()

    def follow(self, process: subprocess.Popen[bytes], interruptions: Interruptions) -> int:
        """Show the run to its end; its exit code.

        Raises:
            LabError: a server died, and the run has failed.
        """
        streams = ((process.stdout, self._screen.results), (process.stderr, self._screen.remarks))
        with selectors.DefaultSelector() as selector:
            for pipe, console in streams:
                if pipe is not None:
                    selector.register(pipe, selectors.EVENT_READ, _Lines(console))
            while selector.get_map():
                ready = selector.select(LOOK_SECONDS)
                for key, _ in ready:
                    said = os.read(key.fd, 65536)
                    for line in key.data.take(said):
                        self._show(key.data.console, line)
                    if not said:
                        selector.unregister(key.fileobj)
                # A plugin that outlives `pulumi` may hold the pipes.
                if not ready and process.poll() is not None:
                    break
                self._look(process, interruptions)
        code = process.wait()
        if self._told == 1:
            self._screen.remark(STOPPED.format(command=self._watch.command), "yellow")
        if code and self._death:
            raise LabError(self._death.sentence)
        return code

    def _show(self, console: Console, line: str) -> None:
        now = time.monotonic()
        self._under_way.take(line, now)
        self._silence.end(now)
        self._screen.show(console, line)

    def _look(self, process: subprocess.Popen[bytes], interruptions: Interruptions) -> None:
        """What there is to say and to do between two lines."""
        if interruptions.count > self._told:
            self._told = interruptions.count
            self._screen.remark(ONCE if self._told == 1 else TWICE, "yellow")
        now = time.monotonic()
        if self._death is None and now - self._looked >= DEAD_SECONDS:
            self._looked = now
            if dead := self._watch.dead():
                self._death = _Death(dead, self._watch.again, now)
                self._screen.remark(f"{self._death.who} dead: what waits for it waits in vain. Stopping.", "red")
        if self._death:
            self._death.press(process, now)
        if self._screen.speaks and self._silence.is_due(now):
            seconds, waiting, said = self._silence.seconds(now), self._under_way.awaited(now), self._watch.awaited()
            self._screen.remark(f"  {seconds:.0f} s: waiting for {waiting}{said and f'. {said}'}", "dim")


class _Lines:
    """Whole lines out of what a pipe brings."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._begun = b""

    def take(self, said: bytes) -> list[str]:
        """The lines that are complete now; nothing said is the end of the last one."""
        *lines, self._begun = (self._begun + said).split(b"\n")
        if not said and self._begun:
            lines, self._begun = [self._begun], b""
        return [line.decode(errors="replace").rstrip("\r") for line in lines]


class _Death:
    """Servers that are dead, and the run that is ended for it."""

    def __init__(self, names: list[str], again: str, now: float) -> None:
        self.who = f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"
        self._again = again
        self._died = now
        self._left = list(LAST_RESORTS)
        self._killed = False

    @property
    def sentence(self) -> str:
        """What it was and what to type."""
        unlock = "`python -m lab cancel`, then " if self._killed else ""
        return f"{self.who} dead, so pulumi was stopped; its state is kept. Type {unlock}{self._again}."

    def press(self, process: subprocess.Popen[bytes], now: float) -> None:
        """Send what is due."""
        while self._left and now - self._died >= self._left[0][0]:
            _, number = self._left.pop(0)
            self._killed = number == signal.SIGKILL
            process.send_signal(number)
