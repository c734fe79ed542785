"""The containers of one pod: init containers, which run one after the other, and the others, which then run together.

Owns their order (kubernetes: pkg/kubelet/kuberuntime computePodActions) and what is left of them after a runner's end.
"""

import subprocess
from collections.abc import Sequence

from lab.kube import Manifest
from lab.stand_ins.pods.containers.container import Container
from lab.stand_ins.pods.known import not_running
from lab.stand_ins.pods.status import waiting
from lab.stand_ins.pods.walls.launching import Streams
from lab.stand_ins.pods.workspace import Workspace


def restart_policy(pod: Manifest) -> str:
    """The pod's, Always by default."""
    policy: str = pod["spec"].get("restartPolicy", "Always")
    return policy


class Group:
    """All containers of a pod."""

    def __init__(self, pod: Manifest, workspace: Workspace) -> None:
        def made(spec: Manifest, *, init: bool) -> Container:
            log, work = workspace.log(pod, spec["name"]), workspace.folder(pod["metadata"]["uid"])
            return Container(spec, init=init, restart_policy=policy, log=log, work=work)

        policy = restart_policy(pod)
        self.init = [made(one, init=True) for one in pod["spec"].get("initContainers") or []]
        self.regular = [made(one, init=False) for one in pod["spec"]["containers"]]
        self.all = [*self.init, *self.regular]
        if self.init:
            for container in self.all:
                container.record.state = waiting("PodInitializing")

    @property
    def running(self) -> list[Container]:
        """Those whose command runs."""
        return [container for container in self.all if container.record.is_running]

    @property
    def over(self) -> bool:
        """Whether all have ended for good, or an init container that failed keeps the others from ever starting."""
        if any(container.ended_for_good and container.record.exit_code != 0 for container in self.init):
            return True
        return all(container.ended_for_good for container in self.regular)

    @property
    def due(self) -> list[Container]:
        """Those that may be started now."""
        unfinished = [container for container in self.init if container.record.exit_code != 0]
        candidates = unfinished[:1] or self.regular
        return [container for container in candidates if container.is_due]

    def recall(self, status: Manifest) -> None:
        """Take over what an earlier runner wrote; none of it runs any more."""
        earlier = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
        by_name = {status["name"]: status for status in earlier}
        for container in self.all:
            container.record.recall(by_name.get(container.record.name, {}))

    def repeat(self) -> None:
        """Let the init containers run once more, as after a reboot of the node."""
        for container in self.init:
            container.record.repeat()

    def start_inside(self, name: str, argv: Sequence[str], streams: Streams) -> "subprocess.Popen[bytes]":
        """Start a command in the container of that name; from any thread.

        Raises:
            StartError: it does not run, or no such container does.
        """
        running = next((one for one in self.running if one.record.name == name), None)
        return running.start_inside(argv, streams) if running else not_running()

    def kill(self) -> None:
        """End every process at once."""
        for container in self.all:
            container.kill()
