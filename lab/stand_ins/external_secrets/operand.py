"""The real External Secrets controller as a child process: what stands for the pod of its Deployment."""

import logging
import os
import signal
import subprocess
import threading
import urllib.request
from pathlib import Path

from tenacity import RetryError, retry, retry_if_exception_type, stop_after_delay, wait_fixed

from lab.stand_ins.external_secrets.arguments import arguments
from lab.stand_ins.pods.walls.kernel import die_with_parent

LOOPBACK = "127.0.0.1"
STOP_SECONDS = 10.0


class Operand:
    """External Secrets for one kubeconfig context."""

    def __init__(self, context: str, program: Path, kubeconfig: Path, port: int) -> None:
        """Set up.

        Args:
            context: whose secrets it syncs.
            program: the `external-secrets` binary.
            kubeconfig: its current context is this one.
            port: of its health endpoint.
        """
        self.context = context
        self._program = program
        self._environ = {"PATH": os.environ.get("PATH", ""), "KUBECONFIG": str(kubeconfig)}
        self._address = f"{LOOPBACK}:{port}"
        self._child: subprocess.Popen[bytes] | None = None
        self._begun, self._stopping = threading.Event(), threading.Event()
        self._log = logging.getLogger(f"external-secrets.{context}")

    def start(self) -> None:
        """Start the controller; what it says goes to this process' log."""
        threading.Thread(target=self._run, name=f"external-secrets-{self.context}", daemon=True).start()
        self._begun.wait()

    def wait_until_ready(self, timeout: float) -> bool:
        """Whether it says that it is well, within so many seconds."""

        @retry(retry=retry_if_exception_type(OSError), wait=wait_fixed(0.1), stop=stop_after_delay(timeout))
        def ask() -> None:
            urllib.request.urlopen(f"http://{self._address}/healthz", timeout=1).close()

        try:
            ask()
        except RetryError:
            return False
        return True

    def stop(self) -> None:
        """End it, and wait until it has."""
        self._stopping.set()
        if self._child is None:
            return
        self._child.terminate()
        try:
            self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _run(self) -> None:
        """Start it and wait for its end, in one thread: the kernel ends the child when that thread ends.

        A controller that ends by itself takes this process along, so that `status` shows it as dead.
        """
        try:
            self._child = subprocess.Popen(
                [str(self._program), *arguments(self._address)],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, and no lock that a thread could hold
            )
        finally:
            self._begun.set()
        code = self._child.wait()
        if not self._stopping.is_set():
            self._log.error("the controller has ended with code %s", code)
            os.kill(os.getpid(), signal.SIGTERM)
