"""The handler of Clusters: the operator's loop, with the instance managers' work done in its place.

Owns the order (upstream: internal/controller/cluster_controller.go): defaults, validation, Secrets, Services, the
primary, its replicas, the status. Every call looks at everything, so it may be broken off anywhere and made again.
"""

from lab.cnpg import bootstrap, defaults, kinds, objects, replicas, status, validation
from lab.cnpg.bootstrap import BootstrapError
from lab.cnpg.certificates import Certificates
from lab.cnpg.credentials import Credentials
from lab.cnpg.database import SqlError
from lab.cnpg.instances import Instances, NotYetError
from lab.cnpg.kinds import Group
from lab.cnpg.manager import CannotReconcileError, Manager
from lab.cnpg.pki import CertificateError
from lab.cnpg.server import ServerError
from lab.cnpg.status import InstanceState
from lab.cnpg.store import Store
from lab.controller.api import key_of, split_key
from lab.kube import Manifest
from lab.pods.addresses import address_of

MAJOR = 16
SOON = 1.0
"""Seconds after which something is looked at again of which no watch tells."""
CLUSTER_IS_GONE = "cluster resource has been deleted, skipping reconciliation"


class StoppedError(Exception):
    """The loop ends here: the status has the phase, and `again` says in how many seconds to look, None for never."""

    def __init__(self, phase: str, reason: str, again: float | None = SOON) -> None:
        super().__init__(reason)
        self.phase = phase
        self.again = again


class Clusters:
    """The Clusters of one group in one API server."""

    def __init__(self, group: Group, store: Store, instances: Instances) -> None:
        self._group = group
        self._store = store
        self._instances = instances
        # Cluster -> the generation whose bootstrap failed; upstream's Job would stay failed until somebody deletes it.
        self._failed: dict[str, tuple[str, int]] = {}

    def check(self, key: str) -> float | None:
        """Bring a Cluster closer to its spec; returns in how many seconds to come back, if nothing else happens."""
        namespace, name = split_key(key)
        cluster = self._store.get(self._group.cluster, namespace, name)
        gone = cluster is None or "deletionTimestamp" in cluster["metadata"]
        self._instances.end_deleted(self._group, namespace, name, unborn=gone)
        if cluster is None or gone:
            self._release(namespace, name)
            return None
        complete = defaults.with_defaults(cluster)
        if complete["spec"] != cluster["spec"]:
            cluster = self._store.update(self._group.cluster, complete)
        again = None
        try:
            cluster = self._reconcile(cluster)
        except StoppedError as stop:
            status.set_phase(cluster.setdefault("status", {}), stop.phase, str(stop))
            again = stop.again
        self._write(cluster)
        return again

    def _write(self, cluster: Manifest) -> None:
        """Write the status where it differs."""
        namespace, name = split_key(key_of(cluster))
        known = self._store.get(self._group.cluster, namespace, name)
        if known and known.get("status") == cluster.get("status"):
            return
        written = self._store.update_status(self._group.cluster, cluster)
        cluster["metadata"]["resourceVersion"] = written["metadata"]["resourceVersion"]

    def _reconcile(self, cluster: Manifest) -> Manifest:
        """Everything but the phase of a loop that stops; `cluster["status"]` is filled on the way."""
        now = cluster.setdefault("status", {})
        self._admit(cluster)
        status.describe(now, self._group, cluster)
        self._make_objects(cluster)
        primary = self._primary(cluster)
        status.set_bootstrapped(now, done=True)
        states = [primary]
        try:
            for serial in range(2, cluster["spec"]["instances"] + 1):
                states += [self._replica(cluster, serial, primary)]
        finally:
            status.count(now, self._instances.claims(self._group, cluster), states)
        status.set_phase(now, status.HEALTHY)
        return cluster

    def _admit(self, cluster: Manifest) -> None:
        found = validation.refusals(cluster)
        for refusal in found:
            self._store.log.info("Cluster %s is invalid: %s: %s", key_of(cluster), refusal.field, refusal.reason)
        if found:
            raise StoppedError(status.INVALID, validation.summary(found), None)
        if "recovery" in cluster["spec"]["bootstrap"]:
            reason = "the lab bootstraps by initdb only: a restore needs a real operator and its object store"
            raise StoppedError(status.INVALID, reason, None)
        image = cluster["spec"].get("imageName", "")
        if validation.major_version(image) != MAJOR:
            reason = f"the lab has PostgreSQL {MAJOR} only: set spec.imageName to an image with a tag of {MAJOR}"
            raise StoppedError(status.INVALID, reason, None)

    def _make_objects(self, cluster: Manifest) -> None:
        api, namespace = self._store.api, cluster["metadata"]["namespace"]
        try:
            cluster["status"]["certificates"] = Certificates(api, self._group, cluster).ensure()
            Credentials(api, self._group, cluster).ensure()
            for service in objects.services(self._group, cluster):
                self._refuse_foreign(cluster, service["metadata"]["name"])
                api.apply(kinds.SERVICE, namespace, service)
            api.apply(kinds.SERVICE_ACCOUNT, namespace, objects.service_account(self._group, cluster))
        except CertificateError as error:
            raise StoppedError(status.CANNOT_CREATE_OBJECTS, str(error)) from error

    def _refuse_foreign(self, cluster: Manifest, service: str) -> None:
        found = self._store.api.get(kinds.SERVICE, cluster["metadata"]["namespace"], service)
        if found and not objects.is_owned(self._group, cluster, found):
            reason = f"refusing to reconcile service: {service}, not owned by the cluster"
            raise StoppedError(status.CANNOT_CREATE_OBJECTS, reason)

    def _primary(self, cluster: Manifest) -> InstanceState:
        """Make the primary and let it run; what it says of itself goes into the status."""
        now, name = cluster["status"], objects.instance_name(cluster["metadata"]["name"], 1)
        first_phase = (status.FIRST_PRIMARY, f"Creating primary instance {name}")
        status.set_target(now, name)
        try:
            claim = self._instances.claim(self._group, cluster, 1)
            manager = self._instances.manager(self._group, cluster, claim)
            if not objects.has_data(self._group, claim):
                status.set_bootstrapped(now, done=False)
                status.set_phase(now, *first_phase)
                self._write(cluster)
                self._bootstrap(cluster, manager)
                self._instances.mark_ready(self._group, claim)
            pod = self._instances.pod(self._group, cluster, 1, primary=True)
        except NotYetError as error:
            self._store.log.info("Cluster %s waits for %s", key_of(cluster), error)
            raise StoppedError(*first_phase) from error
        self._run(cluster, manager, pod)
        try:
            if (managed := manager.align(cluster)) is not None:
                now["managedRolesStatus"] = managed
            with manager.server.database.session() as session:
                system = session.value("SELECT system_identifier FROM pg_catalog.pg_control_system()")
                timeline = session.value("SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()")
                replicas.keep_slots(session, cluster, self._replicas(cluster))
        except (SqlError, CannotReconcileError) as error:
            self._say(manager, cluster, str(error))
            raise StoppedError(now.get("phase", status.FIRST_PRIMARY), now.get("phaseReason", "")) from error
        self._instances.show(pod, ready=True)
        status.set_primary(now, name, str(system))
        return InstanceState(name, address_of(pod["metadata"]["uid"]), primary=True, timeline=timeline)

    def _replicas(self, cluster: Manifest) -> list[str]:
        """The names of all replicas that are wanted; others go, with their data."""
        name, wanted = cluster["metadata"]["name"], cluster["spec"]["instances"]
        self._instances.shrink(self._group, cluster, wanted)
        return [objects.instance_name(name, serial) for serial in range(2, wanted + 1)]

    def _replica(self, cluster: Manifest, serial: int, leader: InstanceState) -> InstanceState:
        """Make one more copy of the primary, and let it follow."""
        name = objects.instance_name(cluster["metadata"]["name"], serial)
        phase = (status.CREATING_REPLICA, f"Creating replica {name}")
        primary, slot = replicas.conninfo(cluster, name, leader.address), replicas.slot(cluster, name)
        try:
            claim = self._instances.claim(self._group, cluster, serial)
            manager = self._instances.manager(self._group, cluster, claim)
            if not objects.has_data(self._group, claim):
                status.set_phase(cluster["status"], *phase)
                self._write(cluster)
                replicas.join(manager, cluster, primary)
                self._instances.mark_ready(self._group, claim)
            pod = self._instances.pod(self._group, cluster, serial, primary=False)
        except NotYetError as error:
            self._store.log.info("Cluster %s waits for %s", key_of(cluster), error)
            raise StoppedError(*phase) from error
        except (ServerError, CannotReconcileError) as error:
            self._say(manager, cluster, str(error))
            raise StoppedError(*phase) from error
        self._run(cluster, manager, pod, primary, slot)
        self._instances.show(pod, ready=True)
        return InstanceState(name, address_of(pod["metadata"]["uid"]), primary=False, timeline=leader.timeline)

    def _bootstrap(self, cluster: Manifest, manager: Manager) -> None:
        key, attempt = key_of(cluster), (cluster["metadata"]["uid"], cluster["metadata"]["generation"])
        name = manager.server.place.name
        failure = (
            status.UNRECOVERABLE,
            f"Instance creation failed for the following jobs: {name}-initdb. "
            "Check the job logs to investigate the cause of the failure.",
            None,
        )
        if self._failed.get(key) == attempt:
            raise StoppedError(*failure)
        try:
            bootstrap.create(manager.server, bootstrap.Plan.of(cluster, self._reader(cluster)))
        except BootstrapError as error:
            self._failed[key] = attempt
            self._say(manager, cluster, f"{name}-initdb failed: {error}")
            raise StoppedError(*failure) from error

    def _run(self, cluster: Manifest, manager: Manager, pod: Manifest, primary: str = "", slot: str = "") -> None:
        """Give the server its files, and start, reload or restart it as needed; a replica has a primary and a slot."""
        server = manager.server
        try:
            changed = manager.write_files(cluster, address_of(pod["metadata"]["uid"]), primary, slot)
            if server.alive and changed and manager.reload():
                status.set_phase(cluster["status"], status.RESTARTING, "Primary instance is being restarted in-place")
                self._write(cluster)
                server.stop()
            if not server.alive:
                self._instances.show(pod, ready=False)
                server.start()
        except (ServerError, SqlError, CannotReconcileError) as error:
            self._say(manager, cluster, str(error))
            reason = "Some instances are not yet active. Please wait."
            raise StoppedError(status.WAITING_FOR_INSTANCES, reason) from error

    def _reader(self, cluster: Manifest) -> bootstrap.Read:
        """Reads what `postInit…Refs` name; a missing object keeps the Job's pod waiting, as its mount would."""
        by_name = {"secret": kinds.SECRET, "config map": kinds.CONFIG_MAP}

        def read(kind: str, reference: Manifest) -> str:
            found = self._store.api.get(by_name[kind], cluster["metadata"]["namespace"], reference["name"])
            text = bootstrap.text_of(kind, found, reference["key"])
            if text is None:
                raise NotYetError(f"the key {reference['key']} of the {kind} {reference['name']}")
            return text

        return read

    def _release(self, namespace: str, name: str) -> None:
        """Let the Publications and Subscriptions of a Cluster go that is gone (upstream: finalizers_delete.go)."""
        finalizers = {
            self._group.publication: self._group.label("deletePublication"),
            self._group.subscription: self._group.label("deleteSubscription"),
        }
        for kind, finalizer in finalizers.items():
            for found in self._store.items(kind, namespace):
                if found["spec"]["cluster"]["name"] != name:
                    continue
                told = found
                if found.get("status", {}).get("message") != CLUSTER_IS_GONE:
                    told = self._store.update_status(
                        kind, found | {"status": {"applied": False, "message": CLUSTER_IS_GONE}}
                    )
                if finalizer in told["metadata"].get("finalizers", []):
                    told["metadata"]["finalizers"].remove(finalizer)
                    self._store.update(kind, told)

    def _say(self, manager: Manager, cluster: Manifest, text: str) -> None:
        """An error that people look for in the instance's log, and in the operator's."""
        manager.server.say("error", "Reconciler error", error=text)
        self._store.log.info("Cluster %s: %s", key_of(cluster), text)
