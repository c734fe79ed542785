"""The helm operator in one cluster: installs, upgrades and uninstalls the chart for each NetworkObserver.

Owns the status and finalizer of NetworkObservers and the objects of their releases. The login's Secret, which a hook
of the chart makes before the first installation, belongs to nobody, so it outlives its observer.
"""

import base64
import json
import logging
import secrets
from collections.abc import Callable

from lab.kube import Manifest
from lab.stand_ins.controller import conditions, definitions
from lab.stand_ins.controller.api import key_of, owned_by, split_key
from lab.stand_ins.controller.cluster import WatchedCluster
from lab.stand_ins.controller.informer import brief
from lab.stand_ins.controller.kinds import DEFINITION, DEPLOYMENT, POD, SECRET
from lab.stand_ins.controller.worker import Worker
from lab.stand_ins.controller.workqueue import Key
from lab.stand_ins.network_observer import crds
from lab.stand_ins.network_observer.chart import PART_OF, ChartError, Release
from lab.stand_ins.network_observer.kinds import MANAGER, NETWORK_OBSERVER, RELEASED, ROUTE
from lab.stand_ins.network_observer.rollout import roll_out

FINALIZER = "helm.sdk.operatorframework.io/uninstall-release"
RETRY_SECONDS = 5.0
GRACE = 1.0
_PART_OF = "app.kubernetes.io/part-of"


def keep_of_pod(pod: Manifest) -> Manifest:
    """Whose a pod is."""
    return brief(pod, labels=pod["metadata"].get("labels") or {})


class Observers:
    """The operator of one kubeconfig context.

    Raises:
        LabError: the context cannot be read.
    """

    def __init__(self, context: str, *, define: bool = True) -> None:
        """`define`: whether to install the CRD, which is OLM's business where OLM has installed the operator."""
        self.context = context
        self._define = define
        log = logging.getLogger(f"network-observer.{context}")
        self._cluster = cluster = WatchedCluster(context, MANAGER, log)
        cluster.watch(NETWORK_OBSERVER)
        cluster.watch(DEPLOYMENT)
        cluster.watch(POD, keep_of_pod)
        self._handlers: dict[str, Callable[[str], float | None]] = {
            NETWORK_OBSERVER.name: self._check,
            DEPLOYMENT.name: self._deployment_changed,
            POD.name: self._pod_changed,
        }
        self._worker = Worker(cluster.queue, lambda key: self._handlers[key.handler](key.name), log)

    def start(self) -> None:
        """Fill the caches and begin to work.

        Raises:
            LabError: the caches are not filled within a minute.
            kubernetes.client.exceptions.ApiException: the API server refuses the CRD.
        """
        if self._define:
            definitions.install(self._cluster.api, crds.definitions())
        self._cluster.start()
        self._worker.start()

    def wait_until_ready(self, _: float) -> bool:
        """Always: what there was at the start may take its time."""
        return True

    def stop(self) -> None:
        """Begin nothing more; what is installed stays."""
        self._cluster.stop()
        self._worker.join(GRACE)

    def _check(self, key: str) -> float | None:
        observer = self._cluster.get(NETWORK_OBSERVER, *split_key(key))
        if observer is None:
            return None
        finalizers = observer["metadata"].get("finalizers") or []
        if observer["metadata"].get("deletionTimestamp"):
            self._uninstall(observer)
            return None
        if FINALIZER not in finalizers:
            observer["metadata"]["finalizers"] = [*finalizers, FINALIZER]
            self._cluster.update(NETWORK_OBSERVER, observer)
            return None
        return self._install(observer)

    def _install(self, observer: Manifest) -> float | None:
        status: Manifest = observer.setdefault("status", {})
        before = json.dumps(status, sort_keys=True)
        conditions.put(status, "Initialized", "True")
        is_new, again, release = "deployedRelease" not in status, None, Release(observer)
        try:
            manifests = release.manifests(self._routes())
        except ChartError as error:
            reason = "InstallError" if is_new else "UpgradeError"
            conditions.put(status, "ReleaseFailed", "True", reason=reason, message=str(error))
            again = RETRY_SECONDS
        else:
            if is_new and release.makes_login:
                self._make_login(release)
            for manifest in manifests:
                manifest["metadata"]["ownerReferences"] = [owned_by(NETWORK_OBSERVER, observer)]
                written = self._cluster.api.apply(RELEASED[manifest["kind"]], release.namespace, manifest)
                if manifest["kind"] == ROUTE.name:
                    self._admit(written)
            text = json.dumps(manifests, sort_keys=True)
            if (status.get("deployedRelease") or {}).get("manifest") != text:
                reason = "InstallSuccessful" if is_new else "UpgradeSuccessful"
                message = f"The service is {release.fullname} in namespace {release.namespace}."
                conditions.put(status, "Deployed", "True", reason=reason, message=message)
            status["deployedRelease"] = {"name": release.name, "manifest": text}
            status["conditions"] = [one for one in status["conditions"] if one["type"] != "ReleaseFailed"]
        if json.dumps(status, sort_keys=True) != before:
            self._cluster.update_status(NETWORK_OBSERVER, observer)
        return again

    def _routes(self) -> str:
        """The domain of the cluster's Routes; empty where it has none."""
        has_routes = self._cluster.api.get(DEFINITION, None, f"{ROUTE.plural}.{ROUTE.api_version.partition('/')[0]}")
        return f"apps.{self.context}.lab" if has_routes else ""

    def _admit(self, route: Manifest) -> None:
        """What OpenShift's router says of a Route that it has taken."""
        if (route.get("status") or {}).get("ingress"):
            return
        admitted = {"type": "Admitted", "status": "True", "lastTransitionTime": conditions.timestamp()}
        ingress = {"host": route["spec"]["host"], "routerName": "default", "conditions": [admitted]}
        body = {"metadata": {"name": route["metadata"]["name"]}, "status": {"ingress": [ingress]}}
        self._cluster.api.patch(ROUTE, route["metadata"]["namespace"], body, "status")

    def _make_login(self, release: Release) -> None:
        """A user `skupper` with a random password, where the Secret is not there yet (the chart's ensure-secret)."""
        if self._cluster.api.get(SECRET, release.namespace, release.login_secret):
            return
        line = f"skupper:{{PLAIN}}{secrets.token_urlsafe(16)}"
        data = {"htpasswd": base64.b64encode(line.encode()).decode()}
        self._cluster.api.create(SECRET, release.namespace, {"metadata": {"name": release.login_secret}, "data": data})

    def _uninstall(self, observer: Manifest) -> None:
        """Delete the release's objects, then let the observer go."""
        metadata = observer["metadata"]
        if FINALIZER not in (metadata.get("finalizers") or []):
            return
        try:
            manifests = Release(observer).manifests(self._routes())
        except ChartError:
            manifests = []
        for manifest in manifests:
            options = {"propagationPolicy": "Background"}
            kind = RELEASED[manifest["kind"]]
            self._cluster.api.delete(kind, metadata["namespace"], manifest["metadata"]["name"], options)
        metadata["finalizers"] = [one for one in metadata["finalizers"] if one != FINALIZER]
        self._cluster.api.replace(NETWORK_OBSERVER, observer)

    def _deployment_changed(self, key: str) -> None:
        deployment = self._cluster.get(DEPLOYMENT, *split_key(key))
        labels = ((deployment or {}).get("metadata") or {}).get("labels") or {}
        if deployment and labels.get(_PART_OF) == PART_OF and not deployment["metadata"].get("deletionTimestamp"):
            roll_out(self._cluster, deployment)

    def _pod_changed(self, key: str) -> None:
        namespace = split_key(key)[0]
        pod = self._cluster.get(POD, *split_key(key))
        if pod and pod["labels"].get(_PART_OF) != PART_OF:
            return
        # Of a pod that is gone nothing is known but its name.
        for deployment in self._cluster.items(DEPLOYMENT, namespace):
            if (deployment["metadata"].get("labels") or {}).get(_PART_OF) == PART_OF:
                self._cluster.queue.add(Key(DEPLOYMENT.name, key_of(deployment)))
