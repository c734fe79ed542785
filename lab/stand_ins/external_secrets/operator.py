"""The operator: makes External Secrets of the ExternalSecretsConfig `cluster`.

Owns that object's status and finalizer, and the namespace and Deployment of External Secrets. Neither goes with the
config: upstream leaves that to people (external_secrets/controller.go: cleanUp).
"""

import contextlib
import logging

from kubernetes.dynamic.exceptions import ConflictError

from lab.kube import Manifest
from lab.stand_ins.controller import conditions
from lab.stand_ins.controller.api import Kind
from lab.stand_ins.controller.cluster import WatchedCluster
from lab.stand_ins.controller.kinds import DEPLOYMENT, NAMESPACE
from lab.stand_ins.controller.worker import Worker
from lab.stand_ins.controller.workqueue import Key

MANAGER = "external-secrets-operator"
CONFIG = Kind("operator.openshift.io/v1alpha1", "ExternalSecretsConfig", "externalsecretsconfigs")
NAME = "cluster"
FINALIZER = "externalsecretsconfigs.operator.openshift.io/external-secrets-controller"
OPERAND = "external-secrets"
"""The namespace of External Secrets, and its Deployment there."""

IMAGE = "registry.redhat.io/external-secrets-operator/external-secrets-rhel9:v0.20.4"
GRACE = 1.0


class Operator:
    """The operator of one kubeconfig context.

    Raises:
        LabError: the context cannot be read.
    """

    def __init__(self, context: str) -> None:
        self.context = context
        log = logging.getLogger(f"external-secrets-operator.{context}")
        self._cluster = cluster = WatchedCluster(context, MANAGER, log)
        cluster.watch(CONFIG)
        self._worker = Worker(cluster.queue, self._check, log)

    def start(self) -> None:
        """Fill the cache and begin to work.

        Raises:
            LabError: the configs cannot be listed: what OLM has installed is not this operator.
        """
        self._cluster.start()
        self._worker.start()

    def wait_until_ready(self, timeout: float) -> bool:
        """Whether what there was at the start is looked at."""
        return self._cluster.queue.wait_until_idle(timeout)

    def stop(self) -> None:
        """Begin nothing more; External Secrets stays."""
        self._cluster.stop()
        self._worker.join(GRACE)

    def _check(self, key: Key) -> None:
        config = self._cluster.get(CONFIG, *key.name.split("/"))
        if config is None or config["metadata"]["name"] != NAME:
            return
        metadata = config["metadata"]
        finalizers = metadata.get("finalizers") or []
        if metadata.get("deletionTimestamp"):
            if FINALIZER in finalizers:
                metadata["finalizers"] = [one for one in finalizers if one != FINALIZER]
                self._cluster.api.replace(CONFIG, config)
            return
        if FINALIZER not in finalizers:
            metadata["finalizers"] = [*finalizers, FINALIZER]
            self._cluster.update(CONFIG, config)
            return
        self._deploy()
        self._report(config)

    def _deploy(self) -> None:
        with contextlib.suppress(ConflictError):
            self._cluster.api.create(NAMESPACE, None, {"metadata": {"name": OPERAND}})
        self._cluster.api.apply(DEPLOYMENT, OPERAND, deployment())

    def _report(self, config: Manifest) -> None:
        """Ready as soon as all objects are there, which says nothing of the pod yet, as upstream."""
        status: Manifest = config.setdefault("status", {})
        generation = config["metadata"]["generation"]
        changed = status.get("externalSecretsImage") != IMAGE
        status["externalSecretsImage"] = IMAGE
        told = {"reason": "Ready", "observedGeneration": generation}
        changed |= conditions.put(status, "Degraded", "False", message="", **told)
        changed |= conditions.put(status, "Ready", "True", message="reconciliation successful", **told)
        if changed:
            self._cluster.update_status(CONFIG, config)


def deployment() -> Manifest:
    """External Secrets' own (bindata/external-secrets/resources/deployment_external-secrets.yml)."""
    labels = {"app.kubernetes.io/name": OPERAND, "app.kubernetes.io/instance": OPERAND}
    arguments = ["--concurrent=1", "--metrics-addr=:8080", "--loglevel=info"]
    container = {"name": OPERAND, "image": IMAGE, "args": arguments}
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"serviceAccountName": OPERAND, "containers": [container]},
        },
    }
    return {"metadata": {"name": OPERAND, "labels": {**labels, "app": MANAGER}}, "spec": spec}
