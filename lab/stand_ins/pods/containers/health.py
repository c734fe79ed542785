"""What probes say about a container: when each is due, and what follows from its answers, as pure rules.

Owns thresholds, delays and which probe waits for which (kubernetes: pkg/kubelet/prober/worker.go). Does not ask
anything itself: `actions.py` does.
"""

from dataclasses import dataclass
from typing import Literal

from lab.kube import Manifest

Kind = Literal["startup", "readiness", "liveness"]
_KINDS: tuple[Kind, ...] = ("startup", "readiness", "liveness")
_BEFORE_THE_FIRST: dict[Kind, bool | None] = {"startup": None, "readiness": False, "liveness": True}


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One probe of a container; times in seconds, defaults as the API server fills them in.

    `grace` is the time that the container gets to end when the probe has failed, None for the pod's own.
    """

    kind: Kind
    action: Manifest
    delay: float
    period: float
    timeout: float
    successes: int
    failures: int
    grace: float | None

    @classmethod
    def of(cls, kind: Kind, spec: Manifest) -> "Probe":
        """The probe as the container's spec has it."""
        grace = spec.get("terminationGracePeriodSeconds")
        return cls(
            kind=kind,
            action=spec,
            delay=float(spec.get("initialDelaySeconds") or 0),
            period=float(spec.get("periodSeconds") or 10),
            timeout=float(spec.get("timeoutSeconds") or 1),
            successes=int(spec.get("successThreshold") or 1),
            failures=int(spec.get("failureThreshold") or 3),
            grace=None if grace is None else float(grace),
        )


class Tally:
    """How one probe stands in one run of its container. `verdict` is None while a startup probe has not decided."""

    def __init__(self, probe: Probe, began: float) -> None:
        self.probe = probe
        self.due_at = began + probe.delay
        self.verdict = _BEFORE_THE_FIRST[probe.kind]
        self.asking = False
        self._last: bool | None = None
        self._times = 0

    def ask(self, now: float) -> None:
        """The probe is being asked; nobody asks it again before it has answered and its period is over."""
        self.asking = True
        self.due_at = now + self.probe.period

    def take(self, answer: bool) -> None:
        """Count an answer; only so many equal ones in a row change the verdict."""
        self.asking = False
        self._times = self._times + 1 if answer is self._last else 1
        self._last = answer
        if self._times >= (self.probe.successes if answer else self.probe.failures):
            self.verdict = answer


class Health:
    """All probes of one run of a container; moments are of the monotonic clock."""

    def __init__(self, container: Manifest, began: float) -> None:
        self._tallies: dict[Kind, Tally] = {
            kind: Tally(Probe.of(kind, container[f"{kind}Probe"]), began)
            for kind in _KINDS
            if container.get(f"{kind}Probe")
        }

    def _verdict(self, kind: Kind) -> bool | None:
        tally = self._tallies.get(kind)
        return True if tally is None else tally.verdict

    @property
    def started(self) -> bool:
        """Whether the startup probe, if any, has succeeded."""
        return self._verdict("startup") is True

    @property
    def ready(self) -> bool:
        """Whether it has started and may serve."""
        return self.started and self._verdict("readiness") is True

    @property
    def failed(self) -> Probe | None:
        """The probe whose failure demands a new run."""
        demanding: tuple[Kind, ...] = ("startup", "liveness")
        return next((self._tallies[kind].probe for kind in demanding if self._verdict(kind) is False), None)

    def _waited_for(self) -> list[Tally]:
        """The probes that are asked at this stage."""
        if self.failed:
            return []
        kinds: tuple[Kind, ...] = ("readiness", "liveness") if self.started else ("startup",)
        return [self._tallies[kind] for kind in kinds if kind in self._tallies and not self._tallies[kind].asking]

    def due(self, now: float) -> list[Tally]:
        """The probes to ask now."""
        return [tally for tally in self._waited_for() if tally.due_at <= now]

    @property
    def due_at(self) -> float:
        """When the next probe is to be asked; infinite while none is, or while all that matter are being asked."""
        return min((tally.due_at for tally in self._waited_for()), default=float("inf"))
