"""The Skupper emulator as a process of its own, with a short resync, and how long it may take to act."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from lab.home import CHECKOUT
from tests.lab.waiting import eventually

RESYNC = 2.0


class Emulator:
    """A process of `python -m lab.stand_ins.skupper` that handles only the namespaces assigned to it."""

    def __init__(self, kubeconfig: Path, contexts: tuple[str, ...], namespace: str, folder: Path) -> None:
        self.namespace = namespace
        self._ready_file = folder / "ready"
        self._log = folder / "log"
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        self._command = [
            sys.executable,
            "-m",
            "lab.stand_ins.skupper",
            f"--namespace={namespace}",
            f"--resync={RESYNC}",
        ]
        self._command += ["--require-explicit-control", "--link-configured-delay=0.2", "--cluster-host=nodes.internal"]
        self._command += [f"--ready-file={self._ready_file}", *(f"--context={context}" for context in contexts)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._ready_file.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, cwd=CHECKOUT, env=self._environment, stderr=log)

        def ready() -> None:
            assert self._process is not None
            assert self._process.poll() is None, self._log.read_text()
            assert self._ready_file.exists(), self._log.read_text()

        eventually(ready, 60)

    def stop(self) -> int:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout=4)
        finally:
            self._process.kill()

    def log(self) -> str:
        return self._log.read_text()
