"""What a pod needs to talk to its API server: a token bound to the pod, the CA, the namespace.

Owns the tokens' renewal and the choice of CA. Admission of an API server normally adds the volume that carries these;
where it does not (admission plugin ServiceAccount off) the same volume is made here. Tokens exist in memory and in the
pod's volumes only.
"""

import time
from datetime import datetime

from lab.kube import Manifest
from lab.stand_ins.controller.kinds import SERVICE_ACCOUNT
from lab.stand_ins.pods.cluster import Cluster
from lab.stand_ins.pods.containers.variables import Find

MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
ROOT_CA_CONFIG_MAP = "kube-root-ca.crt"
_DEFAULT_SECONDS = 3607
_RENEW_AFTER = 0.8
"""The part of a token's life after which a kubelet renews it (kubernetes: pkg/kubelet/token/token_manager.go)."""


class Tokens:
    """The tokens of one pod, one for each audience; renewed when four fifths of their time are over."""

    def __init__(self, cluster: Cluster, pod: Manifest) -> None:
        self._cluster = cluster
        self._pod = pod
        self._held: dict[tuple[str | None, int], tuple[str, float]] = {}

    def token(self, audience: str | None, seconds: int | None) -> str:
        """A token with at least a fifth of its time left."""
        key = (audience, seconds or _DEFAULT_SECONDS)
        held = self._held.get(key)
        if held is None or time.time() >= held[1]:
            token, expiry = self._cluster.request_token(self._pod, *key)
            lifetime = datetime.fromisoformat(expiry).timestamp() - time.time()
            held = self._held[key] = (token, time.time() + lifetime * _RENEW_AFTER)
        return held[0]


def with_cluster_ca(find: Find, ca: str | None) -> Find:
    """The same reader, except that kube-root-ca.crt holds the CA by which this very server's address is verified.

    Pods are sent to the kubeconfig's address, so the kubeconfig's CA is the one that fits; and a cluster that publishes
    no such ConfigMap (no root CA given to its controller manager) works too.
    """
    if ca is None:
        return find
    published: Manifest = {"kind": "ConfigMap", "data": {"ca.crt": ca}}
    return lambda kind, name: published if (kind, name) == ("ConfigMap", ROOT_CA_CONFIG_MAP) else find(kind, name)


def with_account_volume(pod: Manifest, cluster: Cluster) -> Manifest:
    """The pod, with the service account's volume where admission should have added one and has not."""
    spec = pod["spec"]
    every = [*(spec.get("initContainers") or []), *spec["containers"]]
    mounted = any(mount["mountPath"] == MOUNT_PATH for one in every for mount in one.get("volumeMounts") or [])
    name = spec.get("serviceAccountName")
    if mounted or not name or spec.get("automountServiceAccountToken") is False:
        # A pod without any account, which only a server without that admission plugin accepts, gets no token.
        return pod
    account = cluster.get(SERVICE_ACCOUNT, pod["metadata"]["namespace"], name)
    if account is None or account.get("automountServiceAccountToken") is False:
        return pod
    sources = [
        {"serviceAccountToken": {"expirationSeconds": _DEFAULT_SECONDS, "path": "token"}},
        {"configMap": {"name": ROOT_CA_CONFIG_MAP, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    mount = {"name": "lab-api-access", "mountPath": MOUNT_PATH, "readOnly": True}
    volume = {"name": "lab-api-access", "projected": {"defaultMode": 0o644, "sources": sources}}

    def mounting(containers: list[Manifest]) -> list[Manifest]:
        return [{**one, "volumeMounts": [*(one.get("volumeMounts") or []), mount]} for one in containers]

    added = {
        "volumes": [*(spec.get("volumes") or []), volume],
        "initContainers": mounting(spec.get("initContainers") or []),
        "containers": mounting(spec["containers"]),
    }
    return {**pod, "spec": {**spec, **added}}
