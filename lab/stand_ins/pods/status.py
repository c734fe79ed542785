"""What a kubelet writes into a pod's status, as pure functions of what has happened to its containers.

Owns phases, conditions and container states (kubernetes: pkg/kubelet/kubelet_pods.go getPhase, pkg/kubelet/status/
generate.go). Does not talk to an API server and does not decide when anything runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from lab.kube import Manifest
from lab.stand_ins.controller.conditions import timestamp

Phase = Literal["Pending", "Running", "Succeeded", "Failed"]

LOOPBACK = "127.0.0.1"
TERMINAL: tuple[Phase, ...] = ("Succeeded", "Failed")
_LOST = "The container could not be located when the pod was terminated"
_CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


def waiting(reason: str, message: str = "") -> Manifest:
    """The state of a container that is not running yet, or not running again yet."""
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def running(started_at: str) -> Manifest:
    """The state of a container whose command runs."""
    return {"running": {"startedAt": started_at}}


def terminated(
    exit_code: int,
    *,
    reason: str = "",
    message: str = "",
    started_at: str | None = None,
    container_id: str = "",
) -> Manifest:
    """The state of a container whose command has ended; `reason` is Completed or Error unless given."""
    parts = {
        "exitCode": exit_code,
        "reason": reason or ("Completed" if exit_code == 0 else "Error"),
        "startedAt": started_at,
        "finishedAt": timestamp() if started_at else None,
        "message": message,
        "containerID": container_id,
    }
    return {"terminated": {key: value for key, value in parts.items() if value not in ("", None)}}


@dataclass
class ContainerRecord:
    """What has happened to one container so far; `state` and `last_state` are shaped as in the API.

    `started` and `ready` are what its probes say while it runs.
    """

    name: str
    image: str
    init: bool = False
    state: Manifest = field(default_factory=lambda: waiting("ContainerCreating"))
    last_state: Manifest = field(default_factory=dict)
    restart_count: int = 0
    container_id: str = ""
    started: bool = False
    ready: bool = False

    @property
    def is_running(self) -> bool:
        """Whether its command runs."""
        return "running" in self.state

    @property
    def exit_code(self) -> int | None:
        """The exit code it ended with, None while it has not ended for good or for now."""
        ended = self.state.get("terminated")
        return int(ended["exitCode"]) if ended else None

    @property
    def is_ready(self) -> bool:
        """Whether it has done what an init container is for, or serves."""
        return self.exit_code == 0 if self.init else self.is_running and self.ready

    def recall(self, earlier: Manifest) -> None:
        """Take over what an earlier runner wrote. What it left running has no process any more."""
        self.state = earlier.get("state") or self.state
        self.last_state = earlier.get("lastState") or {}
        self.restart_count = earlier.get("restartCount", 0)
        self.container_id = earlier.get("containerID", "")
        if self.is_running:
            self.state = terminated(137, reason="ContainerStatusUnknown", message=_LOST, container_id=self.container_id)

    def repeat(self) -> None:
        """Let an init container run once more: its pod begins anew on this node."""
        if "terminated" in self.state:
            self.last_state = self.state
        self.state = waiting("PodInitializing")

    def as_status(self) -> Manifest:
        """One entry of containerStatuses."""
        parts: Manifest = {
            "name": self.name,
            "image": self.image,
            "imageID": "",
            "ready": self.is_ready,
            "started": self.is_running and self.started,
            "restartCount": self.restart_count,
            "state": self.state,
            "lastState": self.last_state,
        }
        if self.container_id:
            parts["containerID"] = self.container_id
        return parts


def phase(records: Sequence[ContainerRecord], restart_policy: str, *, ending: bool = False) -> Phase:
    """The pod's phase. `ending`: nothing will be restarted any more (deleted, past its deadline, runner gone)."""
    init = [record for record in records if record.init]
    regular = [record for record in records if not record.init]
    for_good = ending or restart_policy == "Never"
    if any(record.exit_code not in (0, None) for record in init) and for_good:
        return "Failed"
    if any(record.exit_code != 0 for record in init):
        return "Failed" if ending else "Pending"
    if any(record.is_running for record in regular):
        return "Running"
    if any("waiting" in record.state and not record.last_state for record in regular):
        return "Failed" if ending else "Pending"
    if all(record.exit_code == 0 for record in regular) and (for_good or restart_policy == "OnFailure"):
        return "Succeeded"
    return "Failed" if for_good else "Running"


def unschedulable(why: str) -> Manifest:
    """The status of a pod that no node can take yet, in a scheduler's words."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why}
    return {"phase": "Pending", "conditions": [{**condition, "lastTransitionTime": timestamp()}]}


def _names(records: Sequence[ContainerRecord]) -> str:
    return f"[{' '.join(record.name for record in records)}]"


def _ready(present: Phase, regular: Sequence[ContainerRecord]) -> Manifest:
    if present == "Succeeded":
        return {"status": "False", "reason": "PodCompleted"}
    if present == "Failed":
        return {"status": "False", "reason": "PodFailed"}
    unready = [record for record in regular if not record.is_ready]
    if unready:
        return {
            "status": "False",
            "reason": "ContainersNotReady",
            "message": f"containers with unready status: {_names(unready)}",
        }
    return {"status": "True"}


def _initialized(present: Phase, init: Sequence[ContainerRecord]) -> Manifest:
    if present == "Succeeded":
        return {"status": "True", "reason": "PodCompleted"}
    incomplete = [record for record in init if record.exit_code != 0]
    if incomplete:
        return {
            "status": "False",
            "reason": "ContainersNotInitialized",
            "message": f"containers with incomplete status: {_names(incomplete)}",
        }
    return {"status": "True"}


def conditions(
    present: Phase, records: Sequence[ContainerRecord], earlier: Sequence[Manifest], *, has_sandbox: bool
) -> list[Manifest]:
    """The five conditions of a kubelet. A transition time moves only when the status does."""
    ready = _ready(present, [record for record in records if not record.init])
    wanted = {
        "PodReadyToStartContainers": {"status": "True" if has_sandbox else "False"},
        "Initialized": _initialized(present, [record for record in records if record.init]),
        "Ready": ready,
        "ContainersReady": ready,
        "PodScheduled": {"status": "True"},
    }
    before = {condition["type"]: condition for condition in earlier}
    made = []
    for kind in _CONDITIONS:
        old = before.get(kind, {})
        same = old.get("status") == wanted[kind]["status"]
        since = old.get("lastTransitionTime") if same else None
        # Null removes what a strategic merge would otherwise keep of the earlier condition.
        made.append(
            {
                "type": kind,
                "lastTransitionTime": since or timestamp(),
                **{key: wanted[kind].get(key) for key in ("status", "reason", "message")},
            }
        )
    return made


def pod_status(
    records: Sequence[ContainerRecord],
    restart_policy: str,
    *,
    earlier: Manifest,
    started_at: str,
    address: str,
    has_sandbox: bool,
    ending: bool = False,
    reason: str = "",
    message: str = "",
) -> Manifest:
    """The whole status as a strategic merge patch.

    `earlier` is the status that stands; `address` is the pod's, shown from `has_sandbox` on; `reason` fails the pod.
    """
    present: Phase = "Failed" if reason else phase(records, restart_policy, ending=ending)
    finished = present in TERMINAL
    status: Manifest = {
        "phase": present,
        "conditions": conditions(
            present, records, earlier.get("conditions") or [], has_sandbox=has_sandbox and not finished
        ),
        "hostIP": LOOPBACK,
        "hostIPs": [{"ip": LOOPBACK}],
        "startTime": started_at,
        "containerStatuses": [record.as_status() for record in records if not record.init],
    }
    if any(record.init for record in records):
        status["initContainerStatuses"] = [record.as_status() for record in records if record.init]
    if has_sandbox:
        status |= {"podIP": address, "podIPs": [{"ip": address}]}
    if reason:
        status |= {"reason": reason, "message": message}
    return status
