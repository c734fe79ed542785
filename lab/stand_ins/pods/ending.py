"""How a pod ends: why, with how much patience, and what is told of it.

Owns the grace periods and the words of the ends that a node brings about. Stops nothing itself: `care.py` does.
"""

import time
from dataclasses import dataclass

from lab.kube import Manifest
from lab.stand_ins.pods.containers.group import restart_policy

STOP_GRACE_SECONDS = 0.7
LASTING_STOP_GRACE_SECONDS = 3.5
"""At the runner's end: for pods that are over then, and for those that the next runner goes on with."""


@dataclass
class Ending:
    """Why nothing is started any more. `kill_at` is when patience ends, on the monotonic clock.

    A `reason` fails the pod with it; `lasts` where a later runner goes on with the pod.
    """

    kill_at: float
    reason: str = ""
    message: str = ""
    lasts: bool = False

    def hasten(self, other: "Ending") -> "Ending":
        """This one, its patience shortened to another's that has come in between."""
        self.kill_at = min(self.kill_at, other.kill_at)
        return self


def grace(pod: Manifest) -> float:
    """The seconds that the pod's containers get to end in; whoever deletes it may have shortened them."""
    asked = pod["metadata"].get("deletionGracePeriodSeconds")
    return float(pod["spec"].get("terminationGracePeriodSeconds", 30) if asked is None else asked)


def deadline(pod: Manifest, began: float) -> float:
    """When the pod's activeDeadlineSeconds are over, infinite without."""
    seconds = pod["spec"].get("activeDeadlineSeconds")
    return float("inf") if seconds is None else began + float(seconds)


def at_once() -> Ending:
    """Its object is gone, or its processes are."""
    return Ending(0.0)


def by_deletion(pod: Manifest) -> Ending:
    """Somebody has deleted the pod."""
    return Ending(time.monotonic() + grace(pod))


def by_deadline(pod: Manifest) -> Ending:
    """It has run for too long."""
    message = "Pod was active on the node longer than the specified deadline"
    return Ending(time.monotonic() + grace(pod), "DeadlineExceeded", message)


def by_runners_end(pod: Manifest) -> Ending:
    """The runner stops. What restarts always waits for the next runner, as for the end of its node's reboot."""
    if restart_policy(pod) == "Always":
        return Ending(time.monotonic() + min(grace(pod), LASTING_STOP_GRACE_SECONDS), lasts=True)
    message = "The lab's pod runner was stopped while the pod ran."
    return Ending(time.monotonic() + STOP_GRACE_SECONDS, "Terminated", message)
