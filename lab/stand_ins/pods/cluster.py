"""What the runner asks of one API server, and nothing more of it.

Owns the requests: pods (list, watch, bind, status, delete), objects that pods read, claims and their volumes, events,
service-account tokens, the Node `lab` and its lease. Does not decide anything. Errors of the API server
pass through as the client raises them; `UNREACHABLE` names those that a later attempt may cure.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic.exceptions import ConflictError, NotFoundError
from kubernetes.watch import Watch
from urllib3.exceptions import HTTPError

from lab.home import LabError
from lab.kube import Manifest, connect
from lab.stand_ins.pods.status import timestamp

NODE = "lab"
LEASE_NAMESPACE = "kube-node-lease"
UNREACHABLE = (ApiException, HTTPError, OSError)
_KINDS = {
    "Pod": "v1",
    "Secret": "v1",
    "ConfigMap": "v1",
    "Namespace": "v1",
    "ServiceAccount": "v1",
    "Event": "v1",
    "Node": "v1",
    "Lease": "coordination.k8s.io/v1",
    "PersistentVolume": "v1",
    "PersistentVolumeClaim": "v1",
    "StorageClass": "storage.k8s.io/v1",
}
_WATCH_SECONDS = 300
_TIMEOUT = (3.0, 20.0)


def describe(error: Exception) -> str:
    """An error of the API server or of the way to it, without its text: that may quote what was sent."""
    if isinstance(error, ApiException) and error.status:
        return f"the API server answers {error.status} {error.reason}"
    return f"the API server does not answer ({type(error).__name__})"


class Cluster:
    """One API server, by the kubeconfig context's name; safe to use from several threads."""

    def __init__(self, context: str) -> None:
        """Connect and find the kinds.

        Raises:
            LabError: the context is absent, or its server's address is none that a pod could use.
        """
        self.context = context
        client = connect(context)
        server = urlsplit(str(client.configuration.host))
        if server.scheme != "https" or not server.hostname:
            raise LabError(
                f"The API server of context {context!r} is {server.geturl()!r}, but pods reach theirs by https only: "
                "give the context an https:// address in the kubeconfig."
            )
        self.host, self.port = server.hostname, server.port or 443
        self._ca_file: str | None = client.configuration.ssl_ca_cert
        self._kinds: dict[str, Any] = {
            kind: client.resources.get(api_version=version, kind=kind) for kind, version in _KINDS.items()
        }

    @property
    def ca(self) -> str | None:
        """The CA bundle by which the kubeconfig trusts this server, None where it relies on the system's."""
        return Path(self._ca_file).read_text() if self._ca_file else None

    def find_all(self, kind: str, namespace: str | None) -> tuple[list[Manifest], str]:
        """The objects of one namespace, or of all, and the resource version to watch from."""
        found = self._kinds[kind].get(namespace=namespace, _request_timeout=_TIMEOUT).to_dict()
        return found["items"], found["metadata"]["resourceVersion"]

    def watch(self, kind: str, namespace: str | None, version: str) -> Iterator[tuple[str, Manifest]]:
        """Changes since the version, as (ADDED, MODIFIED or DELETED, object); ends after minutes, or by an error."""
        stream = Watch().stream(
            self._kinds[kind].get,
            namespace=namespace,
            resource_version=version,
            serialize=False,
            timeout_seconds=_WATCH_SECONDS,
            _request_timeout=(3.0, _WATCH_SECONDS + 30.0),
        )
        for event in stream:
            # An empty line comes as None.
            if event and event["type"] != "BOOKMARK":
                yield event["type"], event["raw_object"]

    def read(self, kind: str, name: str, namespace: str | None = None) -> Manifest | None:
        """One object as it stands, None where it does not exist."""
        try:
            found = self._kinds[kind].get(name=name, namespace=namespace, _request_timeout=_TIMEOUT)
        except NotFoundError:
            return None
        return cast("Manifest", found.to_dict())

    def bind(self, pod: Manifest) -> None:
        """Put the pod on the Node `lab`, as a scheduler does; it may be there already.

        Raises:
            ConflictError: it is on another node, or is another pod by now.
        """
        metadata = pod["metadata"]
        name, namespace = metadata["name"], metadata["namespace"]
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {key: metadata[key] for key in ("name", "namespace", "uid")},
            "target": {"apiVersion": "v1", "kind": "Node", "name": NODE},
        }
        try:
            binding = self._kinds["Pod"].subresources["binding"]
            binding.create(body=body, name=name, namespace=namespace, _request_timeout=_TIMEOUT)
        except ConflictError:
            # The answer to an earlier attempt may have been lost.
            present = self.read("Pod", name, namespace) or pod
            if present["metadata"]["uid"] != metadata["uid"] or present["spec"].get("nodeName") != NODE:
                raise

    def write_status(self, pod: Manifest, status: Manifest, timeout: float | None) -> Manifest:
        """Merge the status into this very pod; gives the pod after it. Another UID under its name is a conflict."""
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        patched = (
            self._kinds["Pod"]
            .subresources["status"]
            .patch(
                body={"metadata": {"uid": pod["metadata"]["uid"]}, "status": status},
                name=name,
                namespace=namespace,
                content_type="application/strategic-merge-patch+json",
                _request_timeout=timeout or _TIMEOUT,
            )
        )
        return cast("Manifest", patched.to_dict())

    def remove(self, pod: Manifest) -> None:
        """End a graceful deletion: the pod's processes are gone. Its finalizers still hold it."""
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        self._kinds["Pod"].delete(name=name, namespace=namespace, body=body, _request_timeout=_TIMEOUT)

    def event(self, kind: str, about: Manifest, severity: str, reason: str, message: str, source: str) -> None:  # noqa: PLR0917 - as an event has it
        """An event on a namespaced object, for `kubectl describe`; `severity` is Normal or Warning."""
        metadata = about["metadata"]
        now = timestamp()
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{metadata['name']}.", "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": kind,
                **{key: metadata[key] for key in ("name", "namespace", "uid")},
            },
            "type": severity,
            "reason": reason,
            "message": message[:1000],
            "source": {"component": source, "host": NODE},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        self._kinds["Event"].create(body=body, namespace=metadata["namespace"], _request_timeout=_TIMEOUT)

    def create(self, body: Manifest) -> bool:
        """Create an object without a namespace; False where one of that name is there already."""
        try:
            self._kinds[body["kind"]].create(body=body, _request_timeout=_TIMEOUT)
        except ConflictError:
            return False
        return True

    def delete(self, kind: str, name: str) -> None:
        """Delete an object without a namespace; its finalizers still hold it."""
        self._kinds[kind].delete(name=name, _request_timeout=_TIMEOUT)

    def set_finalizers(self, kind: str, manifest: Manifest, finalizers: list[str]) -> None:
        """Replace the finalizers of an object that has not changed since.

        Raises:
            ConflictError: it has.
        """
        metadata = manifest["metadata"]
        self._kinds[kind].patch(
            body={"metadata": {"resourceVersion": metadata["resourceVersion"], "finalizers": finalizers}},
            name=metadata["name"],
            content_type="application/merge-patch+json",
            _request_timeout=_TIMEOUT,
        )

    def request_token(self, pod: Manifest, audience: str | None, seconds: int) -> tuple[str, str]:
        """A token of the pod's service account, valid only while the pod exists; and its RFC 3339 expiry."""
        metadata = pod["metadata"]
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {
                "audiences": [audience] if audience else [],
                "expirationSeconds": seconds,
                "boundObjectRef": {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                },
            },
        }
        account = pod["spec"].get("serviceAccountName") or "default"
        tokens = self._kinds["ServiceAccount"].subresources["token"]
        made = tokens.create(body=body, name=account, namespace=metadata["namespace"], _request_timeout=_TIMEOUT)
        status = made.to_dict()["status"]
        return status["token"], status["expirationTimestamp"]

    def apply(self, body: Manifest, *, subresource: str = "") -> None:
        """Server-side apply of an object of the lab's own, taking fields over from whoever had them."""
        resource = self._kinds[body["kind"]]
        if subresource:
            resource = resource.subresources[subresource]
        resource.patch(
            body=body,
            name=body["metadata"]["name"],
            namespace=body["metadata"].get("namespace"),
            content_type="application/apply-patch+yaml",
            field_manager="lab-pods",
            force_conflicts=True,
            _request_timeout=_TIMEOUT,
        )
