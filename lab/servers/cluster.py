"""One cluster without nodes: etcd, kube-apiserver and kube-controller-manager, as light as they come.

Owns their flags and certificates, also those between the API server and the kubelet. That one serves streams only
(kubelet.py): lab/stand_ins/pods runs pods.
"""

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lab.certificates import Authority, signing_key
from lab.servers.endpoint import Endpoint
from lab.servers.kubelet import PROGRAM, kubelet, kubelet_port
from lab.servers.ports import LOOPBACK
from lab.servers.process import plain_environ
from lab.servers.supervisor import Server, Supervisor
from lab.stand_ins.network.ranges import kubernetes_address, service_range

ISSUER = "https://kubernetes.default.svc"
HOSTS = (LOOPBACK, "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
# What the program's objects need; the rest of the thirty controllers would only watch and take memory.
CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "cronjob-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "persistentvolume-binder-controller",
    "persistentvolume-protection-controller",
    "persistentvolumeclaim-protection-controller",
    "resourcequota-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "statefulset-controller",
    "ttl-after-finished-controller",
)


class Cluster:
    """One cluster of the lab, by its kubeconfig context."""

    def __init__(self, context: str, number: int, supervisor: Supervisor, programs: dict[str, Path]) -> None:
        """`number` tells the clusters of one lab apart."""
        self.context = context
        self._services = service_range(supervisor.home.root, number)
        self._supervisor = supervisor
        self._programs = programs
        self._folder = supervisor.home.folder("clusters", context)
        self._authority = Authority(self._folder, f"{context}-ca")
        self._admin = self._authority.client("admin", "system:masters")
        self._tls = self._authority.server("kube-apiserver", (*HOSTS, kubernetes_address(self._services)))
        self._to_kubelet = self._authority.client("kube-apiserver-kubelet-client", "lab:kubelet-clients")
        self._signing_key = signing_key(self._folder / "service-accounts.key")

    @property
    def authority(self) -> Path:
        """The PEM file that the API server is known by."""
        return self._authority.certificate

    @property
    def url(self) -> str:
        """The API server as everybody on this machine sees it."""
        return f"https://{LOOPBACK}:{self._port('kube-apiserver')}"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig with this context only."""
        return self._folder / "kubeconfig"

    def start_api(self) -> None:
        """Start etcd and the API server side by side: the latter waits for the former by itself."""
        with ThreadPoolExecutor(2) as threads:
            for part in [threads.submit(self._supervisor.ensure, start) for start in (self._etcd, self._api_server)]:
                part.result()

    def start_controllers(self) -> None:
        """Start kube-controller-manager; definitions that exist by then are known to its garbage collector at once."""
        self._supervisor.ensure(self._controller_manager)

    def start_kubelet(self) -> int:
        """Start what serves `kubectl exec`, `logs` and `port-forward`; its port."""
        tls = self._authority.server("kubelet", (LOOPBACK,))
        program = self._programs[PROGRAM]
        self._supervisor.ensure(
            lambda: kubelet(self.context, self._supervisor, program, tls, self.authority, self._to_kubelet)
        )
        return kubelet_port(self.context, self._supervisor)

    def entry(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """Cluster, user and context entries for a kubeconfig."""
        return (
            {"server": self.url, "certificate-authority-data": _base64(self.authority)},
            {
                "client-certificate-data": _base64(self._admin.certificate),
                "client-key-data": _base64(self._admin.key),
            },
            {"cluster": self.context, "user": self.context, "namespace": "default"},
        )

    def _api(self) -> Endpoint:
        return Endpoint(self.url, self.authority, self._admin)

    def _port(self, name: str) -> int:
        return self._supervisor.ports.get(f"{name}-{self.context}")

    def _etcd(self) -> Server:
        tls = self._authority.server("etcd", (LOOPBACK,))
        client, peer = (f"https://{LOOPBACK}:{self._port(name)}" for name in ("etcd", "etcd-peer"))
        flags = {
            "name": "lab",
            "data-dir": self._folder / "etcd",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"lab={peer}",
            "cert-file": tls.certificate,
            "key-file": tls.key,
            "client-cert-auth": "true",
            "trusted-ca-file": self.authority,
            "peer-cert-file": tls.certificate,
            "peer-key-file": tls.key,
            "peer-client-cert-auth": "true",
            "peer-trusted-ca-file": self.authority,
            "enable-grpc-gateway": "false",
            "unsafe-no-fsync": "true",  # a lab may lose its data in a power cut; waiting for the disk takes seconds
            # The log of changes stays in memory until a snapshot: by default more of them than a soak makes.
            "snapshot-count": "1000",
            "log-level": "warn",
        }
        endpoint = Endpoint(client, self.authority, self._admin)
        return self._server("etcd", flags, lambda: endpoint.ok("/health"), ports=("etcd", "etcd-peer"))

    def _api_server(self) -> Server:
        flags = {
            "etcd-servers": f"https://{LOOPBACK}:{self._port('etcd')}",
            "etcd-cafile": self.authority,
            "etcd-certfile": self._admin.certificate,
            "etcd-keyfile": self._admin.key,
            "bind-address": LOOPBACK,
            "advertise-address": LOOPBACK,
            "secure-port": self._port("kube-apiserver"),
            "tls-cert-file": self._tls.certificate,
            "tls-private-key-file": self._tls.key,
            "client-ca-file": self.authority,
            "kubelet-certificate-authority": self.authority,
            "kubelet-client-certificate": self._to_kubelet.certificate,
            "kubelet-client-key": self._to_kubelet.key,
            "kubelet-preferred-address-types": "InternalIP",
            "authorization-mode": "RBAC",
            "service-account-issuer": ISSUER,
            "service-account-key-file": self._signing_key,
            "service-account-signing-key-file": self._signing_key,
            "service-cluster-ip-range": self._services,
            # Without it a claim could take blockOwnerDeletion for granted that OpenShift refuses.
            "enable-admission-plugins": "OwnerReferencesPermissionEnforcement",
            # Old versions and old events only take memory here; five minutes and an hour are Kubernetes' own.
            "etcd-compaction-interval": "1m0s",
            "event-ttl": "10m0s",
            "endpoint-reconciler-type": "none",
            "enable-priority-and-fairness": "false",
            "profiling": "false",
        }
        endpoint = self._api()
        return self._server("kube-apiserver", flags, lambda: endpoint.ok("/readyz"), ports=("kube-apiserver",))

    def _controller_manager(self) -> Server:
        flags = {
            "kubeconfig": self.kubeconfig,
            "controllers": ",".join(CONTROLLERS),
            "service-account-private-key-file": self._signing_key,
            "root-ca-file": self.authority,
            "use-service-account-credentials": "false",
            "leader-elect": "false",
            "kube-api-qps": "200",
            "kube-api-burst": "400",
            "secure-port": "0",
            "profiling": "false",
        }
        endpoint = self._api()
        # What Vault's configuration and every pod need: made by two of its controllers, so both run.
        made = (
            "/api/v1/namespaces/kube-public/configmaps/kube-root-ca.crt",
            "/api/v1/namespaces/default/serviceaccounts/default",
        )
        return self._server("kube-controller-manager", flags, lambda: endpoint.ok(*made))

    def _server(
        self, program: str, flags: dict[str, Any], ready: Callable[[], bool], ports: tuple[str, ...] = ()
    ) -> Server:
        return Server(
            name=f"{program}-{self.context}",
            argv=(str(self._programs[program]), *(f"--{flag}={value}" for flag, value in flags.items())),
            environ=plain_environ(),
            ready=ready,
            ports=tuple(f"{port}-{self.context}" for port in ports),
        )


def _base64(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
