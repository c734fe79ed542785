"""The handler of Clusters: the operator's loop, with the instance managers' work done in its place.

Owns the order (upstream: internal/controller/cluster_controller.go): defaults, validation, Secrets, Services, the
primary, its replicas, the status. Every call looks at everything, so it may be broken off anywhere and made again.
"""

from lab.binaries.postgresql import VERSIONS
from lab.kube import Manifest
from lab.stand_ins.cnpg import archiving, backups, defaults, objects, status, validation
from lab.stand_ins.cnpg.certificates import Certificates
from lab.stand_ins.cnpg.credentials import Credentials
from lab.stand_ins.cnpg.instances import Instances
from lab.stand_ins.cnpg.kinds import Group
from lab.stand_ins.cnpg.members import Members, StoppedError
from lab.stand_ins.cnpg.object_stores import archive_of
from lab.stand_ins.cnpg.pki import CertificateError
from lab.stand_ins.cnpg.store import Store
from lab.stand_ins.controller.api import key_of, split_key
from lab.stand_ins.controller.kinds import DISRUPTION_BUDGET, SERVICE, SERVICE_ACCOUNT

CLUSTER_IS_GONE = "cluster resource has been deleted, skipping reconciliation"


class Clusters:
    """The Clusters of one group in one API server."""

    def __init__(self, group: Group, store: Store, instances: Instances) -> None:
        self._group = group
        self._store = store
        self._instances = instances
        self._members = Members(group, store, instances, self._write)

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
        now = cluster.setdefault("status", {})
        try:
            self._reconcile(cluster)
            status.set_phase(now, status.HEALTHY)
            # No watch tells of the archive, nor of a Secret that it needs.
            again = archiving.AGAIN if archive_of(cluster) else None
        except StoppedError as stop:
            status.set_phase(now, stop.phase, stop.reason)
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

    def _reconcile(self, cluster: Manifest) -> None:
        """Everything but the phase; `cluster["status"]` is filled on the way."""
        now = cluster["status"]
        self._admit(cluster)
        status.describe(now, self._group, cluster)
        self._make_objects(cluster)
        running = [self._members.primary(cluster)]
        status.set_bootstrapped(now, done=True)
        if backup := backups.last(self._group, self._store, cluster):
            told = backup["status"]
            status.set_backup(now, done=told["phase"] == backups.COMPLETED, fault=told.get("error", ""))
        try:
            for serial in range(2, cluster["spec"]["instances"] + 1):
                running += [self._members.replica(cluster, serial, running[0])]
        finally:
            status.count(now, self._instances.claims(self._group, cluster), running)

    def _admit(self, cluster: Manifest) -> None:
        found = validation.refusals(cluster)
        for refusal in found:
            self._store.log.info("Cluster %s is invalid: %s: %s", key_of(cluster), refusal.field, refusal.reason)
        if found:
            raise StoppedError(status.INVALID, validation.summary(found), None)
        major = validation.major_version(cluster["spec"].get("imageName", ""))
        if major not in VERSIONS:
            reason = f"the lab has PostgreSQL {', '.join(map(str, VERSIONS))}: set spec.imageName to an image of these"
            raise StoppedError(status.INVALID, reason, None)
        if (made := status.data_version(cluster["status"])) not in {None, major}:
            reason = f"the lab makes no major upgrades: the data is PostgreSQL {made}'s, spec.imageName is {major}'s"
            raise StoppedError(status.INVALID, reason, None)

    def _make_objects(self, cluster: Manifest) -> None:
        api, namespace = self._store.api, cluster["metadata"]["namespace"]
        try:
            cluster["status"]["certificates"] = Certificates(api, self._group, cluster).ensure()
            Credentials(api, self._group, cluster).ensure()
            for service in objects.services(self._group, cluster):
                self._refuse_foreign(cluster, service["metadata"]["name"])
                api.apply(SERVICE, namespace, service)
            api.apply(SERVICE_ACCOUNT, namespace, objects.service_account(self._group, cluster))
            for name, budget in objects.disruption_budgets(self._group, cluster).items():
                if budget:
                    api.apply(DISRUPTION_BUDGET, namespace, budget)
                elif (found := api.get(DISRUPTION_BUDGET, namespace, name)) and objects.is_owned(
                    self._group, cluster, found
                ):
                    api.delete(DISRUPTION_BUDGET, namespace, name)
        except CertificateError as error:
            raise StoppedError(status.CANNOT_CREATE_OBJECTS, str(error)) from error

    def _refuse_foreign(self, cluster: Manifest, service: str) -> None:
        found = self._store.api.get(SERVICE, cluster["metadata"]["namespace"], service)
        if found and not objects.is_owned(self._group, cluster, found):
            reason = f"refusing to reconcile service: {service}, not owned by the cluster"
            raise StoppedError(status.CANNOT_CREATE_OBJECTS, reason)

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
