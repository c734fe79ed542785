"""What the runner asks of one API server beyond the verbs that every controller uses.

Owns the requests about a pod: binding, status, removal, events, tokens of its service account. Does not decide
anything. Errors of the API server pass through as the client raises them.
"""

from kubernetes.dynamic.exceptions import ConflictError

from lab.home import LabError
from lab.kube import Manifest, connect
from lab.stand_ins.controller.api import STRATEGIC, Api
from lab.stand_ins.controller.conditions import timestamp
from lab.stand_ins.controller.kinds import EVENT, POD, SERVICE_ACCOUNT

NODE = "lab"


class Cluster(Api):
    """One API server, by the kubeconfig context's name; safe to use from several threads."""

    def __init__(self, context: str) -> None:
        """Read the kubeconfig.

        Raises:
            LabError: the context is absent, or its server's address is none that a pod could use.
        """
        super().__init__(connect(context, discover=False), "lab-pods")
        self.context = context
        if self.server.scheme != "https" or not self.server.hostname:
            raise LabError(
                f"The API server of context {context!r} is {self.server.geturl()!r}, but pods reach theirs by https "
                "only: give the context an https:// address in the kubeconfig."
            )
        self.host, self.port = self.server.hostname, self.server.port or 443

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
            self.create(POD, namespace, body, name=name, subresource="binding")
        except ConflictError:
            # The answer to an earlier attempt may have been lost.
            present = self.get(POD, namespace, name) or pod
            if present["metadata"]["uid"] != metadata["uid"] or present["spec"].get("nodeName") != NODE:
                raise

    def write_status(self, pod: Manifest, status: Manifest, timeout: float | None) -> Manifest:
        """Merge the status into this very pod; gives the pod after it. Another UID under its name is a conflict."""
        body = {"metadata": {key: pod["metadata"][key] for key in ("name", "uid")}, "status": status}
        return self.patch(POD, pod["metadata"]["namespace"], body, "status", form=STRATEGIC, timeout=timeout)

    def remove(self, pod: Manifest) -> None:
        """End a graceful deletion: the pod's processes are gone. Its finalizers still hold it."""
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
        self.delete(POD, pod["metadata"]["namespace"], pod["metadata"]["name"], options)

    def event(self, kind: str, about: Manifest, severity: str, reason: str, message: str, source: str) -> None:  # noqa: PLR0917 - as an event has it
        """An event on a namespaced object, for `kubectl describe`; `severity` is Normal or Warning."""
        metadata = about["metadata"]
        now = timestamp()
        body = {
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
        self.create(EVENT, metadata["namespace"], body)

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
        made = self.create(SERVICE_ACCOUNT, metadata["namespace"], body, name=account, subresource="token")
        return made["status"]["token"], made["status"]["expirationTimestamp"]
