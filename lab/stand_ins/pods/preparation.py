"""What must be there before a pod's containers can run, and each container's plan.

Owns the pod's address, volumes, tokens and namespace settings: it fetches them, keeps them fresh and makes plans of
them. Does not start anything.
"""

import time

from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic.exceptions import ForbiddenError

from lab.kube import Manifest
from lab.stand_ins.controller.api import error_text
from lab.stand_ins.controller.kinds import CONFIG_MAP, NAMESPACE, SECRET, VOLUME, VOLUME_CLAIM
from lab.stand_ins.pods.addresses import address_of, names, names_file
from lab.stand_ins.pods.cluster import Cluster
from lab.stand_ins.pods.containers.actions import check
from lab.stand_ins.pods.containers.container import Container
from lab.stand_ins.pods.containers.images import image_variables, passwd, programs, stop_signal
from lab.stand_ins.pods.containers.interpreter import interpreter
from lab.stand_ins.pods.containers.security import Identity, fs_group, identity
from lab.stand_ins.pods.containers.service_account import Tokens, with_account_volume, with_cluster_ca
from lab.stand_ins.pods.containers.variables import ContainerConfigError, Kind, command_line, environment
from lab.stand_ins.pods.status import LOOPBACK
from lab.stand_ins.pods.storage.claims import Claims
from lab.stand_ins.pods.storage.contents import VolumeError
from lab.stand_ins.pods.storage.volumes import Volumes
from lab.stand_ins.pods.walls.plan import Mount, Plan
from lab.stand_ins.pods.workspace import Workspace

REFRESH_SECONDS = 10.0
"""How often changed Secrets, ConfigMaps and tokens reach a running pod; a kubelet takes up to two minutes."""


_READ = {kind.name: kind for kind in (SECRET, CONFIG_MAP)}


class Preparation:
    """The volumes and settings of one pod. `due_at` is when they want refreshing, on the monotonic clock."""

    def __init__(self, pod: Manifest, cluster: Cluster, workspace: Workspace, tools: tuple[Mount, ...]) -> None:
        self.address = address_of(pod["metadata"]["uid"])
        placed = {**(pod.get("status") or {}), "podIP": self.address, "hostIP": LOOPBACK}
        self._pod = {**pod, "status": placed}
        self._cluster = cluster
        self._workspace = workspace
        self._tools = tools
        self._tokens = Tokens(cluster, pod)
        self._annotations: dict[str, str] = {}
        self._claims = Claims(pod, self._read_storage)
        self._volumes: Volumes | None = None
        self._find = with_cluster_ca(self._read, cluster.ca)
        self.done = False
        self.due_at = 0.0

    def unschedulable(self) -> str:
        """Why no node can take the pod yet, in a scheduler's words; empty where nothing is in the way."""
        return self._claims.unschedulable()

    def refresh(self, containers: list[Container]) -> None:
        """Make the volumes the first time, with what admission has left out; later bring them up to date.

        Raises:
            VolumeError: something is missing for the first time; what is there already stays usable.
        """
        if time.monotonic() < self.due_at:
            return
        if self._volumes is None:
            self._volumes = self._first(containers)
        try:
            self._volumes.refresh(self._find, self._token)
        except VolumeError:
            if not self.done:
                raise
        self.done = True
        self.due_at = time.monotonic() + REFRESH_SECONDS

    def _first(self, containers: list[Container]) -> Volumes:
        metadata = self._pod["metadata"]
        try:
            namespace = self._cluster.get(NAMESPACE, None, metadata["namespace"]) or {}
        except ForbiddenError:
            namespace = {}
        self._annotations = (namespace.get("metadata") or {}).get("annotations") or {}
        pod = with_account_volume(self._pod, self._cluster)
        specs = [*(pod["spec"].get("initContainers") or []), *pod["spec"]["containers"]]
        for container, spec in zip(containers, specs, strict=True):
            container.spec = spec
        return Volumes(
            pod,
            self._workspace.folder(metadata["uid"]) / "volumes",
            self._workspace.folder(metadata["uid"], large=True) / "volumes",
            fs_group(pod, self._annotations),
            self._claims,
        )

    def _read(self, kind: Kind, name: str) -> Manifest | None:
        return self._cluster.get(_READ[kind], self._pod["metadata"]["namespace"], name)

    def _read_storage(self, kind: str, name: str) -> Manifest | None:
        if kind == VOLUME.name:
            return self._cluster.get(VOLUME, None, name)
        return self._cluster.get(VOLUME_CLAIM, self._pod["metadata"]["namespace"], name)

    def _token(self, audience: str | None, seconds: int | None) -> str:
        try:
            return self._tokens.token(audience, seconds)
        except ApiException as error:
            # The server's own words name the account or the audience, and no token was made that they could quote.
            raise VolumeError(f"failed to fetch token: {error_text(error)}") from error

    def plan(self, container: Container) -> Plan:
        """The container as its pod asks for it.

        Raises:
            ContainerConfigError: the pod asks for what is absent, or ruled out.
            NamesMissingError: the network has to write the namespace's names first.
        """
        pod, spec = self._pod, container.spec
        if container.record.init and spec.get("restartPolicy") == "Always":
            raise ContainerConfigError("init containers that keep running (sidecars) are not available in the lab")
        check(spec)
        who = identity(pod, spec, self._annotations)
        asked_for = environment(pod, spec, self._find, api_host=self._cluster.host, api_port=self._cluster.port)
        argv = command_line(spec, asked_for)
        volumes = self._volumes.mounts(spec, asked_for) if self._volumes else []
        network = names(self._workspace.home, self._cluster.context, pod["metadata"]["namespace"])
        lent = (
            *self._tools,
            *programs(spec.get("image", "")),
            *interpreter(spec.get("image", "")),
            self._passwd(who, spec),
            *([network] if network else []),
        )
        return Plan(
            scratch=str(container.scratch()),
            argv=argv,
            environment={**image_variables(pod, spec, who.uid), **asked_for},
            hostname=pod["spec"].get("hostname") or pod["metadata"]["name"],
            uid=who.uid,
            gid=who.gid,
            groups=who.groups,
            working_dir=spec.get("workingDir") or "/",
            read_only_root=who.read_only_root,
            mounts=(*lent, container.message_mount(who.gid), *volumes),
            hosts=names_file(pod["metadata"]["namespace"]) if network else "",
            stop_signal=stop_signal(spec),
        )

    def _passwd(self, who: Identity, spec: Manifest) -> Mount:
        file = self._workspace.folder(self._pod["metadata"]["uid"]) / f"{spec['name']}.passwd"
        file.write_text(passwd(who.uid, who.gid, spec.get("workingDir") or "/"))
        file.chmod(0o644)
        return Mount(source=str(file.resolve()), target="/etc/passwd", read_only=True)
