"""Runs a Pulumi program in this process, on a thread of its own, as Pulumi's Python language host does in another.

Source: pulumi:sdk/python/cmd/pulumi-language-python-exec. One program can run in a process; what it prints is told as
information, as `pulumi` does.
"""

import asyncio
import io
import logging
import os
import runpy
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.engine.backend import StackName
from lab.engine.project import Project

_EXITED = "an unhandled error occurred: program exited with non-zero exit code: {}"
_STOPPED = "Resource monitor has terminated, shutting down"


class _Lines(io.TextIOBase):
    """A stream that hands over whole lines."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._rest = ""
        self._lock = threading.Lock()

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str) -> int:
        """Take some text."""
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._tell(line)
        return len(text)

    def finish(self) -> None:
        """Hand over what is left."""
        if self._rest:
            self._tell(self._rest)
            self._rest = ""


class Program:
    """The program of a project. `failure` tells what is wrong with it once it has ended, or ""."""

    def __init__(self, project: Project, name: StackName, config: dict[str, str], secret_keys: list[str]) -> None:
        self._project = project
        self._name = name
        self._config = config
        self._secret_keys = secret_keys
        self.ended = threading.Event()
        self.failure = ""
        self._thread = threading.Thread(target=self._main, name="program", daemon=True)
        self._address = ""
        self._preview = False
        self._parallel = 1
        self._tell: Callable[[str], None] = print

    def start(self, address: str, *, preview: bool, parallel: int, tell: Callable[[str], None]) -> None:
        """Start it with a monitor's address; `tell` gets the lines that it prints."""
        self._address, self._preview, self._parallel, self._tell = address, preview, parallel, tell
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for its end. One that does not end is left behind; the process takes it along."""
        self._thread.join(seconds)

    def _main(self) -> None:
        output = _Lines(self._tell)
        streams = sys.stdout, sys.stderr
        sys.stdout = sys.stderr = output
        try:
            self._run()
        finally:
            output.finish()
            sys.stdout, sys.stderr = streams
            self.ended.set()

    def _run(self) -> None:
        import pulumi  # noqa: PLC0415 - after the streams are set

        pulumi.runtime.set_all_config(self._config, self._secret_keys)
        pulumi.runtime.configure(
            pulumi.runtime.Settings(
                monitor=self._address,
                engine=self._address,
                project=self._name.project,
                stack=self._name.stack,
                parallel=self._parallel,
                dry_run=self._preview,
                organization="organization",
                root_directory=str(self._project.folder),
            )
        )
        os.chdir(self._project.main if self._project.main.is_dir() else self._project.main.parent)
        # A program that fails leaves tasks behind; asyncio would complain about each of them.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        executor = ThreadPoolExecutor(max_workers=self._parallel * 4, thread_name_prefix="sdk")
        loop.set_default_executor(executor)
        try:
            loop.run_until_complete(pulumi.runtime.run_in_stack(self._execute))
        except pulumi.RunError as error:
            self.failure = "" if str(error) == _STOPPED else f"{error}\n{_EXITED.format(1)}"
        except SystemExit as error:
            self.failure = _EXITED.format(error.code) if error.code else ""
        except Exception as error:
            text = self._traceback(error)
            self.failure = "" if _STOPPED in text else f"Program failed with an unhandled exception:\n{text}"
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
            loop.close()

    def _execute(self) -> None:
        main = self._project.main
        sys.argv = [str(main)]
        if main.is_dir() and not (main / "__main__.py").is_file():
            import pulumi  # noqa: PLC0415 - as above

            raise pulumi.RunError(f"unable to find main python program `__main__.py` in `{main}`")
        runpy.run_path(str(main), run_name="__main__")

    def _traceback(self, error: BaseException) -> str:
        """The traceback from the program's own first frame on."""
        frames = traceback.extract_tb(error.__traceback__)
        main = self._project.main
        program = str(main / "__main__.py" if main.is_dir() else main)
        for index, frame in enumerate(frames):
            if str(Path(frame.filename).absolute()) == program:
                return "".join(traceback.format_exception(error, limit=-(len(frames) - index)))
        return "".join(traceback.format_exception(error))
