"""OLM in one cluster: the work loop, who handles which event, and what OpenShift brings along.

Owns start and stop, and the namespaces, OperatorGroup and CatalogSources that every OpenShift cluster has. The rules
are in the handlers.
"""

import contextlib
import logging
from collections.abc import Callable

from kubernetes.dynamic.exceptions import ConflictError

from lab.kube import Manifest
from lab.stand_ins.controller import conditions, definitions
from lab.stand_ins.controller.api import Kind, key_of, split_key
from lab.stand_ins.controller.cluster import WatchedCluster
from lab.stand_ins.controller.kinds import DEFINITION, DEPLOYMENT, NAMESPACE
from lab.stand_ins.controller.worker import Worker
from lab.stand_ins.controller.workqueue import Key
from lab.stand_ins.olm.csvs import Csvs
from lab.stand_ins.olm.groups import Groups
from lab.stand_ins.olm.kinds import (
    CATALOG_SOURCE,
    CSV,
    GLOBAL_OPERATORS,
    INSTALL_PLAN,
    MANAGER,
    MARKETPLACE,
    OPERATOR_GROUP,
    OPERATORS_NAMESPACES,
    SUBSCRIPTION,
)
from lab.stand_ins.olm.packages import catalogues
from lab.stand_ins.olm.plans import InstallPlans
from lab.stand_ins.olm.sources import Sources
from lab.stand_ins.olm.subscriptions import Subscriptions

GRACE = 1.0
NAMESPACE_KEY = "Namespace"
DEFAULT_SOURCES = {
    "redhat-operators": "redhat-operator-index",
    "certified-operators": "certified-operator-index",
    "community-operators": "community-operator-index",
    "redhat-marketplace": "redhat-marketplace-index",
}
"""OpenShift's own CatalogSources, and the catalogue of each."""

INDEX = "registry.redhat.io/redhat/{}:v4.20"
"""The image of a default catalogue, by its last part."""


def keep_of_definition(definition: Manifest) -> Manifest:
    """Whether a definition is served, and nothing of its schema."""
    return {
        "metadata": {"name": definition["metadata"]["name"], "uid": definition["metadata"]["uid"]},
        "served": conditions.is_true(definition.get("status") or {}, "Established"),
    }


class Olm:
    """OLM's two operators in one kubeconfig context.

    Raises:
        LabError: the context cannot be read, or the definitions of a package cannot be had.
    """

    def __init__(self, context: str, wanted: list[Manifest]) -> None:
        """`wanted` are the definitions of OLM's own kinds."""
        self.context = context
        self._definitions = wanted
        catalogues()
        log = logging.getLogger(f"olm.{context}")
        self._cluster = cluster = WatchedCluster(context, MANAGER, log)
        for kind in (SUBSCRIPTION, INSTALL_PLAN, CSV, CATALOG_SOURCE, OPERATOR_GROUP, DEPLOYMENT):
            cluster.watch(kind)
        cluster.watch(DEFINITION, keep_of_definition)
        self._sources = Sources(cluster, self._catalogue_changed)
        self._subscriptions = Subscriptions(cluster, self._sources)
        self._plans = InstallPlans(cluster, self._sources)
        self._csvs = Csvs(cluster)
        self._groups = Groups(cluster)
        self._handlers: dict[str, Callable[[str], float | None]] = {
            NAMESPACE_KEY: lambda key: self._subscriptions.check(split_key(key)[0]),
            SUBSCRIPTION.name: self._subscription_changed,
            INSTALL_PLAN.name: self._plan_changed,
            CSV.name: self._csv_changed,
            CATALOG_SOURCE.name: self._sources.check,
            OPERATOR_GROUP.name: self._group_changed,
            DEPLOYMENT.name: self._deployment_changed,
            DEFINITION.name: self._definition_changed,
        }
        self._worker = Worker(cluster.queue, self._handle, log)

    def start(self) -> None:
        """Install OLM's CRDs, make what OpenShift has, fill the caches, and begin to work.

        Raises:
            LabError: the caches are not filled within a minute.
            kubernetes.client.exceptions.ApiException: the API server refuses a CRD.
        """
        definitions.install(self._cluster.api, self._definitions)
        self._make_openshift()
        self._cluster.start()
        self._worker.start()

    def wait_until_ready(self, timeout: float) -> bool:
        """Whether the catalogues have been connected to, within so many seconds."""
        return self._sources.connected.wait(timeout)

    def stop(self) -> None:
        """Begin nothing more; what is installed stays."""
        self._cluster.stop()
        self._worker.join(GRACE)

    def _make_openshift(self) -> None:
        """What every OpenShift cluster has, where it is not there; a person may have changed or removed some of it."""
        made: list[tuple[Kind, str, Manifest]] = [
            (NAMESPACE, "", {"metadata": {"name": name}}) for name in (*OPERATORS_NAMESPACES, MARKETPLACE)
        ]
        group: Manifest = {"metadata": {"name": GLOBAL_OPERATORS}, "spec": {}}
        made += [(OPERATOR_GROUP, namespace, group) for namespace in OPERATORS_NAMESPACES]
        for name, index in DEFAULT_SOURCES.items():
            spec = {"sourceType": "grpc", "image": INDEX.format(index), "publisher": "Red Hat", "displayName": name}
            made.append((CATALOG_SOURCE, MARKETPLACE, {"metadata": {"name": name}, "spec": spec}))
        for kind, namespace, body in made:
            with contextlib.suppress(ConflictError):
                self._cluster.api.create(kind, namespace, body)

    def _handle(self, key: Key) -> float | None:
        return self._handlers[key.handler](key.name)

    def _resolve(self, namespace: str) -> None:
        self._cluster.queue.add(Key(NAMESPACE_KEY, f"{namespace}/"))

    def _check_csvs(self, namespace: str | None = None) -> None:
        for csv in self._cluster.items(CSV, namespace):
            self._cluster.queue.add(Key(CSV.name, key_of(csv)))

    def _catalogue_changed(self, namespace: str) -> None:
        for one in self._subscriptions.namespaces() if namespace == MARKETPLACE else {namespace}:
            self._resolve(one)

    def _subscription_changed(self, key: str) -> None:
        namespace = split_key(key)[0]
        self._resolve(namespace)
        # Its `config` is part of what its CSV installs.
        self._check_csvs(namespace)

    def _plan_changed(self, key: str) -> float | None:
        self._resolve(split_key(key)[0])
        return self._plans.check(key)

    def _csv_changed(self, key: str) -> float | None:
        self._resolve(split_key(key)[0])
        return self._csvs.check(key)

    def _group_changed(self, key: str) -> None:
        self._groups.check(key)
        self._resolve(split_key(key)[0])
        # Also those of other namespaces, whose kinds this group may have had.
        self._check_csvs()

    def _deployment_changed(self, key: str) -> None:
        self._check_csvs(split_key(key)[0])

    def _definition_changed(self, key: str) -> None:
        name = split_key(key)[1]
        for csv in self._cluster.items(CSV):
            if any(one["name"] == name for one in csv["spec"]["customresourcedefinitions"].get("owned") or []):
                self._cluster.queue.add(Key(CSV.name, key_of(csv)))
