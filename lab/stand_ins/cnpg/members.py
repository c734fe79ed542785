"""A Cluster's primary and its replicas: made once, then kept running on the files that the spec asks for.

Owns the way of an instance from nothing to a server that answers, and the phase in which the Cluster is meanwhile. The
first instance is the primary for ever (replicas.py).
"""

from collections.abc import Callable
from dataclasses import dataclass

from lab.kube import Manifest
from lab.stand_ins.cnpg import archiving, bootstrap, objects, recovery, replicas, status
from lab.stand_ins.cnpg.bootstrap import BootstrapError
from lab.stand_ins.cnpg.database import SqlError
from lab.stand_ins.cnpg.instances import Instances, NotYetError
from lab.stand_ins.cnpg.kinds import Group
from lab.stand_ins.cnpg.manager import CannotReconcileError, Manager
from lab.stand_ins.cnpg.object_stores import archive_of, source_of
from lab.stand_ins.cnpg.server import ServerError
from lab.stand_ins.cnpg.status import InstanceState
from lab.stand_ins.cnpg.store import Store
from lab.stand_ins.controller.api import key_of
from lab.stand_ins.controller.kinds import CONFIG_MAP, SECRET
from lab.stand_ins.pods.addresses import address_of
from lab.stand_ins.pods.containers import barman_tools

SOON = 1.0
"""Seconds after which something is looked at again of which no watch tells."""


NOT_ACTIVE = "Some instances are not yet active. Please wait."


class StoppedError(Exception):
    """The work on a Cluster ends here: it is in this phase, and `again` says in how many seconds to look, if at all."""

    def __init__(self, phase: str, reason: str, again: float | None = SOON) -> None:
        super().__init__(reason)
        self.phase = phase
        self.reason = reason
        self.again = again


@dataclass(frozen=True)
class Making:
    """How an instance comes to its data, and the phase in which the Cluster is until then."""

    serial: int
    phase: str
    reason: str
    fill: Callable[[Manager], None]


class Members:
    """The instances of the Clusters of one group in one API server; `announce` writes a Cluster's status."""

    def __init__(self, group: Group, store: Store, instances: Instances, announce: Callable[[Manifest], None]) -> None:
        self._group = group
        self._store = store
        self._instances = instances
        self._announce = announce
        # Cluster -> the generation whose bootstrap failed; upstream's Job would stay failed until somebody deletes it.
        self._failed: dict[str, tuple[str, int]] = {}

    def primary(self, cluster: Manifest) -> InstanceState:
        """Make the primary and let it run; what it says of itself goes into the status.

        Raises:
            StoppedError: it does not run yet.
        """
        now, name = cluster["status"], objects.instance_name(cluster["metadata"]["name"], 1)
        status.set_target(now, name)
        making = Making(
            1, status.FIRST_PRIMARY, f"Creating primary instance {name}", lambda found: self._bootstrap(cluster, found)
        )
        manager, pod = self._make(cluster, making)
        self._run(cluster, manager, pod)
        try:
            if (managed := manager.align_roles(cluster)) is not None:
                now["managedRolesStatus"] = managed
            with manager.server.database.session() as session:
                replicas.keep_slots(session, cluster, self._wanted_replicas(cluster))
                system = session.value("SELECT system_identifier FROM pg_catalog.pg_control_system()")
                timeline = session.value("SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()")
                if archive_of(cluster):
                    archiving.describe(now, manager.server, session)
                else:
                    status.set_archiving(now)
            manager.align_passwords(cluster)
        except CannotReconcileError as error:
            # Its log says so; the operator, who sees a server that answers, calls the Cluster healthy all the same.
            self._tell(manager, cluster, str(error))
        except SqlError as error:
            raise self._inactive(manager, cluster, error) from error
        self._instances.show(pod, ready=True)
        status.set_primary(now, name, str(system))
        return InstanceState(name, address_of(pod["metadata"]["uid"]), primary=True, timeline=timeline)

    def replica(self, cluster: Manifest, serial: int, leader: InstanceState) -> InstanceState:
        """Make one more copy of the primary, and let it follow.

        Raises:
            StoppedError: it does not run yet.
        """
        name = objects.instance_name(cluster["metadata"]["name"], serial)
        primary, slot = replicas.conninfo(cluster, name, leader.address), replicas.slot(cluster, name)
        making = Making(
            serial,
            status.CREATING_REPLICA,
            f"Creating replica {name}",
            lambda found: replicas.join(found, cluster, primary),
        )
        manager, pod = self._make(cluster, making)
        self._run(cluster, manager, pod, primary, slot)
        self._instances.show(pod, ready=True)
        return InstanceState(name, address_of(pod["metadata"]["uid"]), primary=False, timeline=leader.timeline)

    def _make(self, cluster: Manifest, making: Making) -> tuple[Manager, Manifest]:
        """See that an instance has its data and its pod."""
        manager = None
        try:
            claim = self._instances.claim(self._group, cluster, making.serial)
            manager = self._instances.manager(self._group, cluster, claim)
            self._equip(cluster, manager)
            if not objects.has_data(self._group, claim):
                status.set_bootstrapped(cluster["status"], done=False)
                status.set_phase(cluster["status"], making.phase, making.reason)
                self._announce(cluster)
                making.fill(manager)
                self._instances.mark_ready(self._group, claim)
            pod = self._instances.pod(self._group, cluster, making.serial, primary=making.serial == 1)
        except NotYetError as error:
            self._store.log.info("Cluster %s waits for %s", key_of(cluster), error)
            name = objects.instance_name(cluster["metadata"]["name"], making.serial)
            if name in cluster["status"].get("instanceNames", []):
                raise StoppedError(status.WAITING_FOR_INSTANCES, NOT_ACTIVE) from error
            raise StoppedError(making.phase, making.reason) from error
        except (ServerError, CannotReconcileError) as error:
            if manager:
                self._tell(manager, cluster, str(error))
            raise StoppedError(making.phase, making.reason) from error
        return manager, pod

    def _equip(self, cluster: Manifest, manager: Manager) -> None:
        """Give the server the tools of its sidecar; one that runs without them is restarted, as its pod would be."""
        wanted = barman_tools.mounts() if archive_of(cluster) or source_of(cluster) else ()
        if manager.server.tools == wanted:
            return
        manager.server.tools = wanted
        if manager.server.alive:
            manager.server.stop()

    def _bootstrap(self, cluster: Manifest, manager: Manager) -> None:
        key, attempt = key_of(cluster), (cluster["metadata"]["uid"], cluster["metadata"]["generation"])
        name = manager.server.place.name
        job = f"{name}-full-recovery" if "recovery" in cluster["spec"]["bootstrap"] else f"{name}-initdb"
        failure = (
            f"Instance creation failed for the following jobs: {job}. "
            "Check the job logs to investigate the cause of the failure."
        )
        if self._failed.get(key) == attempt:
            raise StoppedError(status.UNRECOVERABLE, failure, None)
        try:
            archiving.prepare(self._instances.stores, manager.server, cluster)
            if "recovery" in cluster["spec"]["bootstrap"]:
                recovery.recover(manager.server, cluster, self._instances.stores)
            else:
                bootstrap.create(manager.server, bootstrap.Plan.of(cluster, self._reader(cluster)))
        except BootstrapError as error:
            self._failed[key] = attempt
            self._tell(manager, cluster, f"{job} failed: {error}")
            raise StoppedError(status.UNRECOVERABLE, failure, None) from error

    def _reader(self, cluster: Manifest) -> bootstrap.Read:
        """Reads what `postInit…Refs` name; a missing object keeps the Job's pod waiting, as its mount would."""
        by_name = {"secret": SECRET, "config map": CONFIG_MAP}

        def read(kind: str, reference: Manifest) -> str:
            found = self._store.api.get(by_name[kind], cluster["metadata"]["namespace"], reference["name"])
            text = bootstrap.text_of(kind, found, reference["key"])
            if text is None:
                raise NotYetError(f"the key {reference['key']} of the {kind} {reference['name']}")
            return text

        return read

    def _run(self, cluster: Manifest, manager: Manager, pod: Manifest, primary: str = "", slot: str = "") -> None:
        """Give the server its files, and start, reload or restart it as needed; a replica has a primary and a slot."""
        server = manager.server
        try:
            changed = manager.write_files(cluster, address_of(pod["metadata"]["uid"]), primary, slot)
            in_place = server.alive and changed and manager.reload()
            if in_place:
                status.set_phase(cluster["status"], status.RESTARTING, "Primary instance is being restarted in-place")
                self._announce(cluster)
                server.stop()
            if not server.alive:
                self._instances.show(pod, ready=False, in_place=in_place)
                server.start()
        except (ServerError, SqlError, CannotReconcileError) as error:
            raise self._inactive(manager, cluster, error) from error

    def _wanted_replicas(self, cluster: Manifest) -> list[str]:
        """The names of all replicas that are wanted; others go, with their data."""
        name, wanted = cluster["metadata"]["name"], cluster["spec"]["instances"]
        self._instances.shrink(self._group, cluster, wanted)
        return [objects.instance_name(name, serial) for serial in range(2, wanted + 1)]

    def _inactive(self, manager: Manager, cluster: Manifest, error: Exception) -> StoppedError:
        self._tell(manager, cluster, str(error))
        return StoppedError(status.WAITING_FOR_INSTANCES, NOT_ACTIVE)

    def _tell(self, manager: Manager, cluster: Manifest, text: str) -> None:
        """An error that people look for in the instance's log, and in the operator's."""
        manager.server.say("error", "Reconciler error", error=text)
        self._store.log.info("Cluster %s: %s", key_of(cluster), text)
