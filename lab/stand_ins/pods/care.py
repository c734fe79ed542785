"""Looks after the running containers of one pod: asks their probes, runs their hooks, stops them.

Owns the threads in which probes and hooks wait for their answers; what comes of an answer happens in the pod's own
thread, by its inbox. Rules of probes are in `containers/health.py`. Does not start or restart anything.
"""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from lab.kube import Manifest
from lab.stand_ins.pods.containers.actions import Outcome, perform
from lab.stand_ins.pods.containers.container import Container
from lab.stand_ins.pods.containers.health import Probe, Tally
from lab.stand_ins.pods.inbox import Inbox
from lab.stand_ins.pods.reporter import Reporter

_AFTER_HOOK_SECONDS = 2.0
"""What a container gets to end in when its hook has used up the time (kubernetes: minimumGracePeriodInSeconds)."""


class Care:
    """The care of one pod. Every method is called in the pod's thread, with containers that run."""

    def __init__(self, inbox: Inbox, reporter: Reporter, address: str) -> None:
        self._inbox = inbox
        self._reporter = reporter
        self._address = address

    def probe(self, containers: Sequence[Container], grace: float) -> None:
        """Ask the probes that are due, and stop what has failed, within the probe's grace or this one."""
        now = time.monotonic()
        for container in containers:
            for tally in container.health.due(now):
                tally.ask(now)
                action, timeout = tally.probe.action, tally.probe.timeout
                self._perform(container, action, timeout, partial(self._probed, container, container.health, tally))
            if failed := container.health.failed:
                self._stop_failed(container, failed, grace)

    def stop(self, container: Container, until: float) -> None:
        """Ask a running container to end until then, its hook first; or make haste where it has been asked."""
        if container.begin_stop(until):
            hook = (container.spec.get("lifecycle") or {}).get("preStop")
            seconds = until - time.monotonic()
            if hook and seconds > 0:
                self._perform(container, hook, seconds, partial(self._hooked, container))
            else:
                container.terminate()
        self.end_overdue([container])

    def end_overdue(self, containers: Sequence[Container]) -> None:
        """End what has been asked to end and has not done so in time."""
        for container in containers:
            if time.monotonic() >= container.kill_at:
                container.kill()

    def due(self, containers: Sequence[Container], *, probing: bool) -> list[float]:
        """When there may be something to do, on the monotonic clock."""
        asked = [container.health.due_at for container in containers if probing]
        return [*asked, *(container.kill_at for container in containers)]

    def _perform(self, container: Container, action: Manifest, timeout: float, then: Callable[[Outcome], None]) -> None:
        def work() -> None:
            outcome = perform(
                action, container=container.spec, address=self._address, inside=container.execute, timeout=timeout
            )
            self._inbox.leave(lambda: then(outcome))

        threading.Thread(target=work, name=f"action {container.record.name}", daemon=True).start()

    def _probed(self, container: Container, health: object, tally: Tally, outcome: Outcome) -> None:
        if container.health is not health or not container.record.is_running:
            # The answer is about a run that has ended.
            return
        tally.take(outcome.ok)
        container.judge()
        if not outcome.ok and not container.is_stopping:
            kind = tally.probe.kind.capitalize()
            self._reporter.warn("Unhealthy", f"{kind} probe failed: {outcome.said}")

    def _stop_failed(self, container: Container, probe: Probe, grace: float) -> None:
        if not container.is_stopping:
            name = container.record.name
            self._reporter.tell("Normal", "Killing", f"Container {name} failed {probe.kind} probe, will be restarted")
            self.stop(container, time.monotonic() + (grace if probe.grace is None else probe.grace))

    def _hooked(self, container: Container, outcome: Outcome) -> None:
        if not container.record.is_running:
            return
        if not outcome.ok:
            self._reporter.warn("FailedPreStopHook", f"PreStopHook failed: {outcome.said}")
        container.kill_at = max(container.kill_at, time.monotonic() + _AFTER_HOOK_SECONDS)
        container.terminate()
